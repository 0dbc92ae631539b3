/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aiowait is left by siglongjmp from signal handlers, a thousand times, without a time and with one, while other threads wait
 * too: nobody is stuck, every structure comes once, but for what a jump comes upon, and nothing is written later to where the
 * wait was.
 */
#include <pthread.h>
#include <setjmp.h>

#include "../harness/solaris_aio.h"

enum { JUMPS = 1000, OTHERS = 3, DEPTH = 4, ALL = 20 * JUMPS };

static sigjmp_buf back;
static volatile sig_atomic_t may_jump;
static volatile bool stop;
static int files[2];
static long by_others, lost;
static aio_result_t *volatile left_with;

static void jump(int number)
{
	(void)number;
	if (may_jump)
		siglongjmp(back, 1);
}

static struct request {
	aio_result_t result;
	char *memory;
	int block, is_busy;
} requests[DEPTH];

static void take(aio_result_t *result, long *counter)
{
	struct request *request = (struct request *)result;

	EXPECT(request >= requests && request < requests + DEPTH);
	EXPECT_EQ(result->aio_errno, 0);
	EXPECT_EQ(result->aio_return, BLOCK);
	EXPECT_EQ(pass_of(request->memory, request->block), 1);
	EXPECT_EQ(__atomic_exchange_n(&request->is_busy, 0, __ATOMIC_SEQ_CST), 1);
	__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void *others(void *unused)
{
	(void)unused;
	while (!stop) {
		struct timeval little = { 0, 500 };
		aio_result_t *result = aiowait(&little);

		if (result && result != FAILED)
			take(result, &by_others);
		else if (result == FAILED)
			EXPECT(errno == EINTR || errno == EINVAL);
	}
	return NULL;
}

static bool __attribute__((noinline)) wait_left_by_jump(timer_t timer, long nanoseconds, const struct timeval *time)
{
	struct itimerspec once = { .it_value = { 0, nanoseconds } };

	if (sigsetjmp(back, 1) != 0) {
		may_jump = 0;
		return true;
	}
	may_jump = 1;
	EXPECT_EQ(timer_settime(timer, 0, &once, NULL), 0);
	left_with = NULL;
	aio_result_t *result = aiowait(time);
	left_with = result;
	may_jump = 0;
	EXPECT(result != FAILED || errno == EINTR);
	return false;
}

/* Direct reads beside the pipe: this thread waits for them in the kernel. A jump may lose the structure that aiowait was about to
 * return, and no more. */
static bool leaves_the_kernel(timer_t timer, char *memory)
{
	aio_result_t results[DEPTH];
	int came = 0;

	for (int i = 0; i < DEPTH; i++)
		read_block(files[i % 2], memory + BLOCK * i, i, &results[i]);
	bool jumped = wait_left_by_jump(timer, 500 + rand() % 100000, NULL);
	if (!jumped && left_with && left_with != FAILED)
		came++;
	double end = now() + patience();
	for (int i = 0; i < DEPTH; i++)
		EXPECT(ends_within(&results[i], patience()));
	for (aio_result_t *result; (result = aiowait(&at_once)) && result != FAILED && now() < end; came++)
		EXPECT(result >= results && result < results + DEPTH);
	for (int i = 0; i < DEPTH; i++)
		EXPECT_EQ(results[i].aio_return, BLOCK);
	EXPECT(came == DEPTH || (jumped && came == DEPTH - 1));
	lost += came < DEPTH;
	return jumped;
}

/* The others wait for what ends; this thread is left by jumps while a read of a pipe alone is outstanding. */
int main(void)
{
	begin();
	struct sigaction action = { .sa_handler = jump };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	aio_result_t waiting;
	pthread_t ids[OTHERS];
	char *memory = blocks(DEPTH), got = 0;
	int jumps = 0, ends_of_waits = 0;
	timer_t timer;

	files[0] = file_of(DEPTH, O_DIRECT);
	files[1] = reopen(files[0], O_RDWR);
	write_and_read(files[0], memory, DEPTH, 1);
	EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	event._sigev_un._tid = gettid();
	EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	int to = read_pipe(&waiting, &got);
	srand(1);
	for (int round = 0; jumps < JUMPS && round < ALL; round++) {
		struct timeval times[] = { { 600, 0 }, { 0, 400 } };
		volatile char overwritten[4096];

		if (round % 4 == 3 ? leaves_the_kernel(timer, memory) :
				     wait_left_by_jump(timer, 500 + rand() % 300000, round % 3 == 2 ? NULL : &times[round % 2]))
			jumps++;
		else
			ends_of_waits++;
		for (size_t i = 0; i < sizeof(overwritten); i++)
			overwritten[i] = 0x55;
		if (round % 10 == 0) {
			stop = false;
			for (int i = 0; i < OTHERS; i++)
				EXPECT_EQ(pthread_create(&ids[i], NULL, others, NULL), 0);
			for (int i = 0; i < DEPTH; i++) {
				struct request *request = &requests[i];

				*request = (struct request){ .memory = memory + BLOCK * i, .block = i, .is_busy = 1 };
				read_block(files[i % 2], request->memory, i, &request->result);
			}
			/* Whoever was left by a jump must not keep what the others wait for. */
			double end = now() + patience();
			while (__atomic_load_n(&by_others, __ATOMIC_SEQ_CST) < (long)DEPTH * (round / 10 + 1))
				if (now() > end)
					EXPECT_FAILED(__FILE__, __LINE__, "round %d: %ld of %d came", round, by_others, DEPTH * (round / 10 + 1));
				else
					usleep(200);
			stop = true;
			for (int i = 0; i < OTHERS; i++)
				EXPECT_EQ(pthread_join(ids[i], NULL), 0);
		}
		for (size_t i = 0; i < sizeof(overwritten); i++)
			EXPECT_EQ(overwritten[i], 0x55);
	}
	EXPECT_EQ(jumps, JUMPS);
	EXPECT_EQ(write(to, "x", 1), 1);
	FINISHES(&waiting, 0, 1);
	expect_nothing();
	printf("%d waits left by a jump, %d that ended, %ld structures beside them, %ld lost by a jump\n", jumps, ends_of_waits, by_others, lost);
	return 0;
}
