/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_cancel. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "waiter.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

static long cancel(io_context_t ctx, struct request *r)
{
	struct io_event result;

	return AIO(io_cancel(ctx, iocb(r), &result));
}

static void arguments(void)
{
	io_context_t ctx = context(8), gone = context(8);
	struct request r = poll_request(open_kind(PIPE_EMPTY), POLLIN), never = r;
	char *page = before_hole(1);

	AIO(io_destroy(gone));
	CHECK(AIO(io_cancel(ctx, NULL, NULL)), -EFAULT, "no request");
	CHECK(AIO(io_cancel(NULL, NULL, NULL)), -EFAULT, "no request and no context");
	CHECK(AIO(io_cancel(gone, NULL, NULL)), -EFAULT, "no request and a destroyed context");
	CHECK(AIO(io_cancel(ctx, BEYOND, NULL)), -EFAULT, "a request above the program's memory");
	CHECK(AIO(io_cancel(ctx, hole(), NULL)), -EFAULT, "a request that is not mapped");
	CHECK(AIO(io_cancel(ctx, (struct iocb *)(page + PAGE - 8), NULL)), -EFAULT,
	      "a request whose key is not mapped");
	CHECK(AIO(io_cancel(ctx, (struct iocb *)(page + PAGE - 12), NULL)), -EINVAL,
	      "a request of which the key is mapped");
	never.key = 0;
	CHECK(cancel(ctx, &never), -EINVAL, "a request that was never submitted");
	CHECK(cancel(NULL, &never), -EINVAL, "no context");
	CHECK(cancel(gone, &never), -EINVAL, "a destroyed context");
	CHECK(cancel(hole(), &never), -EINVAL, "a context that is not mapped");
	CHECK(cancel(BEYOND, &never), -EINVAL, "a context above the program's memory");

	EXPECT(submit(ctx, &r) == 1);
	r.key = 1;
	CHECK(cancel(ctx, &r), -EINVAL, "a request in flight whose key is 1");
	r.key = KEY_BEFORE;
	CHECK(cancel(ctx, &r), -EINVAL, "a request in flight whose key was overwritten");
	r.key = 0;
	io_context_t other = context(8);
	CHECK(cancel(other, &r), -EINVAL, "a request in flight on another context");
	CHECK(cancel(ctx, &r), -EINPROGRESS, "a request in flight");
	CHECK(event_of(ctx, &r), 0, "its event");
}

static void polls(void)
{
	static const enum kind kinds[] = { PIPE_EMPTY, PIPE_FULL, SOCKET_EMPTY, EVENTFD_ZERO,
					   TIMERFD, SIGNALFD, INOTIFY, EPOLL, PIDFD };
	io_context_t ctx = context(32);
	struct io_event event, untouched;
	int signalled = eventfd(0, EFD_NONBLOCK);
	eventfd_t count;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int fd = open_kind(kinds[i]);
		struct request r = with_eventfd(
			poll_request(fd, kinds[i] == PIPE_FULL ? POLLOUT : POLLIN), signalled);

		if (fd < 0) {
			SKIP_CHECK(strerror(errno), "%s", kind_name(kinds[i]));
			continue;
		}
		EXPECT(submit(ctx, &r) == 1);
		memset(&event, 0x77, sizeof(event));
		untouched = event;
		CHECK(AIO(io_cancel(ctx, iocb(&r), &event)), -EINPROGRESS, "poll of %s",
		      kind_name(kinds[i]));
		CHECK(memcmp(&event, &untouched, sizeof(event)), 0,
		      "poll of %s, the result is not written", kind_name(kinds[i]));
		CHECK(event_of(ctx, &r), 0, "poll of %s, its event", kind_name(kinds[i]));
		CHECK(eventfd_read(signalled, &count) == 0 ? (long)count : 0, 1,
		      "poll of %s, its eventfd", kind_name(kinds[i]));
		CHECK(cancel(ctx, &r), -EINVAL, "poll of %s, a second time", kind_name(kinds[i]));
		CHECK(get_now(ctx, 1, &event), 0, "poll of %s, only one event",
		      kind_name(kinds[i]));
	}

	/* Found by its address; what it holds is not looked at, nor where the result would go. */
	struct request r = poll_request(open_kind(PIPE_EMPTY), POLLIN), before = r;
	EXPECT(submit(ctx, &r) == 1);
	memset(&r, 0, sizeof(r));
	CHECK(AIO(io_cancel(ctx, iocb(&r), NULL)), -EINPROGRESS,
	      "a request that was overwritten, and no result");
	CHECK(get(ctx, 1, 1, &event, PATIENCE) == 1 && (uintptr_t)event.data == before.data, 1,
	      "its event has the data of its submission");
	struct request copy = r = before;
	EXPECT(submit(ctx, &r) == 1);
	copy.key = 0;
	CHECK(cancel(ctx, &copy), -EINVAL, "a copy of a request in flight");
	CHECK(AIO(io_cancel(ctx, iocb(&r), BEYOND)), -EINPROGRESS, "a bad result");
	CHECK(event_of(ctx, &r), 0, "its event");

	/* Submitted twice, so it can be cancelled twice. */
	EXPECT(submit(ctx, &r) == 1 && submit(ctx, &r) == 1);
	CHECK(cancel(ctx, &r), -EINPROGRESS, "one of two submissions");
	CHECK(cancel(ctx, &r), -EINPROGRESS, "the other");
	CHECK(cancel(ctx, &r), -EINVAL, "there is no third");
	struct io_event two[2];
	CHECK(get(ctx, 2, 2, two, PATIENCE), 2, "two events");

	/* Of several requests only the one that is meant. */
	struct request more[5];
	for (int i = 0; i < 5; i++) {
		more[i] = before;
		EXPECT(submit(ctx, &more[i]) == 1);
	}
	CHECK(cancel(ctx, &more[3]), -EINPROGRESS, "the fourth of five");
	CHECK(get(ctx, 1, 1, &event, PATIENCE) == 1 && event.obj == iocb(&more[3]), 1, "its event");
	CHECK(get_now(ctx, 1, &event), 0, "and no other");

	/* Room comes back. */
	int right = 0;
	for (int i = 0; i < 500; i++) {
		r = before;
		right += submit(ctx, &r) == 1 && cancel(ctx, &r) == -EINPROGRESS &&
			 event_of(ctx, &r) == 0;
	}
	CHECK(right, 500, "submitted, cancelled and collected 500 times");

	/* Its file may be closed. */
	int fd = open_kind(PIPE_EMPTY);
	r = poll_request(fd, POLLIN);
	EXPECT(submit(ctx, &r) == 1);
	close(fd);
	CHECK(cancel(ctx, &r), -EINPROGRESS, "a poll whose descriptor is closed");
	CHECK(event_of(ctx, &r), 0, "its event");
}

static void not_possible(void)
{
	io_context_t ctx = context(32);
	int pipes[2], fd = open_kind(DIRECT), null = open_kind(NULL_DEVICE);
	char *bytes = before_hole(16);
	struct io_event event;

	struct request done = request(IO_CMD_PWRITE, null, "x", 1, 0);
	EXPECT(submit(ctx, &done) == 1);
	CHECK(cancel(ctx, &done), -EINVAL, "a completed request whose event is in the ring");
	CHECK(event_of(ctx, &done), 1, "its event is as it was");
	CHECK(cancel(ctx, &done), -EINVAL, "a completed request whose event was taken");
	struct request refused = done;
	refused.op = 99;
	CHECK(submit(ctx, &refused), -EINVAL, "a request that io_submit refused");
	CHECK(cancel(ctx, &refused), -EINVAL, "cannot be cancelled");

	EXPECT(pipe(pipes) == 0);
	struct request blocked = request(IO_CMD_PREAD, pipes[0], bytes, 1, 0);
	struct waiter w = { .ctx = ctx, .request = &blocked };
	start_waiter(&w);
	CHECK(cancel(ctx, &blocked), -EINVAL, "a read that waits inside another thread's io_submit");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(end_waiter(&w), 1, "it goes on");
	CHECK(event_of(ctx, &blocked), 1, "its event");

	struct request ready = poll_request(pipes[1], POLLOUT);
	EXPECT(submit(ctx, &ready) == 1);
	CHECK(cancel(ctx, &ready), -EINVAL, "a poll that was ready");
	CHECK(event_of(ctx, &ready), POLLOUT, "its event");

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "an O_DIRECT read, an FSYNC");
		return;
	}
	struct request r[16];
	struct iocb *list[16];
	int right = 0, results = 0;
	for (int i = 0; i < 16; i++) {
		r[i] = i % 4 == 3 ? request(IO_CMD_FSYNC, fd, NULL, 0, 0) :
				    request(IO_CMD_PREAD, fd, bytes + i * PAGE, PAGE, i * PAGE);
		list[i] = iocb(&r[i]);
	}
	EXPECT(AIO(io_submit(ctx, 16, list)) == 16);
	for (int i = 0; i < 16; i++)
		right += cancel(ctx, &r[i]) == -EINVAL;
	CHECK_KERNEL_ONLY("an engine may cancel what it has not begun", right, 16,
			  "O_DIRECT reads and FSYNCs in flight");
	for (int i = 0; i < 16; i++) {
		EXPECT(get(ctx, 1, 1, &event, PATIENCE) == 1);
		results += event.res == (event.obj->aio_lio_opcode == IO_CMD_FSYNC ? 0 : PAGE);
	}
	CHECK_KERNEL_ONLY("an engine may cancel what it has not begun", results, 16,
			  "complete as if nothing had been said");
}

const struct group cancel_groups[] = {
	{ "3", "io_cancel: arguments", arguments, 0, NULL },
	{ "3", "io_cancel: polls", polls, 0, NULL },
	{ "3", "io_cancel: not possible", not_possible, 0, NULL },
	{ 0 },
};
