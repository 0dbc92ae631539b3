/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * SIGKILL in the middle of O_DIRECT writes, many times: every write whose event was taken is in the file,
 * whole, and no block is torn.
 */
#include <signal.h>

#include "transfers.h"

enum { COUNT = 256, DEPTH = 32, ROUNDS = 30 };

static int has_reported(const volatile long *reported, int round)
{
	for (int i = 0; i < COUNT; i++)
		if (reported[i] >= round * 1000000L)
			return 1;
	return 0;
}

int main(void)
{
	int fd = direct_file(COUNT);
	/* Shared with the child: the last pass of each block that was reported as written. */
	long *reported = (long *)blocks(1);
	char *memory = blocks(COUNT);
	long reports = 0, before = 0;

	start_watchdog();
	for (int round = 1; round <= ROUNDS; round++) {
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			io_context_t ctx = NULL;
			struct iocb cbs[DEPTH], *list[DEPTH];
			struct io_event events[DEPTH];
			EXPECT_EQ(AIO(io_setup(DEPTH, &ctx)), 0);
			for (long pass = round * 1000000L;; pass++) {
				int first = pass * DEPTH % COUNT;
				for (int i = 0; i < DEPTH; i++) {
					mark(memory + BLOCK * i, first + i, pass);
					list[i] = &cbs[i];
					io_prep_pwrite(list[i], fd, memory + BLOCK * i, BLOCK,
						       (long long)BLOCK * (first + i));
				}
				EXPECT_EQ(AIO(io_submit(ctx, DEPTH, list)), DEPTH);
				for (int got = 0; got < DEPTH;) {
					long some = AIO(io_getevents(ctx, 1, DEPTH, events, NULL));
					EXPECT(some > 0);
					for (int i = 0; i < some; i++) {
						EXPECT_EQ(RES(events[i]), BLOCK);
						reported[first + (events[i].obj - cbs)] = pass;
					}
					got += some;
				}
			}
		}
		/* On a busy machine it may take long until it has begun. */
		while (!has_reported(reported, round))
			usleep(1000);
		usleep(1000 * round);
		EXPECT_EQ(kill(child, SIGKILL), 0);
		int status = status_within(child, 20);
		EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		EXPECT_EQ(pread(fd, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++) {
			EXPECT(pass_of(memory + BLOCK * i, i) >= reported[i]);
			reports += reported[i] >= round * 1000000L;
		}
		EXPECT(reports > before);
		before = reports;
	}
	printf("%d kills, %ld blocks reported in their rounds, all there\n", ROUNDS, reports);
	return 0;
}
