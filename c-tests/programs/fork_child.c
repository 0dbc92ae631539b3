/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A context belongs to the process that made it. In a child of fork it is refused, and nothing that
 * the child does costs the parent an event; the child can make its own.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <sys/wait.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

extern int io_queue_wait(io_context_t ctx, struct timespec *timeout);

/* `ctx` has events in its ring and `waiting` under way. */
static void expect_refused(io_context_t ctx, struct iocb *waiting)
{
	struct iocb cb, *list[] = { &cb };
	struct io_event events[4];
	struct timespec at_once = { 0, 0 }, soon = { 0, 1000000 }, for_ever = { -1, 0 };
	sigset_t none;
	char byte = 0;
	int null = open("/dev/null", O_WRONLY);

	EXPECT(null >= 0);
	sigemptyset(&none);
	io_prep_pwrite(&cb, null, &byte, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, &soon)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 4, 4, events, &for_ever)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 4, events, &at_once)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 0, NULL, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 4, events, NULL, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 4, events, &at_once, &none)), -EINVAL);
	EXPECT_EQ(AIO(io_queue_run(ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_queue_wait(ctx, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_cancel(ctx, waiting, &events[0])), -EINVAL);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
	close(null);
}

static void expect_success(pid_t child)
{
	int status;

	EXPECT(child > 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

static void in_child(io_context_t ctx, struct iocb *waiting)
{
	io_context_t own = NULL;
	struct io_event events[4];

	/* The parent's alarm is not inherited. */
	start_watchdog();
	expect_refused(ctx, waiting);

	EXPECT_EQ(AIO(io_setup(8, &own)), 0);
	EXPECT(own != ctx);
	make_events(own, 50, 2);
	EXPECT_EQ(AIO(io_getevents(own, 1, 4, events, NULL)), 2);
	expect_made(events, 50, 2);
	/* The new one does not make the old one good. */
	expect_refused(ctx, waiting);

	/* And in a child of the child neither is. */
	make_events(own, 60, 1);
	pid_t grandchild = fork();
	if (grandchild == 0) {
		start_watchdog();
		expect_refused(ctx, waiting);
		expect_refused(own, waiting);
		_exit(0);
	}
	expect_success(grandchild);
	EXPECT_EQ(AIO(io_getevents(own, 1, 4, events, NULL)), 1);
	expect_made(events, 60, 1);
	EXPECT_EQ(AIO(io_destroy(own)), 0);
	_exit(0);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb waiting, *list[] = { &waiting };
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	int pipes[2];

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	io_prep_poll(&waiting, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	make_events(ctx, 10, 3);

	pid_t child = fork();
	if (child == 0)
		in_child(ctx, &waiting);
	expect_success(child);

	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &at_once)), 3);
	expect_made(events, 10, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &at_once)), 0);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, NULL)), 1);
	EXPECT_PTR(events[0].obj, &waiting);

	/* The parent's end: the ring is no more, which the child notices by the error only. */
	int gone[2];
	char byte;
	EXPECT_EQ(pipe(gone), 0);
	child = fork();
	if (child == 0) {
		start_watchdog();
		close(gone[1]);
		EXPECT_EQ(read(gone[0], &byte, 1), 1);
		EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
		EXPECT_EQ(AIO(io_cancel(ctx, &waiting, events)), -EINVAL);
		EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
		_exit(0);
	}
	expect_works(ctx);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(write(gone[1], "x", 1), 1);
	expect_success(child);
	return 0;
}
