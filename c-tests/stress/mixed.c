/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads submit to and collect from the same contexts in every way at once. Writes to /dev/null
 * complete inside io_submit; polls and O_DIRECT reads complete while others collect.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "forms.h"
#include "ledger.h"

enum { THREADS = 8, CONTEXTS = 64, FEEDER = THREADS, BLOCK = 4096 };

/* A request that takes its time. It is its thread's again when `under_way` is 0. */
struct slow {
	struct iocb cb;
	int under_way;
	long wanted; /* the result */
};

struct round {
	int threads, contexts, size;
};

static io_context_t contexts[CONTEXTS], callback_context;
static int waiters[CONTEXTS]; /* threads that wait for ever */
static struct slow polls[THREADS], reads[THREADS], callbacks[THREADS][BATCH_MAX];
static int eventfds[THREADS], file;
static char *buffers;
static int stop;
static long slow_done, slow_submitted;
static struct round round_now;

static void book_slow(struct slow *slow, long res)
{
	/* Read first: it may be submitted again as soon as it is not under way. */
	long wanted = GET(slow->wanted);

	/* Twice: it was not under way. */
	if (!__atomic_exchange_n(&slow->under_way, 0, __ATOMIC_ACQ_REL))
		ADD(ledger_duplicated, 1);
	if (wanted != res)
		ADD(ledger_wrong, 1);
	ADD(slow_done, 1);
}

static void book_all(const struct io_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		char *obj = (char *)events[i].obj;
		if ((obj >= (char *)polls && obj < (char *)(polls + THREADS)) ||
		    (obj >= (char *)reads && obj < (char *)(reads + THREADS)))
			book_slow((struct slow *)obj, (long)events[i].res);
		else
			book_events(&events[i], 1);
	}
}

static void called_back(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	if (ctx != callback_context || res2)
		ADD(ledger_wrong, 1);
	book_slow((struct slow *)cb, res);
}

static int submit_slow(io_context_t ctx, struct slow *slow, long wanted)
{
	struct iocb *list[] = { &slow->cb };

	SET(slow->wanted, wanted);
	SET(slow->under_way, 1);
	int got = io_submit(ctx, 1, list);
	if (got == 1)
		ADD(slow_submitted, 1);
	else
		SET(slow->under_way, 0);
	return got;
}

/* A poll that ends by a write, or by io_cancel. */
static void poll_something(io_context_t ctx, int thread, int cancels)
{
	struct slow *slow = &polls[thread];
	struct io_event unused;
	eventfd_t value;

	if (GET(slow->under_way))
		return;
	eventfd_read(eventfds[thread], &value);
	io_prep_poll(&slow->cb, eventfds[thread], POLLIN);
	if (submit_slow(ctx, slow, cancels ? 0 : POLLIN) != 1)
		return;
	if (!cancels)
		eventfd_write(eventfds[thread], 1);
	else if (io_cancel(ctx, &slow->cb, &unused) != -EINPROGRESS)
		ADD(ledger_wrong, 1);
}

static void use_callbacks(int thread)
{
	for (int i = 0; i < BATCH_MAX; i++) {
		struct slow *slow = &callbacks[thread][i];
		if (GET(slow->under_way))
			continue;
		io_prep_pwrite(&slow->cb, ledger_null, buffers, 1 + i, 0);
		io_set_callback(&slow->cb, called_back);
		if (submit_slow(callback_context, slow, 1 + i) != 1)
			break;
	}
	int got = io_queue_run(callback_context);
	if (got)
		ADD(ledger_wrong, 1);
}

static void *work(void *argument)
{
	int thread = (int)(intptr_t)argument;
	uint32_t seed = 12345 + thread * 7919;
	struct io_event events[200];

	while (!GET(stop)) {
		int which = random_below(&seed, round_now.contexts);
		int what = random_below(&seed, 100);
		io_context_t ctx = contexts[which];

		if (what < 40) {
			if (submit_writes(ctx, thread, 1 + random_below(&seed, 32)) < 0)
				ADD(ledger_wrong, 1);
		} else if (what < 43) {
			poll_something(ctx, thread, what == 42);
		} else if (what < 44 && file >= 0 && !GET(reads[thread].under_way)) {
			io_prep_pread(&reads[thread].cb, file, buffers + (1 + thread) * BLOCK, BLOCK, 0);
			submit_slow(ctx, &reads[thread], BLOCK);
		} else if (what < 46) {
			use_callbacks(thread);
		} else {
			enum form form = what < 90 ? random_below(&seed, MASK_AT_ONCE)
						   : random_below(&seed, FORMS);
			int waits = form >= FIRST_FOR_EVER;
			long nr = 1 + random_below(&seed, what % 2 ? 8 : 200);
			long min = 1 + random_below(&seed, nr < 4 ? nr : 4);

			if (waits)
				ADD(waiters[which], 1);
			int got = ask(ctx, form, min, nr, events);
			if (waits)
				ADD(waiters[which], -1);
			if (got < 0 || got > nr || (waits && got < min))
				ADD(ledger_wrong, 1);
			else
				book_all(events, got);
		}
	}
	return NULL;
}

/* Nobody who waits for ever does so. */
static void *feed(void *argument)
{
	(void)argument;
	while (GET(stop) < 2) {
		for (int i = 0; i < round_now.contexts; i++) {
			if (GET(waiters[i]))
				submit_writes(contexts[i], FEEDER, 4);
		}
		usleep(300);
	}
	return NULL;
}

static void run_round(double seconds)
{
	pthread_t threads[THREADS], feeder;
	struct io_event events[64];
	struct timespec at_once = { 0, 0 };
	int got;

	stop = 0;
	for (int i = 0; i < round_now.contexts; i++)
		EXPECT(io_setup(round_now.size, &contexts[i]) == 0);
	EXPECT(io_setup(THREADS * BATCH_MAX, &callback_context) == 0);
	pthread_create(&feeder, NULL, feed, NULL);
	for (int i = 0; i < round_now.threads; i++)
		pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
	usleep(seconds * 1e6);
	SET(stop, 1);
	for (int i = 0; i < round_now.threads; i++)
		pthread_join(threads[i], NULL);
	SET(stop, 2);
	pthread_join(feeder, NULL);

	/* What is left; a read may still be on its way. */
	for (double end = now() + 10; now() < end;) {
		for (int i = 0; i < round_now.contexts; i++) {
			while ((got = io_getevents(contexts[i], 0, 64, events, &at_once)) > 0)
				book_all(events, got);
			EXPECT(got == 0);
		}
		EXPECT(io_queue_run(callback_context) == 0);
		if (slow_done == slow_submitted)
			break;
		usleep(1000);
	}
	for (int i = 0; i < round_now.contexts; i++) {
		EXPECT(io_destroy(contexts[i]) == 0);
		contexts[i] = NULL;
	}
	EXPECT(io_destroy(callback_context) == 0);
	callback_context = NULL;
}

/* An unnamed file of one block, opened with O_DIRECT; -1 where there is none. */
static int direct_file(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_DIRECT, 0600);

	if (fd < 0 || pwrite(fd, buffers, BLOCK, 0) != BLOCK)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	/* nr 1 makes a ring of 127 events: it wraps around all the time. */
	static const struct round rounds[] = {
		{ 2, 1, 1 }, { 4, 1, 1 }, { 8, 1, 500 }, { 4, 3, 4000 }, { 8, 8, 1 }, { 8, CONTEXTS, 30 },
	};
	enum { ROUNDS = sizeof(rounds) / sizeof(rounds[0]) };
	double seconds = start(argc, argv, 14);
	char more[64];

	EXPECT(posix_memalign((void **)&buffers, BLOCK, (1 + THREADS) * BLOCK) == 0);
	memset(buffers, 0, (1 + THREADS) * BLOCK);
	file = direct_file();
	for (int i = 0; i < THREADS; i++)
		eventfds[i] = eventfd(0, EFD_NONBLOCK);
	for (int i = 0; i < ROUNDS; i++) {
		round_now = rounds[i];
		run_round(seconds / ROUNDS);
	}
	if (slow_done != slow_submitted) {
		printf("mixed: %ld polls, reads and callbacks LOST\n", slow_submitted - slow_done);
		ledger_wrong++;
	}
	snprintf(more, sizeof(more), "%ld of them asynchronous or by callback", slow_done);
	return report("mixed", slow_done, more);
}
