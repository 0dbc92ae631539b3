/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: wrong, its threads inherit the processor and the policy of whoever starts them */
/*
 * A thread that is pinned to a processor polls for its requests, or waits, by the ordinary policy and by one that leaves the
 * processor to nobody else: what the library's threads do for it they do elsewhere. And the thread stays where it was.
 */
#include <sched.h>

#include "../harness/posix_aio.h"

enum { ROUNDS = 50, COUNT = 16 };

static double poll_for(struct aiocb *cb, int value)
{
	double start = now(), took;
	int error;

	while ((error = aio_error(cb)) == EINPROGRESS)
		if (now() - start > patience())
			EXPECT_FAILED(__FILE__, __LINE__, "a request is not carried out while a thread polls");
	took = now() - start;
	EXPECT_EQ(error, 0);
	EXPECT_EQ(aio_return(cb), value);
	return took;
}

static void use(int direct, int buffered, char *memory, int policy)
{
	struct sched_param priority = { .sched_priority = policy == SCHED_FIFO ? 10 : 0 };
	struct aiocb cb, reads, others;
	double longest = 0, took;
	cpu_set_t all, one, found;
	int cpu = 0, ends[2];
	char got = 0;

	EXPECT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	if (sched_setscheduler(0, policy, &priority) != 0)
		exit(77);
	EXPECT_EQ(pipe(ends), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		int i = round % COUNT, fd = round % 2 ? direct : buffered;

		mark(memory, i, round);
		EXPECT_EQ(aio_write(prepare(&cb, fd, memory, BLOCK, (off_t)BLOCK * i)), 0);
		if ((took = poll_for(&cb, BLOCK)) > longest)
			longest = took;
		posix_fadvise(buffered, 0, 0, POSIX_FADV_DONTNEED);
		EXPECT_EQ(aio_read(prepare(&cb, fd, memory, BLOCK, (off_t)BLOCK * i)), 0);
		poll_for(&cb, BLOCK);
		EXPECT_EQ(pass_of(memory, i), round);
		EXPECT_EQ(aio_read(prepare(&reads, ends[0], &got, 1, 0)), 0);
		EXPECT_EQ(aio_write(prepare(&others, ends[1], "x", 1, 0)), 0);
		poll_for(&others, 1);
		poll_for(&reads, 1);
		EXPECT_EQ(aio_fsync(O_DSYNC, prepare(&cb, fd, NULL, 0, 0)), 0);
		if (round % 4)
			poll_for(&cb, 0);
		else
			FINISHES(&cb, 0, 0);
	}
	EXPECT_EQ(sched_getscheduler(0), policy);
	EXPECT_EQ(sched_getaffinity(0, sizeof(found), &found), 0);
	EXPECT(CPU_EQUAL(&found, &one));
	printf("longest poll %.1f ms\n", longest * 1e3);
	_exit(0);
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), tried = 0;
	char *memory = blocks(1);
	cpu_set_t all;

	EXPECT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		SKIP("one processor");
	/* The strict one first: it shows the mistake at once. */
	tried += IN_CHILD(use(direct, buffered, memory, SCHED_FIFO));
	tried += IN_CHILD(use(direct, buffered, memory, SCHED_OTHER));
	if (tried < 2)
		SKIP("this user may not have SCHED_FIFO");
	puts("a pinned thread that polls has its requests carried out elsewhere, with SCHED_FIFO too");
	return 0;
}
