/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Processes are made and replaced while requests are in flight. exec: the new program runs, each block is the old or
 * the new one as a whole, and nothing is written later. fork: the parent's requests end as ever, its contexts are
 * not the child's, and children and their children use their own. A child that shares the memory, as after vfork,
 * submits and is gone, or another program, before its requests have ended: the parent gets the events.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "reopened.h"
#include "transfers.h"

enum { COUNT = 256, SHARE = 32, EXECS = 20, FORKS = 30, VFORKS = 40 };

static int file;
static char *memory, *found;

/* The program itself, as what is executed: file's number is its argument. */
static int after_exec(int fd)
{
	static char first[BLOCK * COUNT], second[BLOCK * COUNT];
	char *buffers = blocks(COUNT);
	io_context_t ctx = NULL;

	EXPECT_EQ(pread(fd, buffers, BLOCK * COUNT, 0), BLOCK * COUNT);
	memcpy(first, buffers, sizeof(first));
	usleep(30000);
	EXPECT_EQ(pread(fd, buffers, BLOCK * COUNT, 0), BLOCK * COUNT);
	memcpy(second, buffers, sizeof(second));
	EXPECT_EQ(memcmp(first, second, sizeof(first)), 0);
	/* Another part of the file. */
	EXPECT_EQ(AIO(io_setup(SHARE, &ctx)), 0);
	write_and_check(ctx, fd, buffers, COUNT, SHARE, 1);
	return 0;
}

static void submit_all(io_context_t ctx, long pass)
{
	static struct iocb cbs[COUNT], *list[COUNT];

	for (int i = 0; i < COUNT; i++) {
		list[i] = &cbs[i];
		mark(memory + BLOCK * i, i, pass);
		io_prep_pwrite(&cbs[i], file, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
	}
	EXPECT_EQ(AIO(io_submit(ctx, COUNT, list)), COUNT);
}

static void collect_all(io_context_t ctx)
{
	static struct io_event events[COUNT];
	struct timespec patience = { 10, 0 };

	EXPECT_EQ(AIO(io_getevents(ctx, COUNT, COUNT, events, &patience)), COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(RES(events[i]), BLOCK);
}

/* How many blocks are not of the last pass. Each is of some pass as a whole. */
static int old_blocks(long pass)
{
	int count = 0;

	EXPECT_EQ(pread(file, found, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		count += pass_of(found + BLOCK * i, i) != pass;
	return count;
}

static void check_exec(void)
{
	char number[20];
	int lost = 0;

	snprintf(number, sizeof(number), "%d", file);
	for (long pass = 1; pass <= EXECS; pass++) {
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			io_context_t ctx = NULL;

			EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
			/* Half of the rounds with the library's threads running already. */
			if (pass % 2)
				write_and_check(ctx, file, found, COUNT, SHARE, pass);
			submit_all(ctx, pass);
			execl("/proc/self/exe", "execution", "after-exec", number, NULL);
			abort();
		}
		EXPECT_EQ(status_within(child, 20), 0);
		lost += old_blocks(pass);
	}
	printf("exec: %d of %d writes that were in flight were not begun any more\n", lost, COUNT * EXECS);
}

/* On a context of its own, and so its child. The parent's is nobody's. */
static void descendant(io_context_t parents, int generation, long pass)
{
	io_context_t own = NULL;
	struct io_event event;
	struct iocb cb, *list[] = { &cb };
	char *buffers = blocks(SHARE);

	io_prep_pread(&cb, file, buffers, BLOCK, 0);
	EXPECT_EQ(AIO(io_submit(parents, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(parents, 0, 1, &event, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_setup(SHARE, &own)), 0);
	write_and_check(own, file, buffers, COUNT + SHARE * generation, SHARE, pass);
	if (generation < 3) {
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			descendant(own, generation + 1, pass);
			exit(0);
		}
		write_and_check(own, file, buffers, COUNT + SHARE * generation, SHARE, pass + 1);
		EXPECT_EQ(status_within(child, 20), 0);
	}
	EXPECT_EQ(AIO(io_destroy(own)), 0);
}

static void check_fork(void)
{
	io_context_t ctx = NULL;

	EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
	for (long pass = 100; pass < 100 + FORKS; pass++) {
		submit_all(ctx, pass);
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			start_watchdog();
			descendant(ctx, 0, pass);
			exit(0);
		}
		collect_all(ctx);
		EXPECT_EQ(old_blocks(pass), 0);
		EXPECT_EQ(status_within(child, 30), 0);
	}
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	printf("fork: %d times with %d requests in flight, three generations\n", FORKS, COUNT);
}

/* What the child after a vfork works with. */
static struct {
	io_context_t ctx;
	long pass;
	bool execs, collects;
} shared;

static int share_memory(void *unused)
{
	static struct iocb cbs[SHARE], *list[SHARE];
	static struct io_event events[SHARE];
	/* Of its own: the parent has nothing there. */
	int fd = reopened(file, O_RDWR | O_DIRECT);

	(void)unused;
	for (int i = 0; i < SHARE; i++) {
		list[i] = &cbs[i];
		mark(memory + BLOCK * i, i, shared.pass);
		io_prep_pwrite(&cbs[i], i % 2 ? fd : file, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
	}
	if (io_submit(shared.ctx, SHARE, list) != SHARE)
		_exit(1);
	if (shared.collects && io_getevents(shared.ctx, SHARE, SHARE, events, NULL) != SHARE)
		_exit(2);
	if (shared.execs) {
		execl("/proc/self/exe", "execution", "true", NULL);
		_exit(3);
	}
	_exit(0);
}

/* Runs it, with the parent asleep until the child has ended or executes another program. */
static void check_shared_memory(bool threads_before)
{
	static char stack[256 << 10] __attribute__((aligned(16)));
	static struct io_event events[SHARE];
	struct timespec patience = { 10, 0 };

	shared.ctx = NULL;
	EXPECT_EQ(AIO(io_setup(2 * SHARE, &shared.ctx)), 0);
	if (threads_before)
		write_and_check(shared.ctx, file, memory, 0, SHARE, 1000);
	for (int round = 0; round < VFORKS; round++) {
		shared.pass = 1001 + round;
		shared.execs = round & 1;
		shared.collects = round & 2;
		pid_t child = clone(share_memory, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		EXPECT(child > 0);
		EXPECT_EQ(status_within(child, 20), 0);
		if (!shared.collects) {
			EXPECT_EQ(AIO(io_getevents(shared.ctx, SHARE, SHARE, events, &patience)), SHARE);
			for (int i = 0; i < SHARE; i++)
				EXPECT_EQ(RES(events[i]), BLOCK);
		}
		EXPECT_EQ(pread(file, found, BLOCK * SHARE, 0), BLOCK * SHARE);
		for (int i = 0; i < SHARE; i++)
			EXPECT_EQ(pass_of(found + BLOCK * i, i), shared.pass);
		write_and_check(shared.ctx, file, memory, 0, SHARE, 1000);
	}
	EXPECT_EQ(AIO(io_destroy(shared.ctx)), 0);
}

int main(int argc, char **argv)
{
	start_watchdog();
	if (argc > 1 && strcmp(argv[1], "true") == 0)
		return 0;
	if (argc > 2 && strcmp(argv[1], "after-exec") == 0)
		return after_exec(atoi(argv[2]));
	/* Else the children print it again. */
	setvbuf(stdout, NULL, _IONBF, 0);
	file = direct_file(COUNT + 4 * SHARE);
	memory = blocks(COUNT);
	found = blocks(COUNT);
	check_exec();
	check_fork();
	/* In a process that has none of the library's threads yet, and in one that has. */
	for (int threads_before = 0; threads_before < 2; threads_before++) {
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			start_watchdog();
			check_shared_memory(threads_before);
			exit(0);
		}
		EXPECT_EQ(status_within(child, 20), 0);
	}
	printf("vfork: %d children submitted, and were gone\n", 2 * VFORKS);
	return 0;
}
