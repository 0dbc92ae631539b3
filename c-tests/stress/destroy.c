/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * Threads collect from contexts that others destroy and make again, often at the same address. They
 * get events, nothing or -EINVAL, and no event twice; events that a destroyed context still held are
 * gone, as they must be. The C library crashes here: it reads the ring without a guard.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "forms.h"
#include "ledger.h"

enum { MAKERS = 6, REAPERS = 3, CONTEXTS = 2 * MAKERS };

static io_context_t contexts[CONTEXTS];
static int stop;
static long made, refused, reused;

static void *make_and_destroy(void *argument)
{
	int number = (int)(intptr_t)argument;
	uint32_t seed = 31 + number;
	io_context_t before[2] = { NULL, NULL };

	while (!GET(stop)) {
		for (int i = 0; i < 2; i++) {
			io_context_t ctx = NULL;
			/* Equal and different sizes: a new ring may lie where another one ended. */
			EXPECT(io_setup(random_below(&seed, 3) ? 1 : 200, &ctx) == 0);
			ADD(reused, ctx == before[0] || ctx == before[1]);
			SET(contexts[2 * number + i], ctx);
			ADD(made, 1);
		}
		for (int i = random_below(&seed, 40); i > 0; i--) {
			submit_writes(contexts[2 * number + i % 2], number, 1 + random_below(&seed, 30));
			if (i % 8 == 0)
				usleep(50);
		}
		for (int i = 0; i < 2; i++) {
			/* The handle stays where the others find it. */
			before[i] = contexts[2 * number + i];
			EXPECT(io_destroy(before[i]) == 0);
		}
	}
	return NULL;
}

static void *reap(void *argument)
{
	uint32_t seed = 17 + (int)(intptr_t)argument;
	struct io_event events[100];

	while (!GET(stop)) {
		io_context_t ctx = GET(contexts[random_below(&seed, CONTEXTS)]);
		int often = random_below(&seed, 200);
		/* Each waiter is released by io_destroy. */
		enum form form = random_below(&seed, often ? FIRST_FOR_EVER : FORMS);
		long nr = random_below(&seed, 2) ? 1 : 100;

		for (int i = 0; i < often; i++) {
			int got = ask(ctx, form, 1, nr, events);
			if (got >= 0 && got <= nr)
				book_events(events, got);
			else if (got != -EINVAL)
				ADD(ledger_wrong, 1);
			else
				ADD(refused, 1);
			if (got < 0)
				break;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = start(argc, argv, 8);
	pthread_t makers[MAKERS], reapers[REAPERS];

	for (int i = 0; i < MAKERS; i++)
		pthread_create(&makers[i], NULL, make_and_destroy, (void *)(intptr_t)i);
	for (int i = 0; i < REAPERS; i++)
		pthread_create(&reapers[i], NULL, reap, (void *)(intptr_t)i);
	usleep(seconds * 1e6);
	SET(stop, 1);
	for (int i = 0; i < MAKERS; i++)
		pthread_join(makers[i], NULL);
	for (int i = 0; i < REAPERS; i++)
		pthread_join(reapers[i], NULL);

	/* Not lost: destroyed with their contexts. */
	long discarded = ledger_submitted() - ledger_taken;
	printf("destroy: %ld events, %ld discarded by io_destroy, %ld duplicated, %ld contexts, "
	       "%ld at an old address, %ld calls refused%s\n",
	       ledger_taken, discarded, ledger_duplicated, made, reused, refused,
	       ledger_wrong ? ", WRONG results" : "");
	return discarded < 0 || ledger_duplicated || ledger_wrong || !ledger_taken;
}
