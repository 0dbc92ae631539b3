/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, what is queued goes to the file that has the number then */
/*
 * The number of a descriptor is another file's while writes and reads of the first are in flight: by close and open, by
 * dup2, and by a thread that does nothing else. None acts on the other file: it does its work on its own, or says EBADF.
 * A thousand rounds, or a hundred thousand if LONG is set.
 */
#include <pthread.h>

#include "../harness/posix_aio.h"

enum { DEPTH = 8 };

static char *memory, *found;
static int victim;

/* The other file has its own bytes only. */
static void check_victim(int round)
{
	EXPECT_EQ(pread(victim, found, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	for (int i = 0; i < DEPTH; i++)
		if (pass_of(found + BLOCK * i, 1000 + i) != 77)
			EXPECT_FAILED(__FILE__, __LINE__, "round %d: block %d of the other file was written", round, i);
}

static long done, refused;

static void one_round(int first, int flags, int round)
{
	struct aiocb cbs[DEPTH];
	int fd = reopen(first, O_RDWR | flags);
	bool writes = round % 4 != 3;

	for (int i = 0; i < DEPTH; i++) {
		mark(memory + BLOCK * i, i, round);
		prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		EXPECT_EQ(writes ? aio_write(&cbs[i]) : aio_read(&cbs[i]), 0);
	}
	if (round % 2) {
		EXPECT_EQ(dup2(victim, fd), fd);
	} else {
		close(fd);
		EXPECT_EQ(reopen(victim, O_RDWR | flags), fd);
	}
	for (int i = 0; i < DEPTH; i++) {
		int error = error_within(&cbs[i], patience());

		if (error == EBADF) {
			refused++;
			EXPECT_EQ(aio_return(&cbs[i]), -1);
			continue;
		}
		EXPECT_EQ(error, 0);
		EXPECT_EQ(aio_return(&cbs[i]), BLOCK);
		done++;
		EXPECT_EQ(pread(first, found, BLOCK, (off_t)BLOCK * i), BLOCK);
		if (writes)
			EXPECT_EQ(pass_of(found, i), round);
		else
			EXPECT(memcmp(found, memory + BLOCK * i, BLOCK) == 0);
	}
	close(fd);
}

/* A pipe's number is another's: bytes are neither taken from it nor put into it. */
static void pipes(int round)
{
	struct aiocb reads, writes;
	int first[2], second[2];
	char got = 0, more;

	EXPECT_EQ(pipe(first), 0);
	EXPECT_EQ(pipe(second), 0);
	int keeps = dup(first[0]), keeps_too = dup(first[1]);
	EXPECT_EQ(aio_read(prepare(&reads, first[0], &got, 1, 0)), 0);
	EXPECT_EQ(dup2(second[0], first[0]), first[0]);
	EXPECT_EQ(write(second[1], "2", 1), 1);
	EXPECT_EQ(aio_write(prepare(&writes, first[1], "1", 1, 0)), 0);
	EXPECT_EQ(dup2(second[1], first[1]), first[1]);
	int error = error_within(&writes, patience());
	EXPECT(error == 0 || error == EBADF);
	if (error == EBADF)
		EXPECT_EQ(write(keeps_too, "1", 1), 1);
	error = error_within(&reads, patience());
	if (error == 0 && got != '1')
		EXPECT_FAILED(__FILE__, __LINE__, "round %d: the other pipe was read", round);
	EXPECT(error == 0 || error == EBADF);
	EXPECT_EQ(read(second[0], &more, 1), 1);
	if (more != '2')
		EXPECT_FAILED(__FILE__, __LINE__, "round %d: the other pipe was written", round);
	for (int i = 0; i < 2; i++) {
		close(first[i]);
		close(second[i]);
	}
	close(keeps);
	close(keeps_too);
}

static volatile bool stop;
static int shared_number, first_file;

static void *swap(void *unused)
{
	(void)unused;
	while (!stop) {
		dup2(victim, shared_number);
		dup2(first_file, shared_number);
	}
	return NULL;
}

/* Another thread changes the number all the time: every read is of one of the two files, whole. */
static void beside_swaps(int rounds)
{
	struct aiocb cbs[DEPTH];
	pthread_t thread;

	shared_number = dup(first_file);
	EXPECT_EQ(pthread_create(&thread, NULL, swap, NULL), 0);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < DEPTH; i++)
			EXPECT_EQ(aio_read(prepare(&cbs[i], shared_number, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
		for (int i = 0; i < DEPTH; i++) {
			FINISHES(&cbs[i], 0, BLOCK);
			uint32_t number = *(uint32_t *)(memory + BLOCK * i);

			EXPECT(pass_of(memory + BLOCK * i, i + (number >= 1000 ? 1000 : 0)) > 0);
		}
	}
	stop = true;
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	close(shared_number);
}

int main(void)
{
	begin();
	int rounds = getenv("LONG") ? 100000 : 1000, round = 1;

	alarm(150);
	first_file = file_of(DEPTH, O_DIRECT);
	int buffered = reopen(first_file, O_RDWR);
	victim = file_of(DEPTH, 0);
	memory = blocks(DEPTH);
	found = blocks(DEPTH);
	for (int i = 0; i < DEPTH; i++)
		mark(memory + BLOCK * i, 1000 + i, 77);
	EXPECT_EQ(pwrite(victim, memory, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	for (; round <= rounds; round++) {
		one_round(buffered, round % 8 < 2 ? O_DIRECT : 0, round);
		if (round % 16 == 0)
			check_victim(round);
		pipes(round);
	}
	check_victim(round);
	for (int i = 0; i < DEPTH; i++)
		mark(memory + BLOCK * i, i, 5);
	EXPECT_EQ(pwrite(buffered, memory, BLOCK * DEPTH, 0), BLOCK * DEPTH);
	beside_swaps(rounds);
	printf("%d rounds: %ld on their own file, %ld refused with EBADF, none on another\n", rounds, done, refused);
	return 0;
}
