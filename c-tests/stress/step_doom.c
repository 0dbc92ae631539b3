/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * At every instruction of a call that collects events, a handler blocks until another thread has
 * destroyed the context. Then the interrupted call goes on, and gives a count or -EINVAL. Meanwhile a
 * third thread looks for events. The C library crashes.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "ledger.h"
#include "step.h"

/* io_destroy waits a while for the handler, so many calls are interrupted at the same time. */
enum { CALLS = 20, READY = 3 };

struct call {
	pthread_t thread, destroyer;
	int number;
	long at;
	io_context_t ctx;
	int stuck, over, destroyed, reached;
};

static struct call calls[CALLS];
static __thread struct call *self;

static void wait_for_destroyer(void)
{
	struct call *call = self;

	SET(call->stuck, 1);
	while (!GET(call->destroyed))
		usleep(1000);
}

static void *collect(void *argument)
{
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };

	self = argument;
	EXPECT(submit_writes(self->ctx, self->number, READY) == READY && drain(self->ctx) == READY);
	EXPECT(submit_writes(self->ctx, self->number, READY) == READY);
	step(self->at, wait_for_destroyer);
	int got = io_getevents(self->ctx, 0, 4, events, &at_once);
	self->reached = stepped();
	EXPECT(got == -EINVAL || (got >= 0 && got <= READY));
	if (got > 0)
		book_events(events, got);
	SET(self->over, 1);
	return NULL;
}

static void *destroy(void *argument)
{
	struct call *call = argument;

	EXPECT(io_destroy(call->ctx) == 0);
	SET(call->destroyed, 1);
	return NULL;
}

/* The calls interrupted at the instructions from `at` on. Gives whether the last one was. */
static int interrupted_calls(long at)
{
	struct io_event event;
	struct timespec at_once = { 0, 0 };

	for (int i = 0; i < CALLS; i++) {
		struct call *call = &calls[i];
		*call = (struct call){ .number = i, .at = at + i };
		EXPECT(io_setup(1, &call->ctx) == 0);
		EXPECT(pthread_create(&call->thread, NULL, collect, call) == 0);
		while (!GET(call->stuck) && !GET(call->over))
			sched_yield();
	}
	for (int i = 0; i < CALLS; i++)
		EXPECT(pthread_create(&calls[i].destroyer, NULL, destroy, &calls[i]) == 0);
	for (int i = 0; i < CALLS; i++) {
		int got = io_getevents(calls[i].ctx, 0, 1, &event, &at_once);
		EXPECT(got == -EINVAL || got == 0 || got == 1);
		if (got > 0)
			book_events(&event, got);
	}
	for (int i = 0; i < CALLS; i++) {
		EXPECT(pthread_join(calls[i].destroyer, NULL) == 0);
		EXPECT(pthread_join(calls[i].thread, NULL) == 0);
		EXPECT(io_getevents(calls[i].ctx, 0, 1, &event, &at_once) == -EINVAL);
	}
	return calls[CALLS - 1].reached;
}

/* After the alarm: who is left? */
static void hang(int number)
{
	char text[120];
	int stuck = 0, over = 0, destroyed = 0;

	(void)number;
	for (int i = 0; i < CALLS; i++) {
		stuck += GET(calls[i].stuck);
		over += GET(calls[i].over);
		destroyed += GET(calls[i].destroyed);
	}
	int length = snprintf(text, sizeof(text), "step_doom: HANGS: instructions from %ld on, %d of %d stuck, %d over, %d destroyed\n",
			      calls[0].at, stuck, CALLS, over, destroyed);
	_exit(write(1, text, length) != length || 1);
}

int main(int argc, char **argv)
{
	start(argc, argv, 20);
	long at = 1;

	signal(SIGALRM, hang);
	prepare_steps();
	while (interrupted_calls(at))
		at += CALLS;
	printf("step_doom: %ld events, %ld discarded by io_destroy, %ld duplicated, some %ld calls\n",
	       ledger_taken, ledger_submitted() - ledger_taken, ledger_duplicated, at);
	return ledger_duplicated || ledger_wrong;
}
