/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process that ends while requests are queued: at exit, or when main returns, all are carried out; and a
 * process whose main thread left with pthread_exit ends soon after its requests, as does one with idle helpers.
 */
#include <pthread.h>

#include "transfers.h"

enum { COUNT = 2000 };

int main(void)
{
	int fd = direct_file(COUNT);
	char *memory = blocks(COUNT), *found = blocks(COUNT);

	start_watchdog();
	/* Else the children print it again. */
	setvbuf(stdout, NULL, _IONBF, 0);
	for (long round = 1; round <= 6; round++) {
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			static struct iocb cbs[COUNT], *list[COUNT];
			io_context_t ctx = NULL;
			EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
			for (int i = 0; i < COUNT; i++) {
				mark(memory + BLOCK * i, i, round);
				list[i] = &cbs[i];
				io_prep_pwrite(list[i], fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
			}
			EXPECT_EQ(AIO(io_submit(ctx, COUNT, list)), COUNT);
			if (round % 2)
				exit(0);
			pthread_exit(NULL);
		}
		double start = now();
		EXPECT_EQ(status_within(child, 20), 0);
		double took = now() - start;
		EXPECT_EQ(pread(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(pass_of(found + BLOCK * i, i), round);
		printf("%s: all %d written, %.1f s\n", round % 2 ? "exit" : "pthread_exit", COUNT, took);
	}
	/* Nothing queued: 3 seconds at most. */
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		io_context_t ctx = NULL;
		EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
		write_and_check(ctx, fd, memory, 0, 64, 9);
		pthread_exit(NULL);
	}
	EXPECT_EQ(status_within(child, 3), 0);
	return 0;
}
