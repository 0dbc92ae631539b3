/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * SIGKILL in the middle of writes, many times: every write whose aio_return was seen is in the file, whole, and no
 * block is torn. Direct and buffered.
 */
#include "../harness/posix_aio.h"

enum { COUNT = 128, DEPTH = 16, ROUNDS = 30 };

static void write_for_ever(int fd, char *memory, volatile int *reported, int round)
{
	struct aiocb cbs[DEPTH];

	for (int pass = round * 1000000;; pass++) {
		int first = pass * DEPTH % COUNT;

		for (int i = 0; i < DEPTH; i++) {
			mark(memory + BLOCK * i, first + i, pass);
			EXPECT_EQ(aio_write(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * (first + i))), 0);
		}
		for (int i = 0; i < DEPTH; i++) {
			FINISHES(&cbs[i], 0, BLOCK);
			reported[first + i] = pass;
		}
	}
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), reports = 0;
	/* Shared with the child: the last pass of each block that was reported as written. */
	volatile int *reported = (volatile int *)blocks(1);
	char *memory = blocks(COUNT);

	for (int round = 1; round <= ROUNDS; round++) {
		bool begun = false;
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0)
			write_for_ever(round % 2 ? direct : buffered, memory, reported, round);
		while (!begun) {
			usleep(500);
			for (int i = 0; i < COUNT; i++)
				begun = begun || reported[i] >= round * 1000000;
			EXPECT(begun || waitpid(child, NULL, WNOHANG) == 0);
		}
		usleep(500 * round);
		EXPECT_EQ(kill(child, SIGKILL), 0);
		EXPECT_EQ(status_within(child, patience()), SIGKILL);
		EXPECT_EQ(pread(direct, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++) {
			int found = pass_of(memory + BLOCK * i, i);

			if (found < reported[i])
				EXPECT_FAILED(__FILE__, __LINE__, "block %d is of pass %d, reported was %d", i, found, reported[i]);
			reports += reported[i] >= round * 1000000;
		}
	}
	printf("%d kills, %d blocks reported in their rounds, all there\n", ROUNDS, reports);
	return 0;
}
