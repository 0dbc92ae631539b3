/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_pgetevents swaps the signal mask for the time of the call, so that a program can wait for
 * events or a signal without a race: a signal that is pending and let through always gets handled.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <signal.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static volatile sig_atomic_t handled;

static void count(int number)
{
	(void)number;
	handled++;
}

static int is_pending(void)
{
	sigset_t pending;

	EXPECT_EQ(sigpending(&pending), 0);
	return sigismember(&pending, SIGUSR1);
}

static void expect_still_blocked(void)
{
	sigset_t now_blocked;

	EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now_blocked), 0);
	EXPECT_EQ(sigismember(&now_blocked, SIGUSR1), 1);
	EXPECT_EQ(sigismember(&now_blocked, SIGUSR2), 0);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[4];
	struct timespec soon = { 0, 10000000 }, at_once = { 0, 0 };
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
	sigset_t usr1, none;

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);

	/* Pending before the call, let through by it: the wait ends, SA_RESTART or not. */
	raise(SIGUSR1);
	EXPECT_EQ(is_pending(), 1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, NULL, &none)), -EINTR);
	EXPECT_EQ(handled, 1);
	EXPECT_EQ(is_pending(), 0);
	expect_still_blocked();
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, &none)), -EINTR);
	EXPECT_EQ(handled, 2);
	expect_still_blocked();

	/* With events there: both the events and the handler, waiting or not. */
	make_events(ctx, 10, 2);
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 4, events, NULL, &none)), 2);
	expect_made(events, 10, 2);
	EXPECT_EQ(handled, 3);
	make_events(ctx, 20, 1);
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 4, events, &at_once, &none)), 1);
	expect_made(events, 20, 1);
	EXPECT_EQ(handled, 4);
	make_events(ctx, 30, 1);
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 0, 4, events, &soon, &none)), 1);
	expect_made(events, 30, 1);
	EXPECT_EQ(handled, 5);
	/* Too few of them, but the signal ends the wait. */
	make_events(ctx, 40, 1);
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 2, 4, events, NULL, &none)), 1);
	expect_made(events, 40, 1);
	EXPECT_EQ(handled, 6);
	expect_still_blocked();

	/* Even a call that is refused, or has no room, lets it through. */
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 2, 1, events, NULL, &none)), -EINVAL);
	EXPECT_EQ(handled, 7);
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 0, 0, NULL, &soon, &none)), -EINTR);
	EXPECT_EQ(handled, 8);

	/* A mask that goes on blocking it, and no mask: the signal stays pending. */
	raise(SIGUSR1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, &usr1)), 0);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, NULL)), 0);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &at_once, NULL)), 0);
	make_events(ctx, 50, 3);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, NULL, NULL)), 1);
	expect_made(events, 50, 1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, NULL, &usr1)), 1);
	expect_made(events, 51, 1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 0, 4, events, &at_once, NULL)), 1);
	expect_made(events, 52, 1);
	EXPECT_EQ(handled, 8);
	EXPECT_EQ(is_pending(), 1);
	expect_still_blocked();

	/* The other way round: the call blocks what the program lets through. */
	EXPECT_EQ(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
	EXPECT_EQ(handled, 9);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, &usr1)), 0);
	sigset_t now_blocked;
	EXPECT_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now_blocked), 0);
	EXPECT_EQ(sigismember(&now_blocked, SIGUSR1), 0);

	/* A mask that cannot be read. */
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, (sigset_t *)-4096)), -EFAULT);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
