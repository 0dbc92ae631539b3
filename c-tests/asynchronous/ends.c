/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a queued request lives through: its descriptor is closed and the number used again, its context is destroyed, the
 * process forks, ends by exit or quick_exit, closes what it does not know, may open few files.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/resource.h>

#include "held.h"

static char *page;

/* Lets the page go on, a while after somebody has come to it. */
static void *let_later(void *byte)
{
	wait_for_visitor();
	usleep(50000);
	let(page, *(char *)byte);
	return NULL;
}

static pthread_t start_letting(char *byte)
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, let_later, byte), 0);
	return thread;
}

static void closed_and_opened(io_context_t ctx)
{
	int fd = disk_file(0, 2), other = disk_file(0, 2), kept = dup(fd);
	struct iocb held, behind;
	struct io_event events[2];

	page = held_page();
	io_prep_pwrite(&held, fd, page, PAGE, 0);
	io_prep_pwrite(&behind, fd, page_of('b'), PAGE, PAGE);
	submit(ctx, &held);
	submit(ctx, &behind);
	wait_for_visitor();
	EXPECT_EQ(dup2(other, fd), fd);
	/* What is submitted now is for the other one. */
	struct iocb next;
	io_prep_pread(&next, fd, page_of(0), PAGE, 0);
	submit(ctx, &next);
	let(page, 'a');
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 2, events, NULL)), 2);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	EXPECT(has(kept, 0, 'a') && has(kept, 1, 'b') && has(other, 0, 'o') && has(other, 1, 'o'));
	close(fd);
	close(other);
	close(kept);
	puts("the file is that of io_submit");
}

static void destroyed(void)
{
	io_context_t ctx = served_context();
	int fd = disk_file(0, 2);
	struct iocb held, behind;

	page = held_page();
	io_prep_pwrite(&held, fd, page, PAGE, 0);
	io_prep_pwrite(&behind, fd, page_of('e'), PAGE, PAGE);
	submit(ctx, &held);
	submit(ctx, &behind);
	pthread_t thread = start_letting("d");
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT(has(fd, 0, 'd') && has(fd, 1, 'e'));
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	close(fd);
	puts("io_destroy waits");
}

static void ended(void (*end)(int), const char *how)
{
	enum { COUNT = 200 };
	int fd = disk_file(0, 1), appending = reopen(fd, O_WRONLY | O_APPEND), direct = disk_file(O_DIRECT, 1);
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		static struct iocb requests[COUNT], sync;
		io_context_t ctx = NULL;

		EXPECT_EQ(AIO(io_setup(2 * COUNT, &ctx)), 0);
		for (int i = 0; i < COUNT; i++) {
			int file = i % 4 == 3 ? direct : appending;
			io_prep_pwrite(&requests[i], file, page_of((char)i), PAGE, (long long)i / 4 * PAGE);
			submit(ctx, &requests[i]);
		}
		io_prep_fsync(&sync, fd);
		submit(ctx, &sync);
		end(0);
	}
	EXPECT_EQ(status_within(child, 20), 0);
	int appended = 1;
	for (int i = 0; i < COUNT; i++) {
		if (i % 4 != 3)
			EXPECT(has(fd, appended++, (char)i));
	}
	int buffered = reopen(direct, O_RDONLY);
	for (int i = 0; i < COUNT / 4; i++)
		EXPECT(has(buffered, i, (char)(4 * i + 3)));
	close(fd);
	close(appending);
	close(direct);
	close(buffered);
	printf("%d writes are done after %s\n", COUNT, how);
}

static void forked(io_context_t ctx)
{
	int fd = disk_file(0, 1);
	struct iocb held, own, *list = &own;

	page = held_page();
	io_prep_pwrite(&held, fd, page, PAGE, 0);
	submit(ctx, &held);
	wait_for_visitor();
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		io_context_t made = NULL;
		struct io_event event;

		io_prep_pread(&own, fd, page_of(0), PAGE, 0);
		EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), -EINVAL);
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, NULL)), -EINVAL);
		/* Of its own it has nothing in its way. */
		EXPECT_EQ(AIO(io_setup(DEPTH, &made)), 0);
		submit(made, &own);
		EXPECT_EQ(result(made, &own), PAGE);
		_exit(0);
	}
	EXPECT_EQ(status_within(child, 20), 0);
	let(page, 'f');
	EXPECT_EQ(result(ctx, &held), PAGE);
	EXPECT(has(fd, 0, 'f'));
	close(fd);
	puts("a child has no part in it");
}

/* There are no helpers to be reached any more: who submits does it, when what was sent has ended. */
static void closed_all(io_context_t ctx)
{
	int fd = disk_file(0, 2);
	struct iocb held, sync, behind, *list[] = { &behind, &sync };
	struct io_event events[3];

	page = held_page();
	io_prep_pwrite(&held, fd, page, PAGE, 0);
	submit(ctx, &held);
	for (int other = 512; other < 1024; other++)
		close(other);
	io_prep_pwrite(&behind, fd, page_of('n'), PAGE, 0);
	io_prep_fsync(&sync, fd);
	pthread_t thread = start_letting("c");
	EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 3, events, NULL)), 3);
	EXPECT(has(fd, 0, 'n'));
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	close(fd);
	puts("the order stays without helpers");
}

/* More requests wait than helpers can have files. */
static void many_files(void)
{
	enum { COUNT = 700 };
	static struct iocb requests[COUNT];
	static struct io_event events[COUNT];
	int fd = disk_file(0, 2), appending = reopen(fd, O_WRONLY | O_APPEND);
	struct rlimit few = { 200, 200 };
	io_context_t ctx = NULL;
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		EXPECT_EQ(AIO(io_setup(COUNT, &ctx)), 0);
		page = held_page();
		start_letting("0");
		for (int i = 0; i < COUNT; i++) {
			io_prep_pwrite(&requests[i], appending, i ? page_of((char)i) : page, PAGE, 0);
			submit(ctx, &requests[i]);
		}
		EXPECT_EQ(AIO(io_getevents(ctx, COUNT, COUNT, events, NULL)), COUNT);
		for (int i = 0; i < COUNT; i++)
			EXPECT_EQ(RES(events[i]), PAGE);
		exit(0);
	}
	EXPECT_EQ(status_within(child, 20), 0);
	for (int i = 1; i < COUNT; i++)
		EXPECT(has(fd, 2 + i, (char)i));
	close(appending);
	close(fd);
	printf("%d requests where a process may open %d files\n", COUNT, 200);
}

static void few_files(void)
{
	int fd = disk_file(0, 2);
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		struct rlimit few = { 50, 50 };
		io_context_t ctx = NULL;
		struct iocb request;
		struct io_event event;

		EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		EXPECT_EQ(AIO(io_setup(DEPTH, &ctx)), 0);
		io_prep_pwrite(&request, fd, page_of('k'), PAGE, 0);
		submit(ctx, &request);
		EXPECT_EQ(events_within(ctx, 0, 1, &event), 1);
		EXPECT_EQ(threads(), 1);
		_exit(0);
	}
	EXPECT_EQ(status_within(child, 20), 0);
	EXPECT(has(fd, 0, 'k'));
	close(fd);
	puts("where helpers cannot be had");
}

int main(void)
{
	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	ended(exit, "exit");
	ended(quick_exit, "quick_exit");
	few_files();
	many_files();
	io_context_t ctx = served_context();
	closed_and_opened(ctx);
	forked(ctx);
	destroyed();
	closed_all(ctx);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
