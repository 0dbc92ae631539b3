/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program has an allocator of its own with one lock, and a thread holds it while others begin requests, wait in aiowait and
 * cancel: none of them needs memory of the allocator's, so that handlers of signals may call them.
 */
enum { COUNT = 16, ROUNDS = 20 };

#include "../harness/locked_allocator.h"
#include "../harness/solaris_aio.h"

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT), byte;
	aio_result_t results[COUNT], reads;
	pthread_t thread;

	void *volatile first = malloc(1);
	EXPECT(asked > 0 && first);
	EXPECT_EQ(pthread_barrier_init(&held, NULL, 2), 0);
	EXPECT_EQ(pthread_barrier_init(&done, NULL, 2), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, hold, NULL), 0);
	/* Threads that there are take part in what follows. */
	write_and_read(buffered, memory, COUNT, 1);
	use_pipe();
	for (int round = 1; round <= ROUNDS; round++) {
		int to = read_pipe(&reads, &byte);

		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			write_block(i % 2 ? direct : buffered, memory + BLOCK * i, i, &results[i]);
		}
		/* Some of them may be done, others not. */
		pthread_barrier_wait(&held);
		pthread_barrier_wait(&held);
		collect_blocks(COUNT);
		for (int i = 0; i < COUNT; i++)
			read_block(direct, memory + BLOCK * i, i, &results[i]);
		collect_blocks(COUNT);
		if (round % 2) {
			EXPECT_EQ(write(to, "x", 1), 1);
			FINISHES(&reads, 0, 1);
		} else {
			EXPECT_EQ(aiocancel(&reads), 0);
		}
		expect_nothing();
		pthread_barrier_wait(&done);
		close(to);
	}
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	printf("%d rounds of requests and waits while another thread held the lock of the allocator\n", ROUNDS);
	return 0;
}
