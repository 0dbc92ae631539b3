/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that wait in aio_suspend while another acts: each is known to sleep before the other goes on. */
#ifndef SUSPENDER_H
#define SUSPENDER_H

#include <pthread.h>

#include "../harness/asleep.h"
#include "request.h"

struct suspender {
	const struct aiocb *list[8];
	int count;
	const struct timespec *timeout;
	/* What came: aio_suspend's value, or SYNC(errno); -1 before. */
	long long result;
	double seconds;
	atomic_int thread_id, done, cleaned;
	pthread_t thread;
};

/* One that waits for these. */
#define SUSPENDER(...) \
	{ .list = { __VA_ARGS__ }, .count = sizeof((const struct aiocb *[]){ __VA_ARGS__ }) / sizeof(void *) }

/* Starts it, and returns when it sleeps. */
void start_suspender(struct suspender *suspender);
/* Its result, when it has ended; IN_PROGRESS if it does not end. */
long long end_suspender(struct suspender *suspender);
/* Whether it still waits after a while. */
int still_waits(struct suspender *suspender);
long long suspend(const struct aiocb *const list[], int count, const struct timespec *timeout);

#endif
