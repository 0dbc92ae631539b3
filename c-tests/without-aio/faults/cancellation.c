/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads are cancelled asynchronously at any point of io_submit and io_getevents. The context works on for the
 * others: the event of every accepted request comes, once, or is in the array of the thread that was cancelled while
 * it took it, and as many requests as were asked for can be in flight. Neither call is a cancellation point: a
 * thread with a cancellation pending goes through both.
 *
 * usage: cancellation [SECONDS]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "transfers.h"

enum { CAPACITY = 62, MOST = 1024, BY_VICTIM = 32, BY_OTHERS = 8 };
enum way { SUBMIT, SUBMIT_DIRECT, COLLECT, WAIT, WAYS };
static const char *const names[] = { "io_submit", "io_submit of direct reads", "io_getevents", "a wait in io_getevents" };

static int file, null;
static char *memory;
static io_context_t ctx;
static enum way way;
static atomic_int begun;
static long round_number;

/* The requests of one round, by number: what is known of them. */
static atomic_int tried;
static atomic_bool accepted[MOST];
static bool came[MOST];
/* The victim's array. */
static struct io_event taken[MOST];

static void submit(bool direct)
{
	int number = tried++;
	struct iocb cb, *list[] = { &cb };

	if (direct)
		io_prep_pread(&cb, file, memory, BLOCK, 0);
	else
		io_prep_pwrite(&cb, null, memory, 1, 0);
	cb.data = (void *)(round_number * MOST + number);
	if (io_submit(ctx, 1, list) == 1)
		accepted[number] = true;
}

static void *victim(void *unused)
{
	struct timespec at_once = { 0, 0 };

	(void)unused;
	EXPECT_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
	begun = 1;
	for (int calls = 0, got = 0;; calls++) {
		switch (way) {
		case SUBMIT:
		case SUBMIT_DIRECT:
			submit(way == SUBMIT_DIRECT);
			if (calls == BY_VICTIM)
				pause();
			break;
		case COLLECT:
			got += io_getevents(ctx, 0, 1, &taken[got], &at_once);
			break;
		default:
			/* More than will come. */
			io_getevents(ctx, MOST, MOST, taken, NULL);
		}
	}
	return NULL;
}

/* -1: it is of no request of this round. */
static int number_of(const struct io_event *event)
{
	long data = (long)event->data;

	return data / MOST == round_number ? data % MOST : -1;
}

/* Takes what comes, until every event is accounted for or 5 s are over. */
static void account(void)
{
	static struct io_event events[MOST];
	static bool had[MOST];
	struct timespec tick = { 0, 1000000 };
	int missed = 0;

	memset(came, 0, sizeof(came));
	memset(had, 0, sizeof(had));
	/* The last may be half an event, of one that is still to come. */
	for (int i = 0; i < MOST; i++)
		if (number_of(&taken[i]) >= 0)
			had[number_of(&taken[i])] = true;
	for (double end = now() + 5;;) {
		long count = AIO(io_getevents(ctx, missed > 0, MOST, events, &tick));

		EXPECT(count >= 0);
		for (long i = 0; i < count; i++) {
			int number = number_of(&events[i]);

			/* A request whose io_submit did not return may end when its round is over. */
			if (number < 0)
				continue;
			if (came[number])
				EXPECT_FAILED(__FILE__, __LINE__, "%s: an event came twice", names[way]);
			came[number] = true;
		}
		missed = 0;
		for (int i = 0; i < tried; i++)
			missed += accepted[i] && !came[i] && !had[i];
		if (missed == 0)
			return;
		if (now() > end)
			EXPECT_FAILED(__FILE__, __LINE__, "%s, round %ld: the events of %d of %d requests did not come", names[way],
				      round_number, missed, tried);
	}
}

static void spin(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

static void cancel_one(void)
{
	pthread_t thread;
	void *result;

	round_number++;
	begun = 0;
	tried = 0;
	memset(accepted, 0, sizeof(accepted));
	memset(taken, 0, sizeof(taken));
	EXPECT_EQ(pthread_create(&thread, NULL, victim, NULL), 0);
	while (!begun)
		sched_yield();
	if (way == COLLECT || way == WAIT) {
		for (int i = rand() % BY_OTHERS; i >= 0; i--) {
			submit(false);
			spin(rand() % 300);
		}
	} else {
		spin(rand() % 3000);
	}
	EXPECT_EQ(pthread_cancel(thread), 0);
	EXPECT_EQ(pthread_join(thread, &result), 0);
	EXPECT_PTR(result, PTHREAD_CANCELED);
	/* The others go on. */
	for (int direct = 0; direct < 2; direct++) {
		int number = tried;

		submit(direct);
		EXPECT(accepted[number]);
	}
	account();
}

static atomic_int went_through;

static void *with_cancellation_pending(void *unused)
{
	static struct io_event event;
	struct timespec patience = { 10, 0 }, instant = { 0, 1000000 };

	(void)unused;
	EXPECT_EQ(pthread_cancel(pthread_self()), 0);
	for (int direct = 0; direct < 2; direct++) {
		submit(direct);
		EXPECT_EQ(io_getevents(ctx, 1, 1, &event, &patience), 1);
		/* It waits in vain. */
		EXPECT_EQ(io_getevents(ctx, 1, 1, &event, &instant), 0);
	}
	went_through++;
	pthread_testcancel();
	return NULL;
}

/* Of requests that are carried out at once, how many are accepted before any event is taken. */
static int capacity(void)
{
	int count = 0;

	round_number++;
	tried = 0;
	memset(accepted, 0, sizeof(accepted));
	for (submit(false); accepted[count] && count < MOST - 1; submit(false))
		count++;
	account();
	return count;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	pthread_t thread;
	void *result;

	start_watchdog();
	file = direct_file(1);
	memory = blocks(1);
	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(CAPACITY, &ctx)), 0);
	int before = capacity();
	EXPECT(before >= CAPACITY);
	for (double end = now() + seconds; now() < end;) {
		way = round_number % WAYS;
		cancel_one();
	}
	long rounds = round_number;
	memset(taken, 0, sizeof(taken));
	for (int i = 0; i < 100; i++) {
		round_number++;
		tried = 0;
		EXPECT_EQ(pthread_create(&thread, NULL, with_cancellation_pending, NULL), 0);
		EXPECT_EQ(pthread_join(thread, &result), 0);
		EXPECT_PTR(result, PTHREAD_CANCELED);
		EXPECT_EQ(went_through, i + 1);
	}
	/* Where each processor has a share of the slots, some may be in that of another. */
	int after = capacity();
	EXPECT(after >= CAPACITY);
	printf("%ld threads cancelled; of %d slots %d could be used before and %d after\n", rounds, CAPACITY, before, after);
	return 0;
}
