/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writing to a pipe that nobody reads: the event says -EPIPE, and the submitting thread gets SIGPIPE. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <signal.h>

#include "../harness/expect.h"

static volatile sig_atomic_t signals;
static pthread_t signalled;

static void count(int number)
{
	(void)number;
	signals++;
	signalled = pthread_self();
}

static void *submit(void *argument)
{
	io_context_t ctx = argument;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int pipes[2];
	char byte = 0;

	EXPECT_EQ(pipe(pipes), 0);
	close(pipes[0]);
	io_prep_pwrite(&cb, pipes[1], &byte, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	/* The write happened inside io_submit, and so did the signal. */
	EXPECT_EQ(signals, 1);
	EXPECT(pthread_equal(signalled, pthread_self()));
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_EQ(RES(event), -EPIPE);
	EXPECT_EQ(event.res2, 0);

	/* Ignored, it is the event only. */
	EXPECT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), -EPIPE);
	EXPECT_EQ(signals, 1);
	close(pipes[1]);
	return NULL;
}

int main(void)
{
	io_context_t ctx = NULL;
	struct sigaction action = { .sa_handler = count };
	pthread_t thread;

	start_watchdog();
	EXPECT_EQ(sigaction(SIGPIPE, &action, NULL), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);

	/* In a thread that is not the first, which is where a signal to the process would go. */
	EXPECT_EQ(pthread_create(&thread, NULL, submit, ctx), 0);
	EXPECT_EQ(pthread_join(thread, NULL), 0);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
