/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading an empty pipe is not asynchronous: io_submit waits, for data or for a signal. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "../harness/expect.h"

static int pipes[2];
static pthread_t waiter;
static atomic_int stop;

static void nothing(int number)
{
	(void)number;
}

static void *write_later(void *argument)
{
	usleep(30000);
	EXPECT_EQ(write(pipes[1], "abc", 3), 3);
	return argument;
}

static void *send_signals(void *argument)
{
	while (!stop) {
		usleep(3000);
		pthread_kill(waiter, SIGUSR1);
	}
	return argument;
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	struct timespec at_once = { 0, 0 };
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	pthread_t other;
	char got[8] = "";

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);
	waiter = pthread_self();

	io_prep_pread(&cb, pipes[0], got, sizeof(got), 0);
	double start = now();
	EXPECT_EQ(pthread_create(&other, NULL, write_later, NULL), 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT(now() - start >= 0.03);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 1);
	EXPECT_EQ(RES(event), 3);
	EXPECT_EQ(memcmp(got, "abc", 4), 0);
	EXPECT_EQ(pthread_join(other, NULL), 0);

	/* The signal is in the event; io_submit did its work. SA_RESTART does not help. */
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT_EQ(pthread_create(&other, NULL, send_signals, NULL), 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 1);
	EXPECT_EQ(RES(event), -EINTR);
	stop = 1;
	EXPECT_EQ(pthread_join(other, NULL), 0);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
