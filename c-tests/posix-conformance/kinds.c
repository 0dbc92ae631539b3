/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Each way of learning of a request's end, with each kind of descriptor. */
#define _GNU_SOURCE
#include <linux/loop.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "suspender.h"

enum kind { CACHED, COLD, DIRECT, PIPE, FIFO, SOCKET, TCP, TERMINAL, EVENTFD, KINDS };

static const char *const names[] = { "a cached file", "a cold file", "a direct file", "a pipe", "a FIFO", "a socket",
				     "a TCP connection", "a terminal", "an eventfd" };

static struct ends tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), reader = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		skip_fact("there is no loopback network");
	EXPECT(getsockname(listener, (struct sockaddr *)&address, &length) == 0 && listen(listener, 1) == 0);
	EXPECT(connect(reader, (struct sockaddr *)&address, sizeof(address)) == 0);
	int writer = accept(listener, NULL, NULL);
	EXPECT(writer >= 0 && close(listener) == 0);
	return (struct ends){ reader, writer };
}

static struct ends open_kind(enum kind kind)
{
	struct ends e = { -1, -1 };
	char path[PATH_SIZE];
	struct termios raw;

	switch (kind) {
	case CACHED:
		e.reader = file_of(PAGE, 0);
		break;
	case COLD:
		e.reader = file_of(PAGE, 0);
		EXPECT(fsync(e.reader) == 0 && posix_fadvise(e.reader, 0, 0, POSIX_FADV_DONTNEED) == 0);
		break;
	case DIRECT:
		e.reader = direct_file(PAGE, 0);
		break;
	case PIPE:
		e = new_pipe();
		break;
	case FIFO:
		snprintf(path, sizeof(path), "%s/fifo-%d", directory, (int)getpid());
		unlink(path);
		EXPECT(mkfifo(path, 0600) == 0);
		e.reader = e.writer = open(path, O_RDWR);
		EXPECT(unlink(path) == 0);
		break;
	case SOCKET:
		e = new_sockets(SOCK_STREAM);
		break;
	case TCP:
		e = tcp();
		break;
	case TERMINAL:
		e.writer = posix_openpt(O_RDWR | O_NOCTTY);
		if (e.writer < 0 || grantpt(e.writer) != 0 || unlockpt(e.writer) != 0)
			skip_fact("there are no pseudo-terminals");
		e.reader = open(ptsname(e.writer), O_RDWR | O_NOCTTY);
		EXPECT(e.reader >= 0 && tcgetattr(e.reader, &raw) == 0);
		cfmakeraw(&raw);
		EXPECT(tcsetattr(e.reader, TCSANOW, &raw) == 0);
		break;
	default:
		e.reader = e.writer = eventfd(0, 0);
	}
	EXPECT(e.reader >= 0);
	return e;
}

/* What a read of that kind gives once there is something. */
static long long whole(enum kind kind)
{
	return kind <= DIRECT ? PAGE : 8;
}

static char *bytes;

/* A read, and what lets it end. */
static struct aiocb read_of(enum kind kind, struct ends *e)
{
	*e = open_kind(kind);
	bytes = pages(PAGE);
	return request(e->reader, bytes, (size_t)whole(kind), 0);
}

static void let_end(enum kind kind, struct ends *e)
{
	if (kind > DIRECT)
		EXPECT(write(e->writer, "\1\2\3\4\5\6\7\1", 8) == 8);
}

static void leave(enum kind kind, struct ends *e, struct aiocb *cb)
{
	CHECK(result_of(cb), whole(kind), "%s, its result", names[kind]);
	CHECK(kind <= DIRECT ? right_bytes(bytes, PAGE, 0) == PAGE : !memcmp(bytes, "\1\2\3\4\5\6\7\1", 8), 1, "%s, its bytes",
	      names[kind]);
	close(e->reader);
	if (e->writer != e->reader)
		close(e->writer);
}

static void by_polling(void)
{
	for (enum kind k = 0; k < KINDS; k++) {
		struct ends e;
		struct aiocb cb = read_of(k, &e);

		EXPECT(start_read(&cb) == 0);
		if (k > DIRECT)
			CHECK(aio_error(&cb), EINPROGRESS, "%s, it waits", names[k]);
		let_end(k, &e);
		CHECK(EVENTUALLY(aio_error(&cb) == 0), 1, "%s, aio_error", names[k]);
		leave(k, &e, &cb);
	}
}

static void by_suspending(void)
{
	for (enum kind k = 0; k < KINDS; k++) {
		struct ends e;
		struct aiocb cb = read_of(k, &e);
		struct suspender s = SUSPENDER(&cb);

		EXPECT(start_read(&cb) == 0);
		if (k > DIRECT)
			start_suspender(&s);
		let_end(k, &e);
		CHECK(k > DIRECT ? end_suspender(&s) : suspend(s.list, 1, NULL), 0, "%s, aio_suspend", names[k]);
		leave(k, &e, &cb);
	}
}

static void by_signal(void)
{
	block(SIGRTMIN);
	for (enum kind k = 0; k < KINDS; k++) {
		struct ends e;
		struct aiocb cb = signalling(read_of(k, &e), SIGRTMIN, 50 + (int)k);

		EXPECT(start_read(&cb) == 0);
		let_end(k, &e);
		CHECK(wait_for(SIGRTMIN, NULL), 50 + (int)k, "%s, the signal", names[k]);
		leave(k, &e, &cb);
	}
}

static atomic_int told;

static void tell(union sigval value)
{
	told = value.sival_int;
}

static void by_thread(void)
{
	for (enum kind k = 0; k < KINDS; k++) {
		struct ends e;
		struct aiocb cb = read_of(k, &e);

		cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
		cb.aio_sigevent.sigev_notify_function = tell;
		cb.aio_sigevent.sigev_value.sival_int = 50 + (int)k;
		EXPECT(start_read(&cb) == 0);
		let_end(k, &e);
		CHECK(EVENTUALLY(told == 50 + (int)k), 1, "%s, the function", names[k]);
		leave(k, &e, &cb);
	}
}

static void by_list(void)
{
	struct aiocb cbs[KINDS], *list[KINDS];
	struct ends e[KINDS];
	char *all[KINDS];
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };

	block(SIGRTMIN);
	event.sigev_value.sival_int = 77;
	for (int mode = LIO_WAIT; mode <= LIO_NOWAIT; mode++) {
		for (enum kind k = 0; k < KINDS; k++) {
			cbs[k] = read_of(k, &e[k]);
			cbs[k].aio_lio_opcode = LIO_READ;
			all[k] = bytes;
			list[k] = &cbs[k];
			if (mode == LIO_WAIT)
				let_end(k, &e[k]);
		}
		CHECK(lio_listio(mode, list, KINDS, &event), 0, "a list of all kinds, mode %d", mode);
		for (enum kind k = 0; mode == LIO_NOWAIT && k < KINDS; k++)
			let_end(k, &e[k]);
		if (mode == LIO_NOWAIT)
			CHECK(wait_for(SIGRTMIN, NULL), 77, "its signal");
		for (enum kind k = 0; k < KINDS; k++) {
			bytes = all[k];
			leave(k, &e[k], &cbs[k]);
		}
	}
}

static void tcp_both_ways(void)
{
	struct ends e = tcp();
	char in[8] = "", back[8] = "";
	struct aiocb r = request(e.reader, in, 8, 0), w = request(e.writer, "request", 7, 0);

	EXPECT(start_read(&r) == 0);
	CHECK(outcome_of_write(&w), 7, "a write to a TCP connection");
	CHECK(end_of(&r), 7, "the read of its other end");
	struct aiocb answer = request(e.reader, "answer", 6, 0);
	CHECK(outcome_of_write(&answer), 6, "the answer");
	CHECK(read(e.writer, back, 8), 6, "comes");
	EXPECT(start_read(&r) == 0);
	CHECK(stays_in_progress(&r), 1, "a read waits");
	EXPECT(shutdown(e.writer, SHUT_WR) == 0);
	CHECK(end_of(&r), 0, "the other end is shut down");
	struct linger hard = { 1, 0 };
	struct ends other = tcp();
	r = request(other.reader, in, 8, 0);
	EXPECT(start_read(&r) == 0);
	CHECK(stays_in_progress(&r), 1, "a read waits");
	EXPECT(setsockopt(other.writer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0 && close(other.writer) == 0);
	CHECK(end_of(&r), -ECONNRESET, "the connection is reset");
}

static void time_limits(void)
{
	struct ends s = new_sockets(SOCK_STREAM);
	struct timeval limit = { 0, 100000 };
	char byte = 0;
	double begin = now();

	EXPECT(setsockopt(s.reader, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	EXPECT(setsockopt(s.reader, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
	struct aiocb cb = request(s.reader, &byte, 1, 0);
	CHECK(outcome_of_read(&cb), -EAGAIN, "SO_RCVTIMEO");
	CHECK(now() - begin >= 0.099, 1, "which passes");
	fill(s.reader);
	cb = request(s.reader, "x", 1, 0);
	CHECK(outcome_of_write(&cb), -EAGAIN, "SO_SNDTIMEO");
	EXPECT(write(s.writer, "x", 1) == 1);
	cb = request(s.reader, &byte, 1, 0);
	CHECK(outcome_of_read(&cb), 1, "what comes in time");
}

static void block_device(void)
{
	int control = open("/dev/loop-control", O_RDWR), file = file_of(FILE_SIZE, 0);
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	char path[40];

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	int device = number < 0 ? -1 : open(path, O_RDWR);
	if (device < 0 || ioctl(device, LOOP_SET_FD, file) != 0)
		skip_fact("no loop device can be had");
	for (int direct = 0; direct < 2; direct++) {
		int fd = open(path, O_RDWR | (direct ? O_DIRECT : 0)), right = 0;
		char *bytes = pages(16 * PAGE);
		struct aiocb cbs[16];

		EXPECT(fd >= 0);
		for (int i = 0; i < 16; i++) {
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_read(&cbs[i]) == 0);
		}
		for (int i = 0; i < 16; i++)
			right += end_of(&cbs[i]) == PAGE;
		CHECK(right, 16, "reads of a block device%s", direct ? ", direct" : "");
		CHECK(right_bytes(bytes, 16 * PAGE, 0), 16 * PAGE, "their bytes");
		struct aiocb cb = request(fd, bytes, PAGE, 0);
		CHECK(outcome_of_write(&cb), PAGE, "a write");
		CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "an fsync");
		cb = request(fd, bytes, PAGE, FILE_SIZE);
		CHECK(outcome_of_read(&cb), 0, "a read behind its end");
		CHECK(outcome_of_write(&cb), -ENOSPC, "a write behind its end");
		close(fd);
	}
	ioctl(device, LOOP_CLR_FD, 0);
}

const struct fact kind_facts[] = {
	{ "kinds", "learnt by polling", by_polling, SAME, 0 },
	{ "kinds", "learnt by aio_suspend", by_suspending, SAME, 0 },
	{ "kinds", "learnt by a signal", by_signal, SAME, 0 },
	{ "kinds", "learnt by a thread", by_thread, SAME, 0 },
	{ "kinds", "all in a list", by_list, SAME, 0 },
	{ "kinds", "a TCP connection", tcp_both_ways, SAME, 0 },
	{ "kinds", "the time limits of sockets", time_limits, SAME, 0 },
	{ "kinds", "a block device", block_device, SAME, 0 },
	{ 0 },
};
