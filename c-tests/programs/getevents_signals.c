/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A signal handler ends the wait of io_getevents; it never starts again by itself. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static volatile sig_atomic_t handled;
static atomic_int stop;
static pthread_t waiter;

static void count(int number)
{
	(void)number;
	handled++;
}

/* Again and again, because one that arrives before the wait begins does not end it. */
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
	struct io_event events[4];
	struct timespec never = { 1000, 0 }, while_signals_come = { 0, 30000000 };
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
	sigset_t usr1, pending;
	pthread_t sender;

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	waiter = pthread_self();
	EXPECT_EQ(pthread_create(&sender, NULL, send_signals, NULL), 0);

	int before = handled;
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), -EINTR);
	EXPECT(handled > before);
	before = handled;
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &never)), -EINTR);
	EXPECT(handled > before);

	/* With fewer events than asked for, it returns those. */
	make_events(ctx, 1, 2);
	before = handled;
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 4, events, NULL)), 2);
	EXPECT(handled > before);
	expect_made(events, 1, 2);

	/* One that is blocked or ignored does not end it. */
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
	before = handled;
	while (sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1))
		usleep(1000);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &while_signals_come)), 0);
	EXPECT_EQ(handled, before);
	EXPECT_EQ(signal(SIGUSR1, SIG_IGN) != SIG_ERR, 1);
	EXPECT_EQ(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &while_signals_come)), 0);
	EXPECT_EQ(handled, before);

	stop = 1;
	EXPECT_EQ(pthread_join(sender, NULL), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
