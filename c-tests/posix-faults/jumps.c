/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: either, a wait that is left by a jump stays in its lists */
/*
 * aio_suspend and lio_listio are left by siglongjmp from signal handlers, a thousand times, while other threads wait for
 * requests of their own and for the same ones: nobody is stuck, nothing is lost, and nothing is written later to
 * where the wait was.
 */
#include <pthread.h>
#include <setjmp.h>

#include "../harness/posix_aio.h"

enum { JUMPS = 1000, OTHERS = 3, DEPTH = 4 };

static __thread sigjmp_buf back __attribute__((tls_model("initial-exec")));
static __thread volatile sig_atomic_t may_jump __attribute__((tls_model("initial-exec")));
static volatile bool stop;
static int files[2];
static long rounds_of_others;

static void jump(int number)
{
	(void)number;
	if (may_jump)
		siglongjmp(back, 1);
}

static void *others(void *argument)
{
	int number = (int)(intptr_t)argument;
	struct aiocb cbs[DEPTH];
	const struct aiocb *list[DEPTH];
	char *memory = blocks(DEPTH);

	while (!stop) {
		for (int i = 0; i < DEPTH; i++) {
			list[i] = prepare(&cbs[i], files[(number + i) % 2], memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			EXPECT_EQ(aio_read(&cbs[i]), 0);
		}
		for (int left = DEPTH; left;) {
			/* For ever: whoever is not woken hangs here. */
			EXPECT(aio_suspend(list, DEPTH, NULL) == 0 || errno == EINTR);
			for (int i = 0; i < DEPTH; i++) {
				if (!list[i] || aio_error(list[i]) == EINPROGRESS)
					continue;
				EXPECT_EQ(aio_return(&cbs[i]), BLOCK);
				EXPECT_EQ(pass_of(memory + BLOCK * i, i), 1);
				list[i] = NULL;
				left--;
			}
		}
		__atomic_add_fetch(&rounds_of_others, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Waits for a list or for either of two requests, and is interrupted within so many nanoseconds. */
static bool __attribute__((noinline))
waits_left_by_jump(bool whole_list, timer_t timer, long nanoseconds, struct aiocb **list, const struct aiocb **either)
{
	struct itimerspec once = { .it_value = { 0, nanoseconds } };

	if (sigsetjmp(back, 1) != 0) {
		may_jump = 0;
		return true;
	}
	may_jump = 1;
	EXPECT_EQ(timer_settime(timer, 0, &once, NULL), 0);
	/* With DEPTH reads it may be over before. */
	if (whole_list)
		EXPECT(lio_listio(LIO_WAIT, list, DEPTH, NULL) == 0 || errno == EINTR);
	else
		EXPECT(aio_suspend(either, 2, NULL) == 0 || errno == EINTR);
	may_jump = 0;
	return false;
}

int main(void)
{
	begin();
	struct sigaction action = { .sa_handler = jump };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	static struct aiocb waiting, cbs[DEPTH];
	struct aiocb *list[DEPTH];
	const struct aiocb *both[2];
	char *memory = blocks(DEPTH), got = 0;
	pthread_t threads[OTHERS];
	int jumps = 0, ends_of_waits = 0;
	timer_t timer;
	int ends[2];

	files[0] = file_of(DEPTH, O_DIRECT);
	files[1] = reopen(files[0], O_RDWR);
	write_and_read(files[0], memory, DEPTH, 1);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	event._sigev_un._tid = gettid();
	EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	for (int i = 0; i < OTHERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, others, (void *)(intptr_t)i), 0);
	EXPECT_EQ(pipe(ends), 0);
	srand(1);
	for (int round = 0; jumps < JUMPS && round < 20 * JUMPS; round++) {
		if (aio_error(&waiting) != EINPROGRESS)
			EXPECT_EQ(aio_read(prepare(&waiting, ends[0], &got, 1, 0)), 0);
		for (int i = 0; i < DEPTH; i++) {
			list[i] = prepare(&cbs[i], files[i % 2], memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			list[i]->aio_lio_opcode = LIO_READ;
		}
		both[0] = &waiting;
		both[1] = round % 3 == 1 ? &cbs[0] : NULL;
		/* A direct read to wait for as well: this thread may be the one that waits for all. */
		if (both[1])
			EXPECT_EQ(aio_read(&cbs[0]), 0);
		if (waits_left_by_jump(round % 3 == 2, timer, 500 + rand() % 300000, list, both))
			jumps++;
		else
			ends_of_waits++;
		/* What was where the wait was is something else now. */
		volatile char overwritten[4096];
		for (size_t i = 0; i < sizeof(overwritten); i++)
			overwritten[i] = 0x55;
		if (round % 3 == 1)
			FINISHES(&cbs[0], 0, BLOCK);
		if (round % 3 == 2)
			for (int i = 0; i < DEPTH; i++)
				/* The jump may have come before it was submitted. */
				if (error_within(&cbs[i], patience()) != 0)
					EXPECT_FAILED(__FILE__, __LINE__, "a request of a list that was left does not end");
		for (size_t i = 0; i < sizeof(overwritten); i++)
			EXPECT_EQ(overwritten[i], 0x55);
		if (round % 50 == 49) {
			EXPECT_EQ(write(ends[1], "x", 1), 1);
			FINISHES(&waiting, 0, 1);
		}
	}
	EXPECT_EQ(jumps, JUMPS);
	stop = true;
	for (int i = 0; i < OTHERS; i++)
		EXPECT_EQ(pthread_join(threads[i], NULL), 0);
	EXPECT(rounds_of_others > 0);
	printf("%d waits left by a jump, %d that ended, %ld rounds of others beside them\n", jumps, ends_of_waits, rounds_of_others);
	return 0;
}
