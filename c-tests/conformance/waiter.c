/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "waiter.h"

atomic_int handled;

static void count(int number)
{
	(void)number;
	handled++;
}

void handle_signal(int number)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };

	EXPECT(sigaction(number, &action, NULL) == 0);
}

static void *wait_in_call(void *argument)
{
	struct waiter *w = argument;
	struct io_event *events = w->array ? w->array : w->events;
	double start = now();

	w->thread_id = gettid();
	if (w->request)
		w->result = submit(w->ctx, w->request);
	else if (w->pgetevents)
		w->result = AIO(io_pgetevents(w->ctx, w->min, w->nr, events, w->timeout, w->mask));
	else
		w->result = AIO(io_getevents(w->ctx, w->min, w->nr, events, w->timeout));
	w->seconds = now() - start;
	w->done = 1;
	return NULL;
}

void start_waiter(struct waiter *w)
{
	if (!w->nr)
		w->nr = 8;
	EXPECT(pthread_create(&w->thread, NULL, wait_in_call, w) == 0);
	while (!w->thread_id)
		pause_for(0.0002);
	wait_asleep(getpid(), w->thread_id);
}

long end_waiter(struct waiter *w)
{
	EXPECT(pthread_join(w->thread, NULL) == 0);
	return w->result;
}

int waits(struct waiter *w)
{
	return !w->done;
}
