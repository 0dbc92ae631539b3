/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long io_getevents waits. A timeout is never refused: a negative one means for ever. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <pthread.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static int pipes[2];

static void *write_later(void *nothing)
{
	usleep(30000);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	return nothing;
}

/* Waits for an event that comes after 30 ms. */
static void wait_for_late_event(io_context_t ctx, struct timespec *timeout)
{
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	pthread_t writer;
	char byte;
	double start = now();

	io_prep_poll(&cb, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(pthread_create(&writer, NULL, write_later, NULL), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, timeout)), 1);
	EXPECT(now() - start >= 0.03);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_EQ(RES(event) & POLLIN, POLLIN);
	EXPECT_EQ(pthread_join(writer, NULL), 0);
	EXPECT_EQ(read(pipes[0], &byte, 1), 1);
}

/* With nothing there, a wait takes at least this long and returns 0. */
static void wait_for_nothing(io_context_t ctx, struct timespec *timeout, double seconds)
{
	struct io_event event;
	struct timespec before = *timeout;
	double start = now();

	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, timeout)), 0);
	double took = now() - start;
	EXPECT(took >= seconds);
	/* Generous, for a machine that is busy. */
	EXPECT(took < seconds + 5);
	EXPECT_EQ(timeout->tv_sec, before.tv_sec);
	EXPECT_EQ(timeout->tv_nsec, before.tv_nsec);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[2];

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	wait_for_nothing(ctx, &(struct timespec){ 0, 0 }, 0);
	wait_for_nothing(ctx, &(struct timespec){ 0, 1 }, 0);
	wait_for_nothing(ctx, &(struct timespec){ 0, 20000000 }, 0.02);
	/* The parts are added up, whatever they are. */
	wait_for_nothing(ctx, &(struct timespec){ 1, -980000000 }, 0.02);
	wait_for_nothing(ctx, &(struct timespec){ -1, 1020000000 }, 0.02);

	wait_for_late_event(ctx, NULL);
	wait_for_late_event(ctx, &(struct timespec){ 1000, 0 });
	wait_for_late_event(ctx, &(struct timespec){ 0, 2000000000 });
	wait_for_late_event(ctx, &(struct timespec){ -1, 0 });
	wait_for_late_event(ctx, &(struct timespec){ 0, -1 });
	wait_for_late_event(ctx, &(struct timespec){ -5, 999999999 });

	/* An event that is there is returned at once, whatever the timeout. */
	double start = now();
	make_events(ctx, 1, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &(struct timespec){ 1000, 0 })), 1);
	expect_made(events, 1, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &(struct timespec){ -1, 0 })), 1);
	expect_made(events, 2, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &(struct timespec){ 0, -1 })), 1);
	expect_made(events, 3, 1);
	EXPECT(now() - start < 10);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
