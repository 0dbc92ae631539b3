/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program gives back the memory of structures and buffers as soon as aiowait has returned, or aiocancel cancelled: nothing
 * is stored there later. What another thread sees ended in aio_return it may not give back before aiowait.
 */
#include "../harness/solaris_aio.h"

enum { ROUNDS = 3000 };

int main(void)
{
	begin();
	int direct = file_of(4, O_DIRECT), buffered = reopen(direct, O_RDWR), cancelled = 0;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (int round = 0; round < ROUNDS; round++) {
		/* The structure is at the end of its page, behind which there is nothing. */
		char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		aio_result_t *result = (aio_result_t *)(memory + 3 * page) - 1;
		int to = -1, from[2];

		EXPECT(memory != MAP_FAILED);
		EXPECT_EQ(mprotect(memory + 3 * page, page, PROT_NONE), 0);
		if (round % 3 < 2) {
			read_block(round % 3 ? direct : buffered, memory, round % 4, result);
			if (round % 5 == 0)
				EXPECT(ends_within(result, patience()));
			FINISHES(result, 0, BLOCK);
		} else {
			EXPECT_EQ(pipe(from), 0);
			EXPECT_EQ(aioread(from[0], memory, 1, 0, SEEK_SET, result), 0);
			to = from[1];
			EXPECT_EQ(aiocancel(result), 0);
			EXPECT_EQ(result->aio_errno, ECANCELED);
			cancelled++;
		}
		EXPECT_EQ(munmap(memory, 4 * page), 0);
		if (to >= 0) {
			EXPECT_EQ(write(to, "x", 1), 1);
			close(to);
			close(from[0]);
		}
	}
	usleep(20000);
	expect_nothing();
	printf("%d structures and buffers given back, %d of them cancelled\n", ROUNDS, cancelled);
	return 0;
}
