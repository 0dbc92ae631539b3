/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals arrive all the time, and their handlers use the context that the interrupted thread is
 * using: alone, then with a second thread that does the same.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "forms.h"
#include "ledger.h"

/*
 * Submitters: of thread t, 4t is the thread's, 4t + 1 and 4t + 2 are its two handlers', which nest.
 */
enum { THREADS = 2, LEVELS = 2, EACH = 4, RING = 127 };

struct thread {
	int number;
	volatile sig_atomic_t inside; /* in a call that collects */
	timer_t timers[LEVELS];
	uint32_t seed;
	struct iocb polls[LEVELS];
	int polling[LEVELS];
};

static struct thread threads[THREADS];
static __thread struct thread *self __attribute__((tls_model("initial-exec")));
static io_context_t ctx, callback_context;
static int threads_now, stop, never_ready;
static long signals, interrupted, wraps, polls_submitted, polls_done;
static long callbacks_submitted, callbacks_done;

static void book_all(const struct io_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		char *obj = (char *)events[i].obj;
		if (obj >= (char *)threads && obj < (char *)(threads + THREADS)) {
			int *polling = events[i].data;
			if (!__atomic_exchange_n(polling, 0, __ATOMIC_ACQ_REL))
				ADD(ledger_duplicated, 1);
			ADD(polls_done, 1);
		} else {
			book_events(&events[i], 1);
		}
	}
}

/* Books what a call gave, which may be EINTR where a signal is no surprise. */
static void check(int got, int most, const struct io_event *events)
{
	if (got >= 0 && got <= most)
		book_all(events, got);
	else if (got != -EINTR)
		ADD(ledger_wrong, 1);
}

static void called_back(io_context_t got_ctx, struct iocb *cb, long res, long res2)
{
	(void)cb;
	if (got_ctx != callback_context || res != 5 || res2)
		ADD(ledger_wrong, 1);
	ADD(callbacks_done, 1);
}

static void use_callbacks(void)
{
	struct iocb cb, *list[] = { &cb };

	io_prep_pwrite(&cb, ledger_null, "12345", 5, 0);
	io_set_callback(&cb, called_back);
	if (io_submit(callback_context, 1, list) == 1)
		ADD(callbacks_submitted, 1);
	int got = io_queue_run(callback_context);
	if (got && got != -EINTR)
		ADD(ledger_wrong, 1);
}

/* Takes exactly as many events as the ring has slots, so that head comes back to where it was. */
static void wrap_around(int submitter, int parts)
{
	struct timespec at_once = { 0, 0 };
	struct io_event events[RING];
	int left = RING;

	for (int empty = 0; left && empty < 50;) {
		int part = left < parts ? left : parts;
		submit_writes(ctx, submitter, part);
		int got = io_getevents(ctx, part, part, events, &at_once);
		check(got, part, events);
		if (got > 0)
			left -= got;
		else
			empty++;
	}
	if (!left)
		ADD(wraps, 1);
}

static void poll_and_cancel(int level)
{
	struct iocb *list[] = { &self->polls[level] };
	struct io_event unused;

	if (GET(self->polling[level]))
		return;
	io_prep_poll(list[0], never_ready, POLLIN);
	list[0]->data = &self->polling[level];
	SET(self->polling[level], 1);
	if (io_submit(ctx, 1, list) != 1) {
		SET(self->polling[level], 0);
		return;
	}
	ADD(polls_submitted, 1);
	if (io_cancel(ctx, list[0], &unused) != -EINPROGRESS)
		ADD(ledger_wrong, 1);
}

/* One shot: with an interval, a slow machine would do nothing but handle signals. */
static void arm(int level)
{
	struct itimerspec moment = { .it_value = { 0, 20000 + random_below(&self->seed, 40000) } };

	if (!GET(stop))
		timer_settime(self->timers[level], 0, &moment, NULL);
}

static void handle(int number)
{
	int level = number == SIGUSR2, submitter = self->number * EACH + 1 + level;
	int saved = errno;
	struct io_event events[8];
	struct timespec at_once = { 0, 0 }, millisecond = { 0, 1000000 };
	sigset_t mask;

	if (self->inside)
		ADD(interrupted, 1);
	ADD(signals, 1);
	switch (random_below(&self->seed, 9)) {
	case 0:
		check(io_getevents(ctx, 0, 8, events, &at_once), 8, events);
		break;
	case 1:
		/* Nobody else takes it, if nobody else is there. */
		if (submit_writes(ctx, submitter, 1) == 1)
			check(io_getevents(ctx, 1, 8, events, threads_now > 1 ? &millisecond : NULL), 8,
			      events);
		break;
	case 2:
		submit_writes(ctx, submitter, 4);
		check(io_pgetevents(ctx, 1, 3, events, &at_once, NULL), 3, events);
		break;
	case 3:
		/* The other signal comes in here, if it is pending. */
		sigemptyset(&mask);
		sigaddset(&mask, number);
		check(io_pgetevents(ctx, 1, 8, events, &at_once, &mask), 8, events);
		break;
	case 4:
		submit_writes(ctx, submitter, 1 + random_below(&self->seed, 20));
		break;
	case 5:
		poll_and_cancel(level);
		break;
	case 6:
		use_callbacks();
		break;
	case 7:
		wrap_around(submitter, 8);
		break;
	case 8:
		wrap_around(submitter, 64);
		break;
	}
	arm(level);
	errno = saved;
}

static void *work(void *argument)
{
	static const int numbers[LEVELS] = { SIGUSR1, SIGUSR2 };
	struct io_event events[100];
	uint32_t seed;

	self = argument;
	self->seed = 99 + self->number;
	seed = 7 + self->number;
	for (int level = 0; level < LEVELS; level++) {
		struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = numbers[level] };
		event._sigev_un._tid = syscall(SYS_gettid);
		EXPECT(timer_create(CLOCK_MONOTONIC, &event, &self->timers[level]) == 0);
		arm(level);
	}
	while (!GET(stop)) {
		/* Many events for one long copy, or few for many short ones. */
		int count = random_below(&seed, 3) ? 60 : 4;
		long nr = random_below(&seed, 2) ? 1 : 100;

		submit_writes(ctx, self->number * EACH, count);
		for (int i = 0; i < 12; i++) {
			enum form form = random_below(&seed, i ? NO_MASK_AT_ONCE + 1 : FIRST_FOR_EVER);
			self->inside = 1;
			int got = ask(ctx, form, 1, nr, events);
			self->inside = 0;
			check(got, nr, events);
		}
		if (!random_below(&seed, 16))
			use_callbacks();
	}
	for (int level = 0; level < LEVELS; level++)
		timer_delete(self->timers[level]);
	return NULL;
}

static void run(int count, double seconds)
{
	pthread_t running[THREADS];
	struct io_event events[8];
	struct timespec at_once = { 0, 0 }, patience = { 20, 0 };
	int got;

	stop = 0;
	threads_now = count;
	EXPECT(io_setup(1, &ctx) == 0);
	EXPECT(io_setup(1, &callback_context) == 0);
	for (int i = 0; i < count; i++) {
		threads[i].number = i;
		EXPECT(pthread_create(&running[i], NULL, work, &threads[i]) == 0);
	}
	usleep(seconds * 1e6);
	SET(stop, 1);
	for (int i = 0; i < count; i++)
		pthread_join(running[i], NULL);
	/* A cancelled poll ends in a worker of the kernel, which may not have run yet. */
	while (polls_done < polls_submitted && (got = io_getevents(ctx, 1, 8, events, &patience)) > 0)
		book_all(events, got);
	while ((got = io_getevents(ctx, 0, 8, events, &at_once)) > 0)
		book_all(events, got);
	EXPECT(got == 0);
	EXPECT(io_queue_run(callback_context) == 0);
	EXPECT(io_destroy(ctx) == 0);
	EXPECT(io_destroy(callback_context) == 0);
	ctx = callback_context = NULL;
}

int main(int argc, char **argv)
{
	double seconds = start(argc, argv, 10);
	struct sigaction action = { .sa_handler = handle };
	char more[128];

	never_ready = eventfd(0, 0);
	/* Handlers of the two signals interrupt each other, but not themselves. */
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
	run(1, seconds / 2);
	run(2, seconds / 2);

	if (polls_done != polls_submitted || callbacks_done != callbacks_submitted) {
		printf("signal_storm: %ld polls, %ld callbacks LOST\n", polls_submitted - polls_done,
		       callbacks_submitted - callbacks_done);
		ledger_wrong++;
	}
	snprintf(more, sizeof(more), "%ld signals, %ld inside a call, %ld handlers took a whole ring", signals,
		 interrupted, wraps);
	return report("signal_storm", polls_done + callbacks_done, more);
}
