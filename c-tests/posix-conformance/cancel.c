/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aio_cancel. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "suspender.h"

static long long cancel(int fd, struct aiocb *cb)
{
	int got = aio_cancel(fd, cb);

	return got == -1 ? SYNC(errno) : got;
}

static void arguments(void)
{
	int fd = file_of(FILE_SIZE, 0), other = file_of(10, 0), closed = file_of(10, 0);
	char bytes[10] = "";
	struct aiocb cb = request(fd, bytes, 10, 0), of_closed = request(closed, bytes, 10, 0);

	close(closed);
	CHECK(cancel(-1, NULL), SYNC(EBADF), "no descriptor");
	CHECK(cancel(closed, NULL), SYNC(EBADF), "a closed one");
	CHECK(cancel(closed, &of_closed), SYNC(EBADF), "a request of a closed one");
	CHECK(cancel(fd, NULL), AIO_ALLDONE, "nothing has been requested");
	CHECK(cancel(fd, &cb), AIO_ALLDONE, "a request that was never made");
	EXPECT(outcome_of_read(&cb) == 10);
	CHECK(cancel(fd, &cb), AIO_ALLDONE, "one that has ended");
	CHECK(cancel(fd, NULL), AIO_ALLDONE, "all have ended");
	CHECK(cancel(other, &cb), SYNC(EINVAL), "a request of another descriptor");
	CHECK(result_of(&cb), 10, "its result stays");
}

static void of_another(void)
{
	int writer, fd = file_of(10, 0);
	struct aiocb *waiting = waiting_read(&writer);

	CHECK(cancel(fd, waiting), SYNC(EINVAL), "a request of another descriptor");
	CHECK(cancel(fd, NULL), AIO_ALLDONE, "all of another descriptor");
	CHECK(aio_error(waiting), EINPROGRESS, "it goes on");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "and ends");
}

/* Two reads of one pipe: the second has not begun. */
static void queued(void)
{
	struct ends p = new_pipe();
	char first = 0, second = 0, third = 0;
	struct aiocb a = request(p.reader, &first, 1, 0), b = request(p.reader, &second, 1, 0),
		     c = request(p.reader, &third, 1, 0);

	EXPECT(start_read(&a) == 0);
	pause_for(0.02);
	EXPECT(start_read(&b) == 0 && start_read(&c) == 0);
	CHECK(cancel(p.reader, &b), AIO_CANCELED, "one that has not begun");
	CHECK(aio_error(&b), ECANCELED, "its aio_error");
	CHECK(aio_return(&b), -1, "its aio_return");
	CHECK(cancel(p.reader, &b), AIO_ALLDONE, "again");
	CHECK(aio_error(&b), ECANCELED, "its aio_error stays");
	EXPECT(write(p.writer, "xy", 2) == 2);
	CHECK(end_of(&a), 1, "the one before it goes on");
	CHECK(end_of(&c), 1, "and the one behind it");
	CHECK(first == 'x' && third == 'y' && second == 0, 1, "their bytes");
	CHECK(cancel(p.reader, &a), AIO_ALLDONE, "now it has ended");
}

static void queued_is_told(void)
{
	struct ends p = new_pipe();
	char bytes[2];
	struct aiocb a = request(p.reader, bytes, 1, 0), b = request(p.reader, bytes, 1, 0);

	block(SIGUSR1);
	b = signalling(b, SIGUSR1, 99);
	EXPECT(start_read(&a) == 0);
	pause_for(0.02);
	EXPECT(start_read(&b) == 0);
	struct suspender s = SUSPENDER(&b);
	start_suspender(&s);
	CHECK(cancel(p.reader, &b), AIO_CANCELED, "one that has not begun");
	CHECK(wait_for(SIGUSR1, NULL), 99, "its signal comes");
	CHECK(end_suspender(&s), 0, "who waits for it is woken");
	CHECK(end_of(&b), -ECANCELED, "its result");
}

static atomic_int told;

static void tell(union sigval value)
{
	told = value.sival_int;
}

static void list_is_told(void)
{
	struct ends p = new_pipe();
	char bytes[3];
	struct aiocb a = request(p.reader, bytes, 1, 0), b = request(p.reader, bytes, 1, 0), c = request(p.reader, bytes, 1, 0);
	struct aiocb *list[] = { &b, &c };
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = tell;
	event.sigev_value.sival_int = 5;
	EXPECT(start_read(&a) == 0);
	pause_for(0.02);
	b.aio_lio_opcode = c.aio_lio_opcode = LIO_READ;
	EXPECT(lio_listio(LIO_NOWAIT, list, 2, &event) == 0);
	CHECK(cancel(p.reader, &b), AIO_CANCELED, "one of a list");
	pause_for(0.03);
	CHECK(told, 0, "the list is not done");
	CHECK(cancel(p.reader, &c), AIO_CANCELED, "the other");
	CHECK(EVENTUALLY(told == 5), 1, "the list is done");
}

static void blocked(struct ends ends, const char *name)
{
	char byte = 0, back = 0;
	struct aiocb cb = request(ends.reader, &byte, 1, 0);

	EXPECT(start_read(&cb) == 0);
	CHECK(stays_in_progress(&cb), 1, "a read of a %s waits", name);
	struct suspender s = SUSPENDER(&cb);
	start_suspender(&s);
	CHECK(cancel(ends.reader, &cb), AIO_CANCELED, "a %s, aio_cancel", name);
	CHECK(aio_error(&cb), ECANCELED, "a %s, aio_error", name);
	CHECK(aio_return(&cb), -1, "a %s, aio_return", name);
	CHECK(end_suspender(&s), 0, "a %s, who waits is woken", name);
	EXPECT(write(ends.writer, "x", 1) == 1);
	pause_for(0.02);
	EXPECT(fcntl(ends.reader, F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(ends.reader, &back, 1) == 1 ? back : 0, 'x', "a %s, what comes later is not lost", name);
	CHECK(byte, 0, "a %s, and not written anywhere", name);
}

static void blocked_reads(void)
{
	blocked(new_pipe(), "pipe");
	blocked(new_sockets(SOCK_STREAM), "socket");
	blocked(new_sockets(SOCK_DGRAM), "socket of messages");
}

static void blocked_writes(void)
{
	for (int i = 0; i < 2; i++) {
		struct ends p = i ? new_sockets(SOCK_STREAM) : new_pipe();
		size_t full = fill(p.writer), read_back = 0;
		static char bytes[1 << 16];
		struct aiocb cb = request(p.writer, "x", 1, 0);

		EXPECT(start_write(&cb) == 0);
		CHECK(stays_in_progress(&cb), 1, "a write to a full %s waits", i ? "socket" : "pipe");
		CHECK(cancel(p.writer, &cb), AIO_CANCELED, "aio_cancel");
		CHECK(result_of(&cb), -ECANCELED, "its result");
		EXPECT(fcntl(p.reader, F_SETFL, O_NONBLOCK) == 0);
		for (ssize_t got; (got = read(p.reader, bytes, sizeof(bytes))) > 0;)
			read_back += (size_t)got;
		pause_for(0.02);
		CHECK(read(p.reader, bytes, 1), -1, "nothing was written");
		CHECK(read_back, full, "what was there before is");
	}
}

static void all_of_a_descriptor(void)
{
	enum { COUNT = 10 };
	struct ends p = new_pipe();
	struct aiocb cbs[COUNT];
	char bytes[COUNT];
	int writer, canceled = 0;
	struct aiocb *other = waiting_read(&writer);

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = request(p.reader, bytes + i, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	pause_for(0.02);
	CHECK(cancel(p.reader, NULL), AIO_CANCELED, "all reads of a pipe");
	for (int i = 0; i < COUNT; i++)
		canceled += end_of(&cbs[i]) == -ECANCELED;
	CHECK(canceled, COUNT, "each says so");
	CHECK(cancel(p.reader, NULL), AIO_ALLDONE, "again");
	CHECK(aio_error(other), EINPROGRESS, "another pipe's goes on");
	struct aiocb more = request(p.reader, bytes, 1, 0);
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(outcome_of_read(&more), 1, "the pipe can be read then");
}

/* What waits behind the one that runs is cancelled, whether that one can be or not. */
static void queued_of_a_descriptor(void)
{
	enum { COUNT = 10 };
	struct ends p = new_pipe();
	struct aiocb cbs[COUNT];
	char bytes[COUNT];
	int canceled = 0;

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = request(p.reader, bytes + i, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
		pause_for(0.005);
	}
	long long got = cancel(p.reader, NULL);
	CHECK(got == AIO_CANCELED || got == AIO_NOTCANCELED, 1, "aio_cancel");
	for (int i = 1; i < COUNT; i++)
		canceled += result_of(&cbs[i]) == -ECANCELED;
	CHECK(canceled, COUNT - 1, "all but the first are cancelled at once");
	CHECK(aio_error(&cbs[0]), got == AIO_CANCELED ? ECANCELED : EINPROGRESS, "the first, as aio_cancel said");
}

/* Nobody could tell how much of it there is. */
static void begun_writes(void)
{
	enum { LARGE = 1 << 20 };

	for (int i = 0; i < 2; i++) {
		struct ends p = i ? new_sockets(SOCK_STREAM) : new_pipe();
		static char bytes[1 << 16];
		size_t read_back = 0;
		struct aiocb cb = request(p.writer, pages(LARGE), LARGE, 0);

		EXPECT(start_write(&cb) == 0);
		CHECK(stays_in_progress(&cb), 1, "a write of 1 MiB to a %s waits", i ? "socket" : "pipe");
		CHECK(cancel(p.writer, &cb), AIO_NOTCANCELED, "aio_cancel");
		CHECK(cancel(p.writer, NULL), AIO_NOTCANCELED, "aio_cancel of all");
		while (read_back < LARGE) {
			ssize_t got = read(p.reader, bytes, sizeof(bytes));
			EXPECT(got > 0);
			read_back += (size_t)got;
		}
		CHECK(end_of(&cb), LARGE, "it goes on to its end");
	}
}

static void one_direction(void)
{
	struct ends s = new_sockets(SOCK_STREAM);
	char byte = 0;
	static char bytes[1 << 16];

	fill(s.reader);
	struct aiocb r = request(s.reader, &byte, 1, 0), w = request(s.reader, "x", 1, 0);
	EXPECT(start_read(&r) == 0 && start_write(&w) == 0);
	pause_for(0.02);
	CHECK(cancel(s.reader, &r), AIO_CANCELED, "the read of a socket");
	CHECK(result_of(&r), -ECANCELED, "its result");
	CHECK(stays_in_progress(&w), 1, "its write goes on");
	while (aio_error(&w) == EINPROGRESS && read(s.writer, bytes, sizeof(bytes)) > 0)
		pause_for(0.001);
	CHECK(end_of(&w), 1, "and ends");
}

/* Whatever it answers must be so. */
static void files(void)
{
	enum { COUNT = 64 };
	int fd = file_of(COUNT * PAGE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT];

	for (int round = 0; round < 20; round++) {
		long long answers[COUNT];
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		for (int i = COUNT - 1; i >= 0; i--)
			answers[i] = cancel(fd, &cbs[i]);
		for (int i = 0; i < COUNT; i++) {
			long long end = end_of(&cbs[i]);
			right += answers[i] == AIO_CANCELED ? end == -ECANCELED : end == PAGE &&
				 (answers[i] == AIO_ALLDONE || answers[i] == AIO_NOTCANCELED);
		}
	}
	CHECK(right, 20 * COUNT, "writes end as aio_cancel said");
}

static void direct_reads(void)
{
	enum { COUNT = 64 };
	int fd = direct_file(COUNT * PAGE, 0), right = 0, answers_right = 0;
	char *bytes = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes + i * PAGE, PAGE, i * PAGE);
			EXPECT(start_read(&cbs[i]) == 0);
		}
		long long answer = cancel(fd, NULL);
		int canceled = 0;
		for (int i = 0; i < COUNT; i++) {
			long long end = end_of(&cbs[i]);
			right += end == PAGE || end == -ECANCELED;
			canceled += end == -ECANCELED;
		}
		/* CANCELED: all that had not ended; ALLDONE: all had. */
		answers_right += answer == AIO_CANCELED ? canceled > 0 : answer == AIO_ALLDONE ? canceled == 0 :
				 answer == AIO_NOTCANCELED;
	}
	CHECK(right, 20 * COUNT, "direct reads end with all or are cancelled");
	CHECK(answers_right, 20, "as aio_cancel said");
}

const struct fact cancel_facts[] = {
	{ "cancel", "arguments", arguments, SAME, 0 },
	{ "cancel", "of another descriptor", of_another, SAME, 0 },
	{ "cancel", "a request that has not begun", queued, SAME, 0 },
	{ "cancel", "is a completion", queued_is_told, SAME, 0 },
	{ "cancel", "of a list", list_is_told, SAME, 0 },
	{ "cancel", "reads that wait", blocked_reads, BETTER, 0 },
	{ "cancel", "writes that wait", blocked_writes, BETTER, 0 },
	{ "cancel", "a write that has begun", begun_writes, SAME, 0 },
	{ "cancel", "all of a descriptor", all_of_a_descriptor, BETTER, 0 },
	{ "cancel", "what is queued behind one", queued_of_a_descriptor, SAME, 0 },
	{ "cancel", "one direction of a socket", one_direction, BETTER, 0 },
	{ "cancel", "writes of a file", files, SAME, 0 },
	{ "cancel", "direct reads", direct_reads, SAME, 0 },
	{ 0 },
};
