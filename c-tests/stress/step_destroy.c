/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: ours */
/*
 * At every instruction of a call that collects events, a handler destroys the context. The call
 * gives a count or -EINVAL. The C library crashes: with a timeout of zero it looks into the ring first.
 */
#define _GNU_SOURCE
#include "ledger.h"
#include "step.h"

static io_context_t ctx;

static volatile long at;

static void crashed(int number)
{
	char text[80];
	int length = snprintf(text, sizeof(text), "step_destroy: CRASH (signal %d), instruction %ld\n", number, at);

	_exit(write(1, text, length) != length || 1);
}

static void destroy(void)
{
	EXPECT(io_destroy(ctx) == 0);
}

static int interrupted_call(void)
{
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };

	ctx = NULL;
	EXPECT(io_setup(1, &ctx) == 0);
	submit_writes(ctx, 0, 3);
	drain(ctx);
	submit_writes(ctx, 0, 2);
	step(at, destroy);
	int got = io_getevents(ctx, 0, 4, events, &at_once);
	int reached = stepped();
	EXPECT(got == -EINVAL || got == 2);
	if (got > 0)
		book_events(events, got);
	if (!reached)
		EXPECT(io_destroy(ctx) == 0);
	return reached;
}

int main(int argc, char **argv)
{
	start(argc, argv, 0);
	prepare_steps();
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	at = 1000000;
	interrupted_call();
	for (at = 1; interrupted_call(); at++)
		;
	printf("step_destroy: %ld events, 0 lost, %ld duplicated, %ld interrupted calls\n", ledger_taken,
	       ledger_duplicated, at - 1);
	return ledger_duplicated || ledger_wrong;
}
