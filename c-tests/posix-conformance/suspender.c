/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "suspender.h"

long long suspend(const struct aiocb *const list[], int count, const struct timespec *timeout)
{
	int got = aio_suspend(list, count, timeout);

	EXPECT(got == 0 || got == -1);
	return got == 0 ? 0 : SYNC(errno);
}

static void cleaned(void *argument)
{
	((struct suspender *)argument)->cleaned++;
}

static void *wait_in_suspend(void *argument)
{
	struct suspender *s = argument;
	double begin = now();

	pthread_cleanup_push(cleaned, s);
	s->thread_id = gettid();
	s->result = suspend(s->list, s->count, s->timeout);
	s->seconds = now() - begin;
	s->done = 1;
	pthread_cleanup_pop(0);
	return NULL;
}

void start_suspender(struct suspender *s)
{
	s->result = -1;
	EXPECT(pthread_create(&s->thread, NULL, wait_in_suspend, s) == 0);
	while (!s->thread_id)
		pause_for(0.0002);
	wait_asleep(getpid(), s->thread_id);
}

long long end_suspender(struct suspender *s)
{
	if (!EVENTUALLY(s->done))
		return IN_PROGRESS;
	EXPECT(pthread_join(s->thread, NULL) == 0);
	return s->result;
}

int still_waits(struct suspender *s)
{
	pause_for(0.05);
	return !s->done;
}
