/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fork with requests in flight: those of the parent end as ever and their signals come to it alone, the child has nothing
 * outstanding, no other thread writes into its memory, and it and its child have requests of their own with the same
 * structures. A child's exit neither waits for nor carries out what the parent has in flight.
 */
#include <stdatomic.h>

#include "../harness/solaris_aio.h"

enum { COUNT = 64, OWN = 16, ROUNDS = 20 };

static aio_result_t results[COUNT], waiting;
static atomic_int signals, handled_by;

static void came(int number)
{
	(void)number;
	signals++;
	handled_by = getpid();
}

static void descendant(int fd, int generation)
{
	char *memory = blocks(OWN), got = 0;
	aio_result_t before[COUNT];

	expect_nothing();
	EXPECT(aiocancel(&waiting) == -1 && errno == EINVAL);
	/* What is stored at an end in the parent is not stored here. */
	memcpy(before, results, sizeof(before));
	signals = 0;
	usleep(20000);
	EXPECT_EQ(memcmp(before, results, sizeof(before)), 0);
	write_and_read(fd, memory, OWN, 1000 + generation);
	use_pipe();
	read_block(fd, memory, 0, &waiting);
	FINISHES(&waiting, 0, BLOCK);
	expect_nothing();
	if (generation < 2) {
		int to = read_pipe(&waiting, &got);

		write_block(fd, memory, OWN, &results[0]);
		IN_CHILD(descendant(fd, generation + 1));
		FINISHES(&results[0], 0, BLOCK);
		EXPECT_EQ(write(to, "z", 1), 1);
		FINISHES(&waiting, 0, 1);
	}
	EXPECT(signals == 0 || handled_by == getpid());
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), childs = file_of(OWN, O_DIRECT);
	char *memory = blocks(COUNT), got;
	double longest = 0;

	for (int round = 1; round <= ROUNDS; round++) {
		int fd = round % 2 ? direct : buffered;

		EXPECT(signal(SIGIO, round % 3 ? came : SIG_IGN) != SIG_ERR);
		got = 0;
		int to = read_pipe(&waiting, &got);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			write_block(fd, memory + BLOCK * i, i, &results[i]);
		}
		double start = now();
		IN_CHILD(descendant(childs, 0));
		if (now() - start > longest)
			longest = now() - start;
		collect_blocks(COUNT);
		EXPECT(aiowait(&at_once) == NULL);
		EXPECT_EQ(write(to, "y", 1), 1);
		FINISHES(&waiting, 0, 1);
		EXPECT_EQ(got, 'y');
		EXPECT_EQ(pread(direct, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(pass_of(memory + BLOCK * i, i), round);
	}
	printf("%d forks with %d requests in flight, three generations, the longest %.2f s\n", ROUNDS, COUNT + 1, longest);
	return 0;
}
