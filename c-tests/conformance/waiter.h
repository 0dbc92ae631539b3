/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that wait while another acts: each is known to sleep before the other goes on. */
#ifndef WAITER_H
#define WAITER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "../harness/asleep.h"
#include "request.h"

/* A thread in io_getevents or io_pgetevents, or, with a request, in io_submit. */
struct waiter {
	io_context_t ctx;
	long min, nr;
	struct timespec *timeout;
	sigset_t *mask;
	struct request *request;
	struct io_event *array; /* NULL: the one below */
	int pgetevents;
	/* What came. */
	long result;
	double seconds;
	struct io_event events[8];
	atomic_int thread_id, done;
	pthread_t thread;
};

/* Starts it, and returns when it sleeps. */
void start_waiter(struct waiter *waiter);
/* Its result, when it has ended. */
long end_waiter(struct waiter *waiter);
/* Whether it still waits. */
int waits(struct waiter *waiter);

/* SIGUSR1 does nothing but interrupt and count; with SA_RESTART. */
extern atomic_int handled;
void handle_signal(int number);

#endif
