/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A descriptor is closed with requests in flight, and its number is another file's at once: by close and open, and by dup2. Every
 * request is carried out on its own file, none on the other: files and pipes.
 */
#include "../harness/solaris_aio.h"

enum { DEPTH = 16 };

static int victim;
static char *memory, *found;

static void check_victim(int round)
{
	EXPECT_EQ(pread(victim, found, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	for (int i = 0; i < DEPTH; i++)
		if (pass_of(found + BLOCK * i, 1000 + i) != 77)
			EXPECT_FAILED(__FILE__, __LINE__, "round %d: block %d of the other file was written", round, i);
}

static void one_round(int first, int flags, int round)
{
	aio_result_t results[DEPTH];
	int fd = reopen(first, O_RDWR | flags);
	bool writes = round % 4 != 3;

	for (int i = 0; i < DEPTH; i++) {
		mark(memory + BLOCK * i, i, round);
		if (writes)
			write_block(fd, memory + BLOCK * i, i, &results[i]);
		else
			read_block(fd, memory + BLOCK * i, i, &results[i]);
	}
	if (round % 2) {
		EXPECT_EQ(dup2(victim, fd), fd);
	} else {
		close(fd);
		EXPECT_EQ(reopen(victim, O_RDWR | flags), fd);
	}
	collect_blocks(DEPTH);
	EXPECT_EQ(pread(first, found, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	for (int i = 0; i < DEPTH; i++) {
		EXPECT_EQ(pass_of(found + BLOCK * i, i), writes ? round : round - 1);
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), writes ? round : round - 1);
	}
	close(fd);
}

static void pipes(int round)
{
	aio_result_t reads = { AIO_INPROGRESS, 77 };
	int first[2], second[2];
	char got = 0, more;

	EXPECT_EQ(pipe(first), 0);
	EXPECT_EQ(pipe(second), 0);
	EXPECT_EQ(aioread(first[0], &got, 1, 0, SEEK_SET, &reads), 0);
	EXPECT_EQ(dup2(second[0], first[0]), first[0]);
	EXPECT_EQ(write(second[1], "2", 1), 1);
	EXPECT_EQ(write(first[1], "1", 1), 1);
	FINISHES(&reads, 0, 1);
	if (got != '1')
		EXPECT_FAILED(__FILE__, __LINE__, "round %d: the other pipe was read", round);
	EXPECT_EQ(read(second[0], &more, 1), 1);
	EXPECT_EQ(more, '2');
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
}

int main(void)
{
	begin();
	int rounds = getenv("LONG") ? 6000 : 600;

	alarm(150);
	int first = file_of(DEPTH, 0);
	victim = file_of(DEPTH, 0);
	close(reopen(first, O_RDWR | O_DIRECT));
	memory = blocks(DEPTH);
	found = blocks(DEPTH);
	for (int i = 0; i < DEPTH; i++)
		mark(memory + BLOCK * i, 1000 + i, 77);
	EXPECT_EQ(pwrite(victim, memory, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	for (int round = 1; round <= rounds; round++) {
		one_round(first, round % 8 < 2 ? O_DIRECT : 0, round);
		if (round % 16 == 0)
			check_victim(round);
		pipes(round);
	}
	check_victim(rounds);
	expect_nothing();
	printf("%d rounds: all on their own file, none on another\n", rounds);
	return 0;
}
