/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* POLL. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kinds.h"
#include "request.h"
#include "transfer_row.h"

#define POLL IO_CMD_POLL
#define ALL (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* Ready at submission: exactly what was asked for. */
static const struct row rows[] = {
	{ "events 0x10000", POLL, PIPE_READABLE, .raw = 0x10000, .want = SYNC(EINVAL) },
	{ "events 0x100000001", POLL, PIPE_READABLE, .raw = 0x100000001, .want = SYNC(EINVAL) },
	{ "nbytes not 0", POLL, PIPE_READABLE, .raw = POLLIN, .nbytes = 1, .want = SYNC(EINVAL) },
	{ "offset not 0", POLL, PIPE_READABLE, .raw = POLLIN, .offset = 1, .want = SYNC(EINVAL) },
	{ "rw_flags not 0", POLL, PIPE_READABLE, .raw = POLLIN, .rw_flags = 1, .want = SYNC(EINVAL) },
	{ "the priority is not looked at", POLL, PIPE_READABLE, .raw = POLLIN, .priority = -1,
	  .want = POLLIN },
	{ "POLLIN", POLL, BUFFERED, .raw = POLLIN, .want = POLLIN },
	{ "POLLOUT", POLL, BUFFERED, .raw = POLLOUT, .want = POLLOUT },
	{ "POLLIN and POLLOUT", POLL, BUFFERED, .raw = POLLIN | POLLOUT, .want = POLLIN | POLLOUT },
	{ "0xffff", POLL, BUFFERED, .raw = 0xffff, .want = ALL },
	{ "POLLPRI", POLL, BUFFERED, .raw = POLLPRI, .want = SYNC(EINVAL) },
	{ "no events", POLL, BUFFERED, .raw = 0, .buffer = NONE, .want = SYNC(EINVAL) },
	{ "POLLOUT", POLL, BUFFERED_READ, .raw = POLLOUT, .want = POLLOUT },
	{ "0xffff", POLL, DIRECT, .raw = 0xffff, .want = ALL },
	{ "0xffff", POLL, NULL_DEVICE, .raw = 0xffff, .want = ALL },
	{ "0xffff", POLL, ZERO_DEVICE, .raw = 0xffff, .want = ALL },
	{ "0xffff", POLL, DIRECTORY, .raw = 0xffff, .want = ALL },
	{ "0xffff", POLL, MEMFD, .raw = 0xffff, .want = ALL },
	{ "POLLIN", POLL, PIPE_READABLE, .raw = POLLIN, .want = POLLIN },
	{ "POLLIN and POLLOUT", POLL, PIPE_READABLE, .raw = POLLIN | POLLOUT, .want = POLLIN },
	{ "POLLIN", POLL, PIPE_HUNG, .raw = POLLIN, .want = POLLHUP },
	{ "no events", POLL, PIPE_HUNG, .raw = 0, .buffer = NONE, .want = POLLHUP },
	{ "POLLOUT", POLL, PIPE_WRITABLE, .raw = POLLOUT, .want = POLLOUT },
	{ "POLLOUT", POLL, PIPE_BROKEN, .raw = POLLOUT, .want = POLLOUT | POLLERR },
	{ "POLLIN", POLL, PIPE_BROKEN, .raw = POLLIN, .want = POLLERR },
	{ "POLLIN", POLL, SOCKET_READABLE, .raw = POLLIN, .want = POLLIN },
	{ "POLLIN and POLLOUT", POLL, SOCKET_READABLE, .raw = POLLIN | POLLOUT,
	  .want = POLLIN | POLLOUT },
	{ "POLLOUT", POLL, SOCKET_EMPTY, .raw = POLLOUT, .want = POLLOUT },
	{ "POLLIN and POLLRDHUP", POLL, SOCKET_BROKEN, .raw = POLLIN | POLLRDHUP,
	  .want = POLLIN | POLLRDHUP | POLLHUP },
	{ "POLLIN", POLL, SOCKET_UNCONNECTED, .raw = POLLIN, .want = POLLHUP },
	{ "POLLOUT", POLL, EVENTFD_ZERO, .raw = POLLOUT, .want = POLLOUT },
	{ "POLLIN", POLL, EVENTFD_SEVEN, .raw = POLLIN, .want = POLLIN },
	{ "POLLIN", POLL, TIMERFD_EXPIRED, .raw = POLLIN, .want = POLLIN },
	{ "POLLIN", POLL, PTY_READABLE, .raw = POLLIN, .want = POLLIN },
	{ "POLLOUT", POLL, PTY, .raw = POLLOUT, .want = POLLOUT },
	{ "POLLIN", POLL, PTY, .raw = POLLIN, .want = SYNC(EINVAL) },
	{ "POLLIN", POLL, PIPE_EMPTY, .raw = POLLIN, .want = NO_EVENT },
	{ "no events", POLL, PIPE_EMPTY, .raw = 0, .buffer = NONE, .want = NO_EVENT },
	{ "POLLOUT", POLL, PIPE_FULL, .raw = POLLOUT, .want = NO_EVENT },
	{ "POLLIN", POLL, SOCKET_EMPTY, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLPRI", POLL, SOCKET_READABLE, .raw = POLLPRI, .want = NO_EVENT },
	{ "POLLIN", POLL, EVENTFD_ZERO, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLIN", POLL, TIMERFD, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLIN", POLL, SIGNALFD, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLIN", POLL, INOTIFY, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLIN", POLL, EPOLL, .raw = POLLIN, .want = NO_EVENT },
	{ "POLLIN", POLL, PIDFD, .raw = POLLIN, .want = NO_EVENT },
};

static void ready_or_not(void)
{
	run_rows(rows, sizeof(rows) / sizeof(*rows));
}

/*
 * Woken later: the kernel gives its whole wake-up key, of which only what was asked for counts. (A
 * pipe asked for POLLIN gives 0x41.)
 */
static void woken(void)
{
	io_context_t ctx = context(32);
	int pipes[2], sockets[2], event = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	char buffer[4096];

	EXPECT(pipe(pipes) == 0 && event >= 0 && timer >= 0);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);

	struct request r = poll_request(pipes[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "pipe, taken");
	CHECK(get_now(ctx, 1, &(struct io_event){ 0 }), 0, "pipe, pending");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "pipe, woken by a write");
	EXPECT(read(pipes[0], buffer, 1) == 1 && write(pipes[1], "x", 1) == 1);
	CHECK(get(ctx, 1, 1, &(struct io_event){ 0 }, 0.02), 0, "pipe, only once");
	EXPECT(read(pipes[0], buffer, 1) == 1);

	/* Not woken by what was not asked for. */
	r = poll_request(sockets[0], POLLHUP);
	CHECK(submit(ctx, &r), 1, "socket for POLLHUP, taken");
	CHECK(get(ctx, 1, 1, &(struct io_event){ 0 }, 0.02), 0, "socket, pending");
	close(sockets[1]);
	CHECK(event_of(ctx, &r) & POLLHUP, POLLHUP, "socket, woken by the peer's close");

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	r = poll_request(sockets[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "socket, taken");
	EXPECT(write(sockets[1], "x", 1) == 1);
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "socket, woken by a write");

	r = poll_request(event, POLLIN);
	CHECK(submit(ctx, &r), 1, "eventfd, taken");
	EXPECT(eventfd_write(event, 1) == 0);
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "eventfd, woken by a write");

	r = poll_request(timer, POLLIN);
	CHECK(submit(ctx, &r), 1, "timerfd, taken");
	EXPECT(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "timerfd, woken by the time");

	/* The writer goes. */
	r = poll_request(pipes[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "pipe, taken");
	close(pipes[1]);
	CHECK((event_of(ctx, &r) & POLLHUP) != 0, 1, "pipe, POLLHUP though not asked for");

	/* Room in a full pipe. */
	EXPECT(pipe2(pipes, O_NONBLOCK) == 0);
	while (write(pipes[1], buffer, sizeof(buffer)) > 0)
		;
	r = poll_request(pipes[1], POLLOUT);
	CHECK(submit(ctx, &r), 1, "full pipe, taken");
	while (read(pipes[0], buffer, sizeof(buffer)) > 0)
		;
	CHECK(event_of(ctx, &r) & POLLOUT, POLLOUT, "full pipe, woken by a read");

	int watch = inotify_init1(IN_NONBLOCK);
	EXPECT(watch >= 0 && inotify_add_watch(watch, directory, IN_CREATE) >= 0);
	r = poll_request(watch, POLLIN);
	CHECK(submit(ctx, &r), 1, "inotify, taken");
	close(new_file(0));
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "inotify, woken by a new file");
}

static void many_at_once(void)
{
	enum { POLLS = 60 };
	io_context_t ctx = context(POLLS + 2);
	struct request r[POLLS];
	struct io_event events[POLLS + 2];
	int pipes[2], other[2], right = 0;

	EXPECT(pipe(pipes) == 0 && pipe(other) == 0);
	struct request stays = poll_request(other[0], POLLIN);
	CHECK(submit(ctx, &stays), 1, "one that stays");
	for (int i = 0; i < POLLS; i++) {
		r[i] = poll_request(pipes[0], POLLIN);
		right += submit(ctx, &r[i]) == 1;
	}
	CHECK(right, POLLS, "60 polls of one pipe are taken");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(get(ctx, POLLS, POLLS + 2, events, PATIENCE), POLLS, "all of them complete");
	CHECK(get(ctx, 1, 1, events, 0.02), 0, "but not the one on another pipe");
	EXPECT(write(other[1], "x", 1) == 1);
	CHECK(event_of(ctx, &stays) & POLLIN, POLLIN, "until that is written to");
}

/* A request keeps its file; closing the descriptor completes nothing. */
static void closed_meanwhile(void)
{
	io_context_t ctx = context(8);
	int pipes[2], more[2];
	struct io_event event;

	EXPECT(pipe(pipes) == 0);
	struct request r = poll_request(pipes[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "pipe, taken");
	close(pipes[0]);
	CHECK(get(ctx, 1, 1, &event, 0.02), 0, "closing the descriptor completes nothing");
	/* The request is the pipe's last reader: without it this is SIGPIPE. */
	signal(SIGPIPE, SIG_IGN);
	CHECK(write(pipes[1], "x", 1), 1, "the request keeps the pipe open");
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "and the write completes it");

	/* The number means another file now. */
	EXPECT(pipe(pipes) == 0 && pipe(more) == 0);
	r = poll_request(pipes[0], POLLIN);
	CHECK(submit(ctx, &r), 1, "pipe, taken");
	EXPECT(dup2(more[0], pipes[0]) == pipes[0]);
	EXPECT(write(more[1], "x", 1) == 1);
	CHECK(get(ctx, 1, 1, &event, 0.02), 0, "another file under its number does not wake it");
	CHECK(write(pipes[1], "x", 1), 1, "a write to its own pipe");
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "does");
}

const struct group poll_groups[] = {
	{ "1.3", "poll: ready or not", ready_or_not, 0, NULL },
	{ "3", "poll: woken", woken, 0, NULL },
	{ "3", "poll: many at once", many_at_once, 0, NULL },
	{ "3", "poll: closed meanwhile", closed_meanwhile, 0, NULL },
	{ 0 },
};
