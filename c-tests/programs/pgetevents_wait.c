/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A signal that arrives while io_pgetevents waits: let through by its mask, and blocked by it. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "../harness/expect.h"

static volatile sig_atomic_t handled;
static atomic_int stop;
static pthread_t waiter;

static void count(int number)
{
	(void)number;
	handled++;
}

static void *send_signals(void *nothing)
{
	while (!stop) {
		usleep(3000);
		pthread_kill(waiter, SIGUSR1);
	}
	return nothing;
}

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event event;
	struct timespec while_signals_come = { 0, 50000000 };
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
	sigset_t usr1, none;
	pthread_t sender;

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
	waiter = pthread_self();
	EXPECT_EQ(pthread_create(&sender, NULL, send_signals, NULL), 0);

	/* Blocked outside, so the handler can run in the call only: no signal is missed before it. */
	for (int i = 1; i <= 5; i++) {
		EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, NULL, &none)), -EINTR);
		EXPECT_EQ(handled, i);
	}

	/* Let through outside, blocked in the call: it waits to its end. */
	EXPECT_EQ(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
	double start = now();
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, &event, &while_signals_come, &usr1)), 0);
	EXPECT(now() - start >= 0.05);
	/* What arrived meanwhile is handled on return. */
	EXPECT(handled > 5);

	stop = 1;
	EXPECT_EQ(pthread_join(sender, NULL), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
