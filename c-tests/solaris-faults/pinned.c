/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Handlers that stay: one of SIGIO that waits in aiowait for ever, in a thread that was in aiowait itself, one that never
 * collects, and one that interrupts itself. The other threads go on, and everything comes once.
 */
#include <pthread.h>

#include "../harness/solaris_aio.h"

enum { COUNT = 200 };

static volatile int entered, leaves, in_handler, depth, deepest;
static aio_result_t *volatile by_handler;

/* Waits inside the handler until a request ends that the program makes later. */
static void stays(int number)
{
	int saved = errno;
	aio_result_t *result;

	(void)number;
	entered++;
	do
		result = aiowait(NULL);
	while (result == FAILED && errno == EINTR);
	by_handler = result;
	in_handler = 1;
	errno = saved;
}

static void *waits(void *argument)
{
	aio_result_t *result = aiowait(NULL);

	/* A handler ran. */
	EXPECT(result == FAILED && errno == EINTR);
	return argument;
}

static void handler_that_waits(int fd, char *memory)
{
	aio_result_t first, other;
	char byte;
	pthread_t thread;
	int to = read_pipe(&first, &byte);

	EXPECT(signal(SIGUSR1, stays) != SIG_ERR);
	EXPECT_EQ(pthread_create(&thread, NULL, waits, NULL), 0);
	usleep(20000);
	EXPECT_EQ(pthread_kill(thread, SIGUSR1), 0);
	for (int i = 0; !entered && i < 1000 * patience(); i++)
		usleep(1000);
	EXPECT_EQ(entered, 1);
	/* The handler's wait is a waiter like others: it may get this one, and a thread may not. */
	read_block(fd, memory, 0, &other);
	for (int i = 0; !in_handler && i < 1000 * patience(); i++)
		usleep(1000);
	EXPECT(in_handler && by_handler == &other);
	EXPECT_EQ(other.aio_return, BLOCK);
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	EXPECT_EQ(write(to, "x", 1), 1);
	FINISHES(&first, 0, 1);
	close(to);
}

static void never_collects(int number)
{
	(void)number;
	leaves++;
}

static void handler_that_does_nothing(int direct, int buffered, char *memory)
{
	static aio_result_t results[COUNT];

	EXPECT(signal(SIGIO, never_collects) != SIG_ERR);
	for (int i = 0; i < COUNT; i++)
		read_block(i % 2 ? direct : buffered, memory + BLOCK * (i % 8), i % 8, &results[i]);
	for (int i = 0; i < COUNT; i++)
		EXPECT(ends_within(&results[i], patience()));
	/* All are there still. */
	collect_blocks(COUNT);
	EXPECT(leaves >= 1);
	expect_nothing();
}

static long collected;

static void interrupts_itself(int number)
{
	int saved = errno;
	aio_result_t *result;

	(void)number;
	depth++;
	if (depth > deepest)
		deepest = depth;
	while ((result = aiowait(&at_once)) && result != FAILED)
		__atomic_add_fetch(&collected, 1, __ATOMIC_SEQ_CST);
	depth--;
	errno = saved;
}

static void handler_of_itself(int direct, int buffered, char *memory)
{
	static aio_result_t results[COUNT];
	struct sigaction action = { .sa_handler = interrupts_itself, .sa_flags = SA_NODEFER };
	long wanted = 0;

	EXPECT_EQ(sigaction(SIGIO, &action, NULL), 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < COUNT; i++)
			read_block(i % 2 ? direct : buffered, memory + BLOCK * (i % 8), i % 8, &results[i]);
		wanted += COUNT;
		for (int i = 0; collected < wanted && i < 1000 * patience(); i++)
			usleep(1000);
		EXPECT_EQ(collected, wanted);
	}
	expect_nothing();
	EXPECT(signal(SIGIO, SIG_DFL) != SIG_ERR);
}

int main(void)
{
	begin();
	int direct = file_of(8, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(8);

	write_and_read(direct, memory, 8, 1);
	handler_that_waits(buffered, memory);
	in_handler = entered = 0;
	handler_that_waits(direct, memory);
	handler_that_does_nothing(direct, buffered, memory);
	handler_of_itself(direct, buffered, memory);
	printf("handlers that wait, that do nothing (%d signals), and that interrupt themselves (%d deep): everything came once\n", leaves, deepest);
	return 0;
}
