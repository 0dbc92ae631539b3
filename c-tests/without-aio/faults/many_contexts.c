/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Contexts made and destroyed in a loop, more of them at a time than any program has, and children that make
 * their own while the parent's are busy: nothing hangs, nothing is left behind.
 */
#include <pthread.h>

#include "transfers.h"

enum { AT_ONCE = 2000, CHILDREN = 60, LOOPS = 3000 };

static int fd;

static long maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	long count = 0;

	EXPECT(file);
	for (int c; (c = fgetc(file)) != EOF;)
		count += c == '\n';
	fclose(file);
	return count;
}

static void *loop(void *memory)
{
	for (int i = 0; i < LOOPS; i++) {
		io_context_t ctx = NULL;
		struct iocb cb, *list[] = { &cb };
		EXPECT_EQ(io_setup(1 + i % 50, &ctx), 0);
		/* Destroyed with the read in flight. */
		io_prep_pread(&cb, fd, memory, BLOCK, 0);
		EXPECT_EQ(io_submit(ctx, 1, list), 1);
		EXPECT_EQ(io_destroy(ctx), 0);
	}
	return NULL;
}

/* A child with a context, and its child with another, so many deep. */
static void in_child(int depth)
{
	io_context_t ctx = NULL;
	char *memory = blocks(4);

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(16, &ctx)), 0);
	int own = direct_file(4);
	for (int pass = 1; pass < 4; pass++)
		write_and_check(ctx, own, memory, 0, 4, pass);
	pid_t child = depth > 0 ? fork() : -1;
	if (child == 0) {
		in_child(depth - 1);
		exit(0);
	}
	if (depth > 0)
		EXPECT_EQ(status_within(child, 40), 0);
	write_and_check(ctx, own, memory, 0, 4, 9);
	/* Some leave their context to the end of the process. */
	if (depth % 2)
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
}

int main(void)
{
	static io_context_t all[AT_ONCE];
	pthread_t one, other;
	pid_t children[CHILDREN];
	char *memory = blocks(8);

	start_watchdog();
	fd = direct_file(4);
	long before = maps();
	for (int i = 0; i < AT_ONCE; i++)
		EXPECT_EQ(AIO(io_setup(1, &all[i])), 0);
	for (int i = 0; i < AT_ONCE; i++) {
		if (i % 10 == 0)
			write_and_check(all[i], fd, memory, 0, 4, i + 1);
		EXPECT_EQ(AIO(io_destroy(all[i])), 0);
	}
	EXPECT_EQ(pthread_create(&one, NULL, loop, memory), 0);
	EXPECT_EQ(pthread_create(&other, NULL, loop, memory + BLOCK), 0);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		EXPECT(children[i] >= 0);
		if (children[i] == 0) {
			in_child(i % 3);
			exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i++)
		EXPECT_EQ(status_within(children[i], 50), 0);
	EXPECT_EQ(pthread_join(one, NULL), 0);
	EXPECT_EQ(pthread_join(other, NULL), 0);
	sleep(2);
	EXPECT_EQ(threads(), 1);
	printf("%d at once, %d in loops, %d children and theirs; %ld mappings more than before\n", AT_ONCE, 2 * LOOPS,
	       CHILDREN, maps() - before);
	EXPECT(maps() - before < 100);
	return 0;
}
