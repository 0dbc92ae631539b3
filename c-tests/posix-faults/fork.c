/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, requests of the child are never carried out */
/*
 * fork with requests in flight: those of the parent end as ever, in the child they are ECANCELED and no other thread
 * writes into its memory, and the child and its child have requests of their own. A child's exit neither waits for nor
 * carries out what the parent has in flight.
 */
#include "../harness/posix_aio.h"

enum { COUNT = 64, OWN = 16, ROUNDS = 20 };

static struct aiocb writes[COUNT], waiting;

static void descendant(int fd, const int *ends, int generation)
{
	struct aiocb cb;
	const struct aiocb *list[] = { &waiting };
	char *memory = blocks(OWN), got = 0;

	/* The parent's, whatever state they were in. Finished ones keep their results. */
	for (int i = 0; i < COUNT; i++) {
		int error = aio_error(&writes[i]);

		EXPECT(error == 0 || error == ECANCELED);
		EXPECT_EQ(aio_return(&writes[i]), error ? -1 : BLOCK);
	}
	EXPECT_EQ(aio_error(&waiting), ECANCELED);
	EXPECT_EQ(aio_suspend(list, 1, NULL), 0);
	EXPECT_EQ(aio_cancel(ends[0], NULL), AIO_ALLDONE);
	EXPECT_EQ(aio_cancel(ends[0], &waiting), AIO_ALLDONE);
	EXPECT_EQ(aio_return(&waiting), -1);
	write_and_read(fd, memory, OWN, 1000 + generation);
	use_pipe();
	/* The control block that the parent uses is the child's now. */
	EXPECT_EQ(aio_read(prepare(&waiting, fd, memory, BLOCK, 0)), 0);
	FINISHES(&waiting, 0, BLOCK);
	EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cb, fd, NULL, 0, 0)), 0);
	FINISHES(&cb, 0, 0);
	if (generation < 2) {
		struct aiocb *mine = &writes[0];
		int own[2];

		EXPECT_EQ(pipe(own), 0);
		EXPECT_EQ(aio_read(prepare(&waiting, own[0], &got, 1, 0)), 0);
		/* Behind what the child writes. */
		EXPECT_EQ(aio_write(prepare(mine, fd, memory, BLOCK, (off_t)BLOCK * OWN)), 0);
		IN_CHILD(descendant(fd, own, generation + 1));
		FINISHES(mine, 0, BLOCK);
		EXPECT_EQ(write(own[1], "z", 1), 1);
		FINISHES(&waiting, 0, 1);
	}
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), childs = file_of(OWN, O_DIRECT), ends[2];
	char *memory = blocks(COUNT), got;
	double longest = 0;

	EXPECT_EQ(pipe(ends), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		int fd = round % 2 ? direct : buffered;

		got = 0;
		EXPECT_EQ(aio_read(prepare(&waiting, ends[0], &got, 1, 0)), 0);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			EXPECT_EQ(aio_write(prepare(&writes[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
		}
		double start = now();
		IN_CHILD(descendant(childs, ends, 0));
		if (now() - start > longest)
			longest = now() - start;
		for (int i = 0; i < COUNT; i++)
			FINISHES(&writes[i], 0, BLOCK);
		EXPECT_EQ(aio_error(&waiting), EINPROGRESS);
		EXPECT_EQ(write(ends[1], "y", 1), 1);
		FINISHES(&waiting, 0, 1);
		EXPECT_EQ(got, 'y');
		EXPECT_EQ(pread(direct, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(pass_of(memory + BLOCK * i, i), round);
	}
	printf("%d forks with %d requests in flight, three generations, the longest %.2f s\n", ROUNDS, COUNT + 1, longest);
	return 0;
}
