/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * RLIMIT_AS in small steps above what the process has: a request is refused with EAGAIN or carried out, and when there is
 * memory again all is well. A process that begins with a limit, and one that has used requests before.
 */
#include "../harness/limits.h"
#include "../harness/solaris_aio.h"

enum { COUNT = 8 };

static int taken(int result, int *refused)
{
	if (result == 0)
		return 1;
	EXPECT_EQ(result, -1);
	EXPECT_EQ(errno, EAGAIN);
	++*refused;
	return 0;
}

static void limited(int direct, int buffered, char *memory, long more, bool before)
{
	int ends[2], refused = 0;
	char got = 0;

	if (before)
		write_and_read(direct, memory, COUNT, 1);
	EXPECT_EQ(pipe(ends), 0);
	limit_memory(more);
	for (int pass = 2; pass < 6; pass++) {
		aio_result_t results[2] = { { AIO_INPROGRESS, 77 }, { AIO_INPROGRESS, 77 } }, reads = { AIO_INPROGRESS, 77 };
		int count = 0;

		mark(memory, 0, pass);
		mark(memory + BLOCK, 1, pass);
		count += taken(aiowrite(direct, memory, BLOCK, 0, SEEK_SET, &results[0]), &refused);
		count += taken(aiowrite(buffered, memory + BLOCK, BLOCK, BLOCK, SEEK_SET, &results[1]), &refused);
		collect_blocks(count);
		int is_taken = taken(aioread(ends[0], &got, 1, 0, SEEK_SET, &reads), &refused);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		if (is_taken)
			FINISHES(&reads, 0, 1);
		else
			EXPECT_EQ(read(ends[0], &got, 1), 1);
		expect_nothing();
	}
	free_memory();
	write_and_read(direct, memory, COUNT, 7);
	write_and_read(buffered, memory, COUNT, 8);
	use_pipe();
	__atomic_add_fetch((int *)(memory + BLOCK * COUNT), refused, __ATOMIC_SEQ_CST);
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), limits = 0;
	char *memory = blocks(COUNT + 1);

	EACH_LIMIT(more, before, limits)
		IN_CHILD(limited(direct, buffered, memory, more, before));
	printf("%d limits, %d requests refused, and all is well afterwards\n", limits, *(int *)(memory + BLOCK * COUNT));
	return 0;
}
