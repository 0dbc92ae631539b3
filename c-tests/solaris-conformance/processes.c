/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, exit and exec. */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "request.h"

enum { COUNT = 64 };

/* What a child does; its exit code. */
static int child_works(aio_result_t *inherited)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE);

	if (waited(NULL) != -EINVAL || waited(&at_once) != -EINVAL)
		return 1;
	if (inherited && STARTED(aiocancel(inherited)) != SYNC(EINVAL))
		return 2;
	aio_result_t own, *r = inherited ? inherited : &own;
	/* The parent's structure is free here. */
	if (STARTED(aioread(fd, bytes, 100, 0, SEEK_SET, r)) != 0 || outcome(r) != 100)
		return 3;
	read_at(direct, bytes, PAGE, 0, r);
	if (outcome(r) != PAGE || right_bytes(bytes, PAGE, 0) != PAGE)
		return 4;
	r = waiting_read(&writer);
	if (waited(&at_once) != NOTHING)
		return 5;
	EXPECT(write(writer, "x", 1) == 1);
	if (outcome(r) != 1)
		return 6;
	return waited(NULL) == -EINVAL ? 0 : 7;
}

static void forked(void)
{
	int writer, direct = direct_file(COUNT * PAGE, 0), fd = file_of(FILE_SIZE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);
	static aio_result_t results[COUNT], done = { AIO_INPROGRESS, 0 };
	aio_result_t *r = waiting_read(&writer);

	read_at(fd, bytes, 10, 0, &done);
	EXPECT(ends(&done));
	for (int i = 0; i < COUNT; i++)
		read_at(direct, bytes + i * PAGE, PAGE, i * PAGE, &results[i]);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		int status = child_works(r);
		if (status == 0) {
			child = fork();
			if (child == 0)
				_exit(child_works(&results[0]));
			status = status_of(child);
		}
		_exit(status);
	}
	CHECK(status_of(child), 0, "the child and its child have nothing, and work");
	CHECK(outcome(&done), 10, "the parent's finished request");
	for (int i = 0; i < COUNT; i++)
		right += result_of(next()) == PAGE;
	CHECK(right, COUNT, "the parent's requests in flight");
	CHECK(waited(&at_once), NOTHING, "its read of a pipe waits");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(outcome(r), 1, "and ends");
}

static void forked_before_use(void)
{
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0)
		_exit(child_works(NULL));
	CHECK(status_of(child), 0, "the child works");
	CHECK(child_works(NULL), 0, "the parent works");
}

/* A child of a process with a waiter: it is not the child's. */
static void forked_beside_a_waiter(void)
{
	int writer;
	struct collector c = { .timeout = NULL };
	aio_result_t *r = waiting_read(&writer);

	start_collector(&c);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		_exit(child_works(r));
	CHECK(status_of(child), 0, "the child works");
	CHECK(still_waits(&c), 1, "the waiter waits");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_collector(&c), GOT, "it gets its structure");
	CHECK(c.got == r, 1, "this one");
}

static void begin_writes(int fd, char value)
{
	static aio_result_t results[COUNT];
	char *bytes = pages(PAGE);
	int writer;

	memset(bytes, value, PAGE);
	/* One that waits does not keep it. */
	waiting_read(&writer);
	for (int i = 0; i < COUNT; i++)
		write_at(fd, bytes, PAGE, i * PAGE, &results[i]);
}

static int right_pages(int fd, char value)
{
	char *bytes = pages(PAGE), *back = pages(PAGE);
	int right = 0;

	memset(bytes, value, PAGE);
	for (int i = 0; i < COUNT; i++)
		right += pread(fd, back, PAGE, i * PAGE) == PAGE && !memcmp(bytes, back, PAGE);
	return right;
}

static void exits(void)
{
	for (int kind = 0; kind < 2; kind++) {
		int fd = kind ? direct_file(COUNT * PAGE, 0) : file_of(0, 0);
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			begin_writes(fd, 'e');
			exit(0);
		}
		CHECK(status_of(child), 0, "exit with %s writes in flight", kind ? "direct" : "buffered");
		CHECK(right_pages(fd, 'e'), COUNT, "pages that were written");
	}
}

static int ends_after_exec(const char *argument)
{
	(void)argument;
	return waited(NULL) == -EINVAL ? 0 : 1;
}

/* The kernel's requests are carried out. */
static void executes(void)
{
	int fd = uncached_file(COUNT * PAGE);

	if (has_threads_only())
		skip_fact("the library has its threads only");
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		begin_writes(fd, 'x');
		execl(self, self, "--do", "ends", "", (char *)NULL);
		_exit(98);
	}
	CHECK(status_of(child), 0, "the next program has nothing outstanding");
	CHECK(right_pages(fd, 'x'), COUNT, "pages that were written");
}

const struct errand errands[] = { { "ends", ends_after_exec }, { NULL, NULL } };

const struct fact process_facts[] = {
	{ .subject = "processes", .title = "a child has nothing outstanding", .run = forked },
	{ .subject = "processes", .title = "fork before the first request", .run = forked_before_use },
	{ .subject = "processes", .title = "fork beside a waiter", .run = forked_beside_a_waiter },
	{ .subject = "processes", .title = "exit carries out what was accepted", .run = exits },
	{ .subject = "processes", .title = "exec, and the kernel's requests", .run = executes },
	{ 0 },
};
