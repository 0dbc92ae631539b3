/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler collects events from the context from which the interrupted code was collecting:
 * no deadlock, and each event comes once.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <signal.h>
#include <stdint.h>

#include "../harness/expect.h"

enum { BATCH = 500, ROUNDS = 1000 };

static io_context_t ctx;
static unsigned char seen[BATCH];
static volatile sig_atomic_t handled, by_handler, wrong;

static void note(const struct io_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		uintptr_t serial = (uintptr_t)events[i].data;
		/* Counted only, because a handler may not print. */
		if (serial >= BATCH || RES(events[i]) != 1 || seen[serial]++)
			wrong++;
	}
}

static void collect(int number)
{
	struct io_event events[2];
	struct timespec at_once = { 0, 0 };
	int got = io_getevents(ctx, 0, 2, events, &at_once);

	(void)number;
	handled++;
	if (got < 0 || got > 2) {
		wrong++;
		return;
	}
	note(events, got);
	by_handler += got;
}

int main(void)
{
	struct sigaction action = { .sa_handler = collect };
	struct sigevent by_signal = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	static struct iocb cbs[BATCH], *list[BATCH];
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };
	static char byte;
	timer_t timer;
	int null = open("/dev/null", O_WRONLY);

	start_watchdog();
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(BATCH, &ctx)), 0);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &by_signal, &timer), 0);
	for (int i = 0; i < BATCH; i++) {
		io_prep_pwrite(&cbs[i], null, &byte, 1, 0);
		cbs[i].data = (void *)(uintptr_t)i;
		list[i] = &cbs[i];
	}

	for (int round = 0; round < ROUNDS; round++) {
		int by_program = 0, got;

		memset(seen, 0, sizeof(seen));
		by_handler = 0;
		EXPECT_EQ(AIO(io_submit(ctx, BATCH, list)), BATCH);
		/* A signal at some moment while the events are collected below. */
		struct itimerspec moment = { .it_value = { 0, 1 + round * 7919 % 20000 } };
		EXPECT_EQ(timer_settime(timer, 0, &moment, NULL), 0);
		do {
			/* The handler may have taken all there is, so this must not wait. */
			got = AIO(io_getevents(ctx, 1, 1 + by_program % 4, events, &at_once));
			EXPECT(got >= 0);
			note(events, got);
			by_program += got;
		} while (got > 0);
		EXPECT_EQ(wrong, 0);
		EXPECT_EQ(by_program + by_handler, BATCH);
	}

	/* Late, perhaps, but the signals came. */
	while (!handled)
		usleep(100);
	EXPECT_EQ(timer_delete(timer), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
