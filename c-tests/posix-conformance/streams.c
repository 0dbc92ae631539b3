/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What makes a request wait: pipes, sockets, terminals and descriptors of events. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <termios.h>

#include "request.h"

static void pipe_read(void)
{
	struct ends p = new_pipe();
	char bytes[10] = "";
	struct aiocb cb = request(p.reader, bytes, 10, 12345);

	CHECK(start_read(&cb), 0, "aio_read of an empty pipe");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(write(p.writer, "abc", 3) == 3);
	CHECK(end_of(&cb), 3, "ends when there is something");
	CHECK(memcmp(bytes, "abc", 3), 0, "its bytes");
	EXPECT(write(p.writer, "defg", 4) == 4);
	CHECK(outcome_of_read(&cb), 4, "what is there already");
	CHECK(memcmp(bytes, "defg", 4), 0, "its bytes");
	CHECK(start_read(&cb), 0, "one more");
	CHECK(stays_in_progress(&cb), 1, "waits");
	close(p.writer);
	CHECK(end_of(&cb), 0, "ends when the writer goes");
	CHECK(outcome_of_read(&cb), 0, "and one after that");
}

static void pipe_write(void)
{
	struct ends p = new_pipe();
	size_t full = fill(p.writer), read_back = 0;
	static char bytes[1 << 16];
	struct aiocb cb = request(p.writer, "x", 1, 0);

	CHECK(start_write(&cb), 0, "aio_write to a full pipe");
	CHECK(stays_in_progress(&cb), 1, "waits");
	while (read_back < full) {
		ssize_t got = read(p.reader, bytes, sizeof(bytes));
		EXPECT(got > 0);
		read_back += (size_t)got;
	}
	CHECK(end_of(&cb), 1, "ends when there is room");
	CHECK(read_back == full ? read(p.reader, bytes, 10) : 1, 1, "its byte is the last");
}

static void *drain(void *argument)
{
	struct ends *p = argument;
	static unsigned char bytes[1 << 15];
	size_t done = 0, right = 0;
	ssize_t got;

	while ((got = read(p->reader, bytes, sizeof(bytes))) > 0) {
		right += right_bytes(bytes, (size_t)got, done);
		done += (size_t)got;
	}
	return (void *)right;
}

/* A write that blocks writes all that it was given. */
static void large_writes(void)
{
	enum { LARGE = 1 << 20 };
	char *bytes = pages(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)pattern(i);
	for (int i = 0; i < 2; i++) {
		struct ends p = i ? new_sockets(SOCK_STREAM) : new_pipe();
		struct aiocb cb = request(p.writer, bytes, LARGE, 0);
		pthread_t thread;
		void *right = NULL;

		CHECK(start_write(&cb), 0, "aio_write of 1 MiB to a %s", i ? "socket" : "pipe");
		CHECK(stays_in_progress(&cb), 1, "waits for its reader");
		EXPECT(pthread_create(&thread, NULL, drain, &p) == 0);
		CHECK(end_of(&cb), LARGE, "all of it");
		close(p.writer);
		EXPECT(pthread_join(thread, &right) == 0);
		CHECK((size_t)right, LARGE, "its bytes");
	}
}

static void not_blocking(void)
{
	struct ends p = new_pipe(), s = new_sockets(SOCK_STREAM);
	char bytes[10] = "";

	EXPECT(fcntl(p.reader, F_SETFL, O_NONBLOCK) == 0 && fcntl(p.writer, F_SETFL, O_NONBLOCK) == 0);
	EXPECT(fcntl(s.reader, F_SETFL, O_NONBLOCK) == 0);
	struct aiocb cb = request(p.reader, bytes, 10, 0);
	CHECK(start_read(&cb), 0, "aio_read of an empty pipe");
	CHECK(end_of(&cb), -EAGAIN, "its end");
	EXPECT(write(p.writer, "abc", 3) == 3);
	CHECK(outcome_of_read(&cb), 3, "a read of a pipe that has something");
	cb = request(s.reader, bytes, 10, 0);
	CHECK(outcome_of_read(&cb), -EAGAIN, "a read of an empty socket");
	fill(p.writer);
	cb = request(p.writer, "x", 1, 0);
	CHECK(outcome_of_write(&cb), -EAGAIN, "a write to a full pipe");
}

static void event_descriptors(void)
{
	uint64_t number = 0;
	int event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), watch = inotify_init1(0);
	char bytes[4096], path[PATH_SIZE];
	struct itimerspec soon = { .it_value = { 0, 100000000 } };

	struct aiocb cb = request(event, &number, sizeof(number), 0);
	CHECK(start_read(&cb), 0, "aio_read of an eventfd");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(eventfd_write(event, 7) == 0);
	CHECK(end_of(&cb), 8, "ends");
	CHECK(number, 7, "its number");
	number = 5;
	CHECK(outcome_of_write(&cb), 8, "aio_write to it");
	CHECK(outcome_of_read(&cb) == 8 ? number : 0, 5, "gives that number");

	cb = request(timer, &number, sizeof(number), 0);
	CHECK(start_read(&cb), 0, "aio_read of a timerfd");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(end_of(&cb), 8, "ends");
	CHECK(number, 1, "its number");

	int fd = named_file(path, 10, 0);
	EXPECT(inotify_add_watch(watch, path, IN_MODIFY) >= 0);
	cb = request(watch, bytes, sizeof(bytes), 0);
	CHECK(start_read(&cb), 0, "aio_read of inotify");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(pwrite(fd, "x", 1, 0) == 1);
	CHECK(end_of(&cb), sizeof(struct inotify_event), "ends");
	CHECK(((struct inotify_event *)(void *)bytes)->mask, IN_MODIFY, "its event");
	unlink(path);
}

/* What has no name of its own is not taken for another. */
static void many_event_descriptors(void)
{
	enum { COUNT = 20 };
	uint64_t numbers[COUNT] = { 0 };
	int fds[COUNT], right = 0, waiting = 0;
	struct aiocb cbs[COUNT];
	struct itimerspec soon = { .it_value = { 0, 1000000 } };

	for (int i = 0; i < COUNT; i++) {
		fds[i] = i % 2 ? eventfd(0, 0) : timerfd_create(CLOCK_MONOTONIC, 0);
		cbs[i] = request(fds[i], &numbers[i], sizeof(numbers[i]), 0);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	/* Those in the middle first. */
	for (int k = 0; k < COUNT; k++) {
		int i = (k * 7 + 5) % COUNT;
		EXPECT(i % 2 ? eventfd_write(fds[i], (uint64_t)i) == 0 : timerfd_settime(fds[i], 0, &soon, NULL) == 0);
		right += end_of(&cbs[i]) == 8 && numbers[i] == (i % 2 ? (uint64_t)i : 1);
	}
	for (int i = 0; i < COUNT; i++)
		waiting += aio_error(&cbs[i]) == EINPROGRESS;
	CHECK(right, COUNT, "each ends when its own event comes");
	CHECK(waiting, 0, "none waits any more");
}

static void terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char bytes[100] = "";

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		skip_fact("there are no pseudo-terminals");
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	struct termios raw;
	EXPECT(slave >= 0 && tcgetattr(slave, &raw) == 0);
	raw.c_lflag &= ~(tcflag_t)ECHO;
	EXPECT(tcsetattr(slave, TCSANOW, &raw) == 0);
	struct aiocb cb = request(slave, bytes, sizeof(bytes), 0);
	CHECK(start_read(&cb), 0, "aio_read of a terminal");
	CHECK(stays_in_progress(&cb), 1, "waits");
	EXPECT(write(master, "abc", 3) == 3);
	CHECK(stays_in_progress(&cb), 1, "for the line's end");
	EXPECT(write(master, "\n", 1) == 1);
	CHECK(end_of(&cb), 4, "ends with the line");
	CHECK(memcmp(bytes, "abc\n", 4), 0, "its bytes");
	struct aiocb other = request(master, bytes, sizeof(bytes), 0);
	CHECK(start_read(&other), 0, "aio_read of the other side");
	CHECK(stays_in_progress(&other), 1, "waits");
	cb = request(slave, "xyz", 3, 0);
	CHECK(outcome_of_write(&cb), 3, "aio_write to the terminal");
	CHECK(end_of(&other), 3, "ends it");
	CHECK(memcmp(bytes, "xyz", 3), 0, "its bytes");
}

/* One message for a read, whatever its size. */
static void messages(void)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };

	for (int i = 0; i < 2; i++) {
		struct ends s = new_sockets(types[i]);
		char first[10] = "", second[10] = "";
		struct aiocb a = request(s.reader, first, 10, 0), b = request(s.reader, second, 2, 0);

		EXPECT(start_read(&a) == 0 && start_read(&b) == 0);
		EXPECT(write(s.writer, "abc", 3) == 3 && write(s.writer, "defg", 4) == 4);
		CHECK(end_of(&a), 3, "the first message");
		CHECK(end_of(&b), 2, "the second, cut");
		CHECK(!memcmp(first, "abc", 3) && !memcmp(second, "de", 2), 1, "their bytes");
		struct aiocb w = request(s.writer, "hij", 3, 0);
		CHECK(outcome_of_write(&w), 3, "a message is written");
		CHECK(outcome_of_read(&a), 3, "and read");
	}
}

static void many_pipes(void)
{
	enum { COUNT = 100 };
	struct ends p[COUNT];
	static struct aiocb cbs[COUNT];
	char bytes[COUNT];
	int right = 0;

	for (int i = 0; i < COUNT; i++) {
		p[i] = new_pipe();
		cbs[i] = request(p[i].reader, bytes + i, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++)
		EXPECT(write(p[i].writer, &(char){ (char)i }, 1) == 1);
	for (int i = 0; i < COUNT; i++)
		right += end_of(&cbs[i]) == 1 && bytes[i] == i;
	CHECK(right, COUNT, "each has its byte");
}

/* And the last of them first. */
static void any_order(void)
{
	enum { COUNT = 100 };
	struct ends p[COUNT];
	static struct aiocb cbs[COUNT];
	char bytes[COUNT];
	int right = 0;

	for (int i = 0; i < COUNT; i++) {
		p[i] = new_pipe();
		cbs[i] = request(p[i].reader, bytes + i, 1, 0);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = COUNT - 1; i >= 0; i--) {
		EXPECT(write(p[i].writer, &(char){ (char)i }, 1) == 1);
		if (end_of(&cbs[i]) != 1 || bytes[i] != i)
			break;
		right++;
	}
	CHECK(right, COUNT, "each ends when its byte has come");
}

static void files_beside_blocked_pipes(void)
{
	int fd = file_of(FILE_SIZE, 0), writer;
	char bytes[100];

	for (int i = 0; i < 40; i++)
		waiting_read(&writer);
	pause_for(0.05);
	EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	struct aiocb cb = request(fd, bytes, 100, 0);
	CHECK(outcome_of_read(&cb), 100, "a read of a file beside 40 blocked reads of pipes");
	CHECK(outcome_of_write(&cb), 100, "a write");
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "an fsync");
}

static void full_duplex(void)
{
	struct ends s = new_sockets(SOCK_STREAM);
	char bytes[10] = "", back[10];
	struct aiocb r = request(s.reader, bytes, 10, 0), w = request(s.reader, "request", 7, 0);

	CHECK(start_read(&r), 0, "a read");
	CHECK(stays_in_progress(&r), 1, "waits for the answer");
	CHECK(outcome_of_write(&w), 7, "a write to the same socket");
	CHECK(fcntl(s.writer, F_SETFL, O_NONBLOCK), 0, "the other end");
	CHECK(read(s.writer, back, 10), 7, "has it");
	EXPECT(write(s.writer, "answer", 6) == 6);
	CHECK(end_of(&r), 6, "the answer");
}

static void full_duplex_full(void)
{
	struct ends s = new_sockets(SOCK_STREAM);
	char bytes[10] = "";

	fill(s.reader);
	struct aiocb w = request(s.reader, "x", 1, 0), r = request(s.reader, bytes, 10, 0);
	CHECK(start_write(&w), 0, "a write to a full socket");
	CHECK(stays_in_progress(&w), 1, "waits");
	EXPECT(write(s.writer, "abc", 3) == 3);
	CHECK(outcome_of_read(&r), 3, "a read of the same socket");
	CHECK(aio_error(&w), EINPROGRESS, "the write still waits");
}

const struct fact stream_facts[] = {
	{ "streams", "a read of a pipe waits", pipe_read, SAME, 0 },
	{ "streams", "a write to a full pipe waits", pipe_write, SAME, 0 },
	{ "streams", "a large write is written whole", large_writes, SAME, 0 },
	{ "streams", "O_NONBLOCK", not_blocking, SAME, 0 },
	{ "streams", "eventfd, timerfd and inotify", event_descriptors, SAME, 0 },
	{ "streams", "20 eventfds and timerfds at once", many_event_descriptors, SAME, 0 },
	{ "streams", "a terminal", terminal, SAME, 0 },
	{ "streams", "messages keep their bounds", messages, SAME, 0 },
	{ "streams", "100 pipes", many_pipes, SAME, 0 },
	{ "streams", "100 pipes in any order", any_order, BETTER, 0 },
	{ "streams", "40 blocked pipes stop no file", files_beside_blocked_pipes, BETTER, 0 },
	{ "streams", "a read does not stop a socket's writes", full_duplex, BETTER, 0 },
	{ "streams", "a write does not stop a socket's reads", full_duplex_full, BETTER, 0 },
	{ 0 },
};
