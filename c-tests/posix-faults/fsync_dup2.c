/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, requests of a number wait for each other whatever it names */
/*
 * A read of a pipe waits, and dup2 puts a file in the place of its number: requests of the file, and aio_fsync, do not
 * wait for that read, which is still the pipe's.
 */
#include "../harness/posix_aio.h"

int main(void)
{
	begin();
	int direct = file_of(4, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(4);

	for (int round = 1; round <= 20; round++) {
		struct aiocb reads, cb;
		char got = 0;
		int ends[2];

		EXPECT_EQ(pipe(ends), 0);
		int keeps = dup(ends[0]);
		EXPECT_EQ(aio_read(prepare(&reads, ends[0], &got, 1, 0)), 0);
		EXPECT_EQ(dup2(round % 2 ? direct : buffered, ends[0]), ends[0]);
		write_and_read(ends[0], memory, 4, round);
		EXPECT_EQ(aio_fsync(round % 3 ? O_SYNC : O_DSYNC, prepare(&cb, ends[0], NULL, 0, 0)), 0);
		FINISHES(&cb, 0, 0);
		EXPECT_EQ(aio_error(&reads), EINPROGRESS);
		EXPECT_EQ(write(ends[1], "p", 1), 1);
		FINISHES(&reads, 0, 1);
		EXPECT_EQ(got, 'p');
		close(keeps);
		close(ends[0]);
		close(ends[1]);
	}
	puts("a file under the number of a pipe waits for nothing of the pipe's");
	return 0;
}
