/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A write to a pipe or socket that nobody reads any more ends with EPIPE, and SIGPIPE, which would end the program, comes to
 * nobody; nor does SIGXFSZ for a write beyond the limit of a file's size.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include "../harness/solaris_aio.h"

enum { LARGE = 1 << 20 };

static void check(const int *ends, char *large)
{
	aio_result_t r = { AIO_INPROGRESS, 77 };
	struct timeval little = { 0, 30000 };
	char got[BLOCK];

	/* It waits in the middle, and then its reader goes. What was written of it was written. */
	EXPECT_EQ(aiowrite(ends[1], large, LARGE, 0, SEEK_SET, &r), 0);
	EXPECT(aiowait(&little) == NULL);
	EXPECT_EQ(read(ends[0], got, BLOCK), BLOCK);
	close(ends[0]);
	EXPECT(next_within(patience()) == &r);
	EXPECT(r.aio_errno == 0 || r.aio_errno == EPIPE || r.aio_errno == ECONNRESET);
	EXPECT(r.aio_errno ? r.aio_return == -1 : r.aio_return >= BLOCK && r.aio_return < LARGE);
	for (int i = 0; i < 2; i++) {
		r = (aio_result_t){ AIO_INPROGRESS, 77 };
		EXPECT_EQ(aiowrite(ends[1], large, i ? LARGE : 1, 0, SEEK_SET, &r), 0);
		FINISHES(&r, EPIPE, -1);
	}
	close(ends[1]);
}

static void limited(char *large)
{
	struct rlimit limit = { 3 * BLOCK, 3 * BLOCK };
	int direct = file_of(3, O_DIRECT), buffered = reopen(direct, O_RDWR);
	aio_result_t r;

	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int kind = 0; kind < 2; kind++) {
		r = (aio_result_t){ AIO_INPROGRESS, 77 };
		EXPECT_EQ(aiowrite(kind ? direct : buffered, large, BLOCK, 3 * BLOCK, SEEK_SET, &r), 0);
		FINISHES(&r, EFBIG, -1);
		write_block(kind ? direct : buffered, large, 2, &r);
		FINISHES(&r, 0, BLOCK);
	}
}

int main(void)
{
	begin();
	char *large = blocks(LARGE / BLOCK);

	for (int kind = 0; kind < 2; kind++) {
		int ends[2];

		EXPECT_EQ(kind ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
		check(ends, large);
	}
	IN_CHILD(limited(large));
	expect_nothing();
	puts("EPIPE and EFBIG, and no signal");
	return 0;
}
