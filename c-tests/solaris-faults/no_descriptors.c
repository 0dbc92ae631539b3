/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * No descriptor can be had, because RLIMIT_NOFILE was lowered or because the table is full: requests of the descriptors
 * that there are need none. In a process that begins like this, and in one that has used requests before.
 */
#include "../harness/limits.h"
#include "../harness/solaris_aio.h"

enum { COUNT = 16 };
static void without_descriptors(int direct, int buffered, char *memory, enum way way, bool before)
{
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	if (before) {
		write_and_read(buffered, memory, COUNT, 1);
		use_pipe();
	}
	take_descriptors(way);
	for (int pass = 2; pass < 8; pass++) {
		aio_result_t reads = { AIO_INPROGRESS, 77 }, writes = { AIO_INPROGRESS, 77 };
		char got = 0, sent = (char)pass;

		write_and_read(direct, memory, COUNT, pass);
		write_and_read(buffered, memory, COUNT, pass + 100);
		EXPECT_EQ(posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED), 0);
		EXPECT_EQ(aioread(ends[0], &got, 1, 0, SEEK_SET, &reads), 0);
		EXPECT_EQ(aiowrite(ends[1], &sent, 1, 0, SEEK_SET, &writes), 0);
		FINISHES(&writes, 0, 1);
		FINISHES(&reads, 0, 1);
		EXPECT_EQ(got, sent);
		/* A position and a size need none either. */
		EXPECT_EQ(aioread(buffered, memory, BLOCK, 0, SEEK_CUR, &reads), 0);
		FINISHES(&reads, 0, BLOCK);
		EXPECT_EQ(aioread(buffered, memory, BLOCK, -BLOCK, SEEK_END, &reads), 0);
		FINISHES(&reads, 0, BLOCK);
	}
	give_descriptors();
	write_and_read(buffered, memory, COUNT, 200);
	use_pipe();
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);

	EACH_WAY(way, before)
		IN_CHILD(without_descriptors(direct, buffered, memory, way, before));
	puts("lowered, lowered to 0 and a full table: all requests carried out");
	return 0;
}
