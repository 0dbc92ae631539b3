/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: either, its workers have the table of whoever started them */
/*
 * A thread with a descriptor table of its own: its requests are of its own descriptors, whatever has the same number in the
 * table of the others, and those of the others are of theirs.
 */
#include <pthread.h>
#include <sched.h>

#include "../harness/posix_aio.h"

enum { COUNT = 8, ROUNDS = 30 };

static int shared, private_file, flags_now;
static pthread_barrier_t both;

static void use(int fd, int first_pass)
{
	char *memory = blocks(COUNT);
	struct aiocb cb;

	for (int round = 0; round < ROUNDS; round++) {
		write_and_read(fd, memory, COUNT, first_pass + round);
		/* Not from the page cache. */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		EXPECT_EQ(aio_fsync(O_SYNC, prepare(&cb, fd, NULL, 0, 0)), 0);
		FINISHES(&cb, 0, 0);
	}
	munmap(memory, BLOCK * COUNT);
}

static void *in_own_table(void *unused)
{
	char *memory = blocks(COUNT);
	struct aiocb reads;
	char got = 0;
	int ends[2], number;

	(void)unused;
	EXPECT_EQ(unshare(CLONE_FILES), 0);
	EXPECT_EQ(dup2(private_file, shared), shared);
	pthread_barrier_wait(&both);
	use(shared, 1000);
	EXPECT_EQ(pipe(ends), 0);
	/* Numbers that the others do not have at all. */
	number = fcntl(ends[0], F_DUPFD, 200);
	EXPECT(number >= 200);
	EXPECT_EQ(aio_read(prepare(&reads, number, &got, 1, 0)), 0);
	EXPECT_EQ(error_within(&reads, 0.02), EINPROGRESS);
	EXPECT_EQ(write(ends[1], "q", 1), 1);
	FINISHES(&reads, 0, 1);
	EXPECT_EQ(got, 'q');
	use_pipe();
	pthread_barrier_wait(&both);
	EXPECT_EQ(pread(private_file, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), 1000 + ROUNDS - 1);
	return NULL;
}

static void one(bool before)
{
	pthread_t thread;
	char *memory = blocks(COUNT);

	shared = file_of(COUNT, flags_now);
	private_file = file_of(COUNT, flags_now);
	if (before)
		use(shared, 1);
	EXPECT_EQ(pthread_barrier_init(&both, NULL, 2), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, in_own_table, NULL), 0);
	pthread_barrier_wait(&both);
	use(shared, 2000);
	use_pipe();
	pthread_barrier_wait(&both);
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(pread(shared, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), 2000 + ROUNDS - 1);
	use(private_file, 3000);
}

int main(void)
{
	begin();
	/* In a process that has used requests before, and in one that has not. */
	for (int before = 0; before < 2; before++)
		for (int direct = 0; direct < 2; direct++) {
			flags_now = direct ? O_DIRECT : 0;
			IN_CHILD(one(before));
		}
	puts("a thread with a table of its own had its own files read and written, and the others theirs");
	return 0;
}
