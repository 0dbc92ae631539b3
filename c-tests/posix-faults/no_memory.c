/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * RLIMIT_AS in small steps above what the process has: a request is refused with EAGAIN (or ENOMEM) or carried out,
 * and when there is memory again all is well. A process that begins with a limit and one that has used requests before.
 */
#include "../harness/limits.h"
#include "../harness/posix_aio.h"

enum { COUNT = 8 };

static bool taken(int result)
{
	if (result == 0)
		return true;
	EXPECT_EQ(result, -1);
	EXPECT(errno == EAGAIN || errno == ENOMEM);
	return false;
}

static void limited(int direct, int buffered, char *memory, long more, bool before)
{
	struct aiocb cbs[4], *list[] = { &cbs[3] };
	int ends[2], refused = 0;
	char got = 0;

	if (before)
		write_and_read(direct, memory, COUNT, 1);
	EXPECT_EQ(pipe(ends), 0);
	limit_memory(more);
	for (int pass = 2; pass < 6; pass++) {
		bool taken_all[4];

		mark(memory, 0, pass);
		mark(memory + BLOCK, 1, pass);
		taken_all[0] = taken(aio_write(prepare(&cbs[0], direct, memory, BLOCK, 0)));
		taken_all[1] = taken(aio_write(prepare(&cbs[1], buffered, memory + BLOCK, BLOCK, BLOCK)));
		taken_all[2] = taken(aio_read(prepare(&cbs[2], ends[0], &got, 1, 0)));
		prepare(&cbs[3], buffered, memory + 2 * BLOCK, BLOCK, 2 * BLOCK)->aio_lio_opcode = LIO_READ;
		taken_all[3] = lio_listio(LIO_NOWAIT, list, 1, NULL) == 0;
		EXPECT(taken_all[3] || errno == EAGAIN || errno == ENOMEM || errno == EIO);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		for (int i = 0; i < 4; i++) {
			refused += !taken_all[i];
			if (taken_all[i])
				FINISHES(&cbs[i], 0, i == 2 ? 1 : BLOCK);
		}
		if (!taken_all[2])
			EXPECT_EQ(read(ends[0], &got, 1), 1);
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
