/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A timer whose signal, SIGUSR1, interrupts the thread that made it at an instant that nobody knows. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../../harness/expect.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static inline timer_t interrupting_timer(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	timer_t timer;

	event.sigev_notify_thread_id = gettid();
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	return timer;
}

/* Once, within so many nanoseconds from when this has returned, more or less. */
static inline void interrupt_within(timer_t timer, long nanoseconds)
{
	struct itimerspec once = { .it_value = { 0, 500 + rand() % nanoseconds } };

	EXPECT_EQ(timer_settime(timer, 0, &once, NULL), 0);
}

static inline void do_not_interrupt(timer_t timer)
{
	struct itimerspec never = { { 0, 0 }, { 0, 0 } };

	EXPECT_EQ(timer_settime(timer, 0, &never, NULL), 0);
}

#endif
