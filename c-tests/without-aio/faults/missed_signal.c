/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal ends a wait for more events than will come, in the middle of a steady stream of events too: when it
 * comes while the waiting thread is awake for an instant, it must not be missed. One waiter, two on one context, and
 * io_pgetevents with a mask that lets the signal in.
 *
 * usage: missed_signal [ROUNDS]
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../../harness/asleep.h"
#include "../../harness/made_events.h"

/* More events than a round makes. */
enum { WANTED = 1000, STREAM = 100, WAITERS = 2 };
enum way { ONE, TWO, MASKED, WAYS };
static const char *const names[] = { "one waiter", "two waiters", "io_pgetevents" };

static io_context_t ctx;
static enum way way;
static int null;

struct waiter {
	pthread_t thread;
	_Atomic pid_t tid;
	atomic_int handled; /* signals */
	atomic_int asked; /* to wait so many times */
	atomic_int begun;
	atomic_int ended;
	atomic_long result; /* of the last one that ended */
};
static struct waiter waiters[WAITERS];
static _Thread_local struct waiter *self;

static void handler(int number)
{
	(void)number;
	self->handled++;
}

static void *wait_again_and_again(void *argument)
{
	struct io_event *events = calloc(WANTED, sizeof(*events));
	sigset_t alarm, before;

	self = argument;
	EXPECT(events);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	for (self->tid = gettid();;) {
		while (self->asked == self->ended)
			usleep(100);
		self->begun++;
		if (way == MASKED) {
			EXPECT_EQ(pthread_sigmask(SIG_BLOCK, &alarm, &before), 0);
			self->result = AIO(io_pgetevents(ctx, WANTED, WANTED, events, NULL, &before));
			EXPECT_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
		} else {
			self->result = AIO(io_getevents(ctx, WANTED, WANTED, events, NULL));
		}
		self->ended++;
	}
	return NULL;
}

static void spin(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

/* Within 5 s. */
static bool has_ended(struct waiter *waiter)
{
	for (double end = now() + 5; now() < end; usleep(100))
		if (waiter->ended == waiter->asked)
			return true;
	return false;
}

/* How many events they all got, and left. */
static void one_round(long round, int count)
{
	static char byte;
	static struct io_event left[STREAM];
	struct iocb cb, *list[] = { &cb };
	/* Each is sent its signal behind an event of its own. */
	int behind[WAITERS] = { rand() % (STREAM - 20), rand() % (STREAM - 20) };
	long total = 0;

	for (int i = 0; i < count; i++) {
		waiters[i].handled = 0;
		waiters[i].asked++;
		while (waiters[i].begun != waiters[i].asked)
			usleep(100);
		wait_asleep(getpid(), waiters[i].tid);
	}
	io_prep_pwrite(&cb, null, &byte, 1, 0);
	for (int made = 0; made < STREAM; made++) {
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
		for (int i = 0; i < count; i++) {
			if (made == behind[i]) {
				spin(rand() % 3000);
				EXPECT_EQ(pthread_kill(waiters[i].thread, SIGALRM), 0);
			}
		}
		spin(rand() % 300);
	}
	for (int i = 0; i < count; i++) {
		if (!has_ended(&waiters[i]))
			EXPECT_FAILED(__FILE__, __LINE__, "%s, round %ld: a signal did not end the wait; its handler ran %d times",
				      names[way], round, waiters[i].handled);
		EXPECT_EQ(waiters[i].handled, 1);
		/* One of two may have got nothing. */
		EXPECT(waiters[i].result > 0 || (count > 1 && waiters[i].result == -EINTR));
		if (waiters[i].result > 0)
			total += waiters[i].result;
	}
	total += AIO(io_getevents(ctx, 0, STREAM, left, NULL));
	EXPECT_EQ(total, STREAM);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 200;
	struct sigaction action = { .sa_handler = handler };

	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	EXPECT_EQ(sigaction(SIGALRM, &action, NULL), 0);
	EXPECT_EQ(AIO(io_setup(WANTED, &ctx)), 0);
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(pthread_create(&waiters[i].thread, NULL, wait_again_and_again, &waiters[i]), 0);
	for (way = ONE; way < WAYS; way++)
		for (long round = 1; round <= rounds; round++)
			one_round(round, way == TWO ? 2 : 1);
	printf("%ld rounds each: %s, %s, %s: every signal ended its wait\n", rounds, names[ONE], names[TWO], names[MASKED]);
	return 0;
}
