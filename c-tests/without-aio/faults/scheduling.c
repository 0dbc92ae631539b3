/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread that is pinned to a processor, and spins there for its events, by the ordinary policy and by one that leaves
 * the processor to nobody else: the library's threads run elsewhere, whoever started them. And the thread stays where
 * it was.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "transfers.h"

enum { ROUNDS = 200 };

static void spin(io_context_t ctx, struct iocb *iocb, long res, double *longest)
{
	struct timespec zero = { 0, 0 };
	struct io_event event;
	double start = now(), took;

	EXPECT_EQ(AIO(io_submit(ctx, 1, &iocb)), 1);
	while (AIO(io_getevents(ctx, 1, 1, &event, &zero)) == 0)
		EXPECT(now() - start < 10);
	took = now() - start;
	if (took > *longest)
		*longest = took;
	EXPECT_EQ(RES(event), res);
}

static void spin_for_all(int fd)
{
	char *memory = blocks(1);
	double longest = 0;
	io_context_t ctx = NULL;
	struct iocb iocb;
	int ends[2];

	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	for (int i = 0; i < ROUNDS; i++) {
		io_prep_pread(&iocb, fd, memory, BLOCK, (long long)BLOCK * (i % 64));
		spin(ctx, &iocb, BLOCK, &longest);
	}
	/* The poller is another thread. */
	EXPECT_EQ(pipe(ends), 0);
	io_prep_poll(&iocb, ends[0], POLLIN);
	struct iocb *list = &iocb;
	struct timespec zero = { 0, 0 };
	struct io_event event;
	double start = now();

	EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), 1);
	EXPECT_EQ(write(ends[1], "x", 1), 1);
	while (AIO(io_getevents(ctx, 1, 1, &event, &zero)) == 0)
		EXPECT(now() - start < 10);
	EXPECT(RES(event) & POLLIN);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("longest %.1f ms\n", longest * 1e3);
}

int main(void)
{
	cpu_set_t all, one, found;
	int fd = direct_file(64), cpu = 0, tried = 0;

	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	EXPECT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	if (CPU_COUNT(&all) < 2)
		SKIP("one processor");
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	for (int policy = SCHED_OTHER; policy <= SCHED_FIFO; policy++) {
		/* Each begins without threads. */
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			struct sched_param priority = { policy == SCHED_FIFO ? 10 : 0 };

			start_watchdog();
			EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
			if (sched_setscheduler(0, policy, &priority) != 0)
				exit(77);
			spin_for_all(fd);
			EXPECT_EQ(sched_getscheduler(0), policy);
			EXPECT_EQ(sched_getaffinity(0, sizeof(found), &found), 0);
			EXPECT(CPU_EQUAL(&found, &one));
			_exit(0);
		}
		int status = status_within(child, 50);

		EXPECT(status == 0 || (policy == SCHED_FIFO && status == 77 << 8));
		tried += status == 0;
	}
	printf("%d policies\n", tried);
	return 0;
}
