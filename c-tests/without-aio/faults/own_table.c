/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread that has left the others' table of descriptors, by unshare(CLONE_FILES), submits requests: their numbers,
 * and that of the eventfd, mean what they mean to this thread. In the others' table they are other files, or none.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/eventfd.h>

#include "reopened.h"
#include "transfers.h"

enum { COUNT = 32, ROUNDS = 500 };
enum { OWN = 1, OTHER = -1 };

static int own, other;
static io_context_t ctx;
static char *memory;
/* Whose number means another file to the others; and nothing to them. */
static int taken, free_number;

static void expect_blocks(int fd, long pass)
{
	char *found = memory + BLOCK * COUNT;

	EXPECT_EQ(pread(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(pass_of(found + BLOCK * i, i), pass);
}

static void *submit(void *unused)
{
	enum { POLL = COUNT, FSYNC, ALL };
	struct iocb cbs[ALL], *list[ALL];
	struct io_event events[ALL];
	struct timespec patience = { 10, 0 };
	int pipes[2];

	(void)unused;
	EXPECT_EQ(unshare(CLONE_FILES), 0);
	EXPECT_EQ(dup2(own, taken), taken);
	EXPECT_EQ(dup2(own, free_number), free_number);
	int count_fd = eventfd(0, EFD_NONBLOCK);
	EXPECT(count_fd >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	for (long round = 1; round <= ROUNDS; round++) {
		int number = round % 2 ? taken : free_number;
		eventfd_t count;

		for (int i = 0; i < ALL; i++) {
			list[i] = &cbs[i];
			if (i == POLL) {
				io_prep_poll(&cbs[i], pipes[0], POLLIN);
			} else if (i == FSYNC) {
				io_prep_fsync(&cbs[i], number);
			} else {
				mark(memory + BLOCK * i, i, round + OWN);
				io_prep_pwrite(&cbs[i], number, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
			}
			io_set_eventfd(&cbs[i], count_fd);
		}
		EXPECT_EQ(AIO(io_submit(ctx, ALL, list)), ALL);
		EXPECT_EQ(write(pipes[1], "x", 1), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, ALL, ALL, events, &patience)), ALL);
		for (int i = 0; i < ALL; i++) {
			int at = events[i].obj - cbs;

			if (at == POLL)
				EXPECT(RES(events[i]) > 0);
			else
				EXPECT_EQ(RES(events[i]), at == FSYNC ? 0 : BLOCK);
		}
		EXPECT_EQ(eventfd_read(count_fd, &count), 0);
		EXPECT_EQ(count, ALL);
		expect_blocks(own, round + OWN);
		char byte;
		EXPECT_EQ(read(pipes[0], &byte, 1), 1);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	start_watchdog();
	own = direct_file(COUNT);
	other = direct_file(COUNT);
	memory = blocks(2 * COUNT);
	for (int i = 0; i < COUNT; i++)
		mark(memory + BLOCK * i, i, OTHER);
	EXPECT_EQ(pwrite(other, memory, BLOCK * COUNT, 0), BLOCK * COUNT);
	taken = reopened(other, O_RDWR | O_DIRECT);
	free_number = reopened(other, O_RDWR | O_DIRECT);
	EXPECT_EQ(close(free_number), 0);
	EXPECT_EQ(AIO(io_setup(COUNT + 2, &ctx)), 0);
	/* With the library's threads there before. */
	write_and_check(ctx, own, memory, 0, COUNT, OWN);
	EXPECT_EQ(pthread_create(&thread, NULL, submit, NULL), 0);
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	expect_blocks(other, OTHER);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("%d times a thread with descriptors of its own had its own files written\n", ROUNDS);
	return 0;
}
