/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is wrong at the call, and what is a request's result. */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/resource.h>

#include "request.h"

static void at_the_call(void)
{
	int fd = file_of(FILE_SIZE, 0), path = open("/", O_PATH);
	struct ends p = new_pipe();
	char byte = 'u';
	aio_result_t result = { 77, 55 };

	EXPECT(path >= 0);
	CHECK(STARTED(aiowrite(p.reader, &byte, 1, 0, SEEK_SET, &result)), SYNC(EBADF), "a write on a pipe's reading end");
	CHECK(STARTED(aioread(p.writer, &byte, 1, 0, SEEK_SET, &result)), SYNC(EBADF), "a read on a pipe's writing end");
	CHECK(STARTED(aioread(path, &byte, 1, 0, SEEK_SET, &result)), SYNC(EBADF), "a descriptor of a path alone");
	CHECK(STARTED(aioread(INT_MAX, &byte, 1, 0, SEEK_SET, &result)), SYNC(EBADF), "a number that nobody has");
	CHECK(STARTED(aioread(INT_MAX, &byte, -1, 0, SEEK_SET, &result)), SYNC(EBADF), "the same, with a negative length");
	CHECK(STARTED(aiowrite(p.reader, &byte, 1, -1, SEEK_SET, &result)), SYNC(EBADF), "a write on a reading end, at a negative offset");
	CHECK(STARTED(aioread(fd, &byte, 1, 0, SEEK_SET, NULL)), SYNC(EFAULT), "a read without a result");
	CHECK(STARTED(aiowrite(fd, &byte, 1, 0, SEEK_SET, NULL)), SYNC(EFAULT), "a write without a result");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
	CHECK(result.aio_return, 77, "aio_return is untouched");
	CHECK(result.aio_errno, 55, "aio_errno is untouched");
	EXPECT(pread(fd, &byte, 1, 0) == 1);
	CHECK(right_bytes(&byte, 1, 0), 1, "nothing was written");
}

static void of_the_other_way(int flags, const char *kind)
{
	char path[PATH_SIZE], *bytes = pages(PAGE);
	aio_result_t result;
	int both = named_file(path, FILE_SIZE, flags), reads = open(path, O_RDONLY | flags), writes = open(path, O_WRONLY | flags);

	EXPECT(both >= 0 && reads >= 0 && writes >= 0 && unlink(path) == 0);
	CHECK(STARTED(aiowrite(reads, bytes, PAGE, 0, SEEK_SET, &result)), SYNC(EBADF), "a write on a %s file opened for reading", kind);
	CHECK(STARTED(aioread(writes, bytes, PAGE, 0, SEEK_SET, &result)), SYNC(EBADF), "a read on a %s file opened for writing", kind);
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
	/* The other way they are taken. */
	CHECK(STARTED(aioread(reads, bytes, PAGE, 0, SEEK_SET, &result)), 0, "a read of it");
	CHECK(outcome(&result), PAGE, "its bytes");
	CHECK(STARTED(aiowrite(writes, bytes, PAGE, 0, SEEK_SET, &result)), 0, "a write of it");
	CHECK(outcome(&result), PAGE, "its bytes");
}

static void modes(void)
{
	of_the_other_way(0, "buffered");
	of_the_other_way(O_DIRECT, "direct");
}

static void results(void)
{
	int fd = file_of(FILE_SIZE, 0), folder = open("/", O_RDONLY | O_DIRECTORY);
	struct ends broken = new_pipe(), quick = new_pipe();
	aio_result_t result;
	char bytes[16];

	EXPECT(folder >= 0);
	CHECK(STARTED(aioread(folder, bytes, 16, 0, SEEK_SET, &result)), 0, "aioread of a directory");
	CHECK(outcome(&result), -EISDIR, "its result");
	CHECK(STARTED(aioread(fd, hole(), 16, 0, SEEK_SET, &result)), 0, "aioread to where nothing may be");
	CHECK(outcome(&result), -EFAULT, "its result");
	CHECK(STARTED(aiowrite(fd, hole(), 16, 0, SEEK_SET, &result)), 0, "aiowrite from there");
	CHECK(outcome(&result), -EFAULT, "its result");
	CHECK(STARTED(aioread(fd, bytes, 0, 0, SEEK_SET, &result)), 0, "aioread of no bytes");
	CHECK(outcome(&result), 0, "its result");
	EXPECT(close(broken.reader) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(STARTED(aiowrite(broken.writer, bytes, 16, 0, SEEK_SET, &result)), 0, "aiowrite of a pipe that nobody reads");
	CHECK(outcome(&result), -EPIPE, "its result");
	EXPECT(fcntl(quick.reader, F_SETFL, O_NONBLOCK) == 0);
	CHECK(STARTED(aioread(quick.reader, bytes, 16, 0, SEEK_SET, &result)), 0, "aioread of an empty pipe with O_NONBLOCK");
	CHECK(outcome(&result), -EAGAIN, "its result");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

static void results_of_direct_files(void)
{
	int fd = direct_file(FILE_SIZE, 0);
	aio_result_t result = { AIO_INPROGRESS, 0 };
	char *bytes = pages(2 * PAGE);

	CHECK(STARTED(aioread(fd, bytes + 1, PAGE, 0, SEEK_SET, &result)), 0, "aioread to a bad alignment");
	/* Some file systems take it. */
	long long got_ = outcome(&result);
	CHECK(got_ == -EINVAL || got_ == PAGE, 1, "its result");
	CHECK(STARTED(aioread(fd, hole(), PAGE, 0, SEEK_SET, &result)), 0, "aioread to where nothing may be");
	CHECK(outcome(&result), -EFAULT, "its result");
	CHECK(STARTED(aioread(fd, bytes, PAGE, -PAGE, SEEK_SET, &result)), 0, "aioread at -4096");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aioread(fd, bytes, PAGE, FILE_SIZE, SEEK_SET, &result)), 0, "aioread at the end");
	CHECK(outcome(&result), 0, "its result");
	CHECK(STARTED(aioread(fd, bytes, 2 * PAGE, FILE_SIZE - PAGE, SEEK_SET, &result)), 0, "aioread across the end");
	CHECK(outcome(&result), PAGE, "its result");
}

/* read(2) says EINVAL where a length is none. */
static void negative_lengths(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	struct ends p = new_pipe();
	aio_result_t result;
	char *bytes = pages(PAGE);

	CHECK(STARTED(aioread(fd, bytes, -1, 0, SEEK_SET, &result)), 0, "aioread of -1 bytes");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aiowrite(fd, bytes, INT_MIN, 0, SEEK_SET, &result)), 0, "aiowrite of INT_MIN bytes");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aioread(direct, bytes, -PAGE, 0, SEEK_SET, &result)), 0, "a direct aioread of -4096 bytes");
	CHECK(outcome(&result), -EINVAL, "its result");
	EXPECT(write(p.writer, "abc", 3) == 3);
	CHECK(STARTED(aioread(p.reader, bytes, -1, 0, SEEK_SET, &result)), 0, "aioread of -1 bytes of a pipe");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

static void too_large_files(void)
{
	int fd = file_of(FILE_SIZE, 0);
	struct rlimit limit = { FILE_SIZE + 10, FILE_SIZE + 10 };
	aio_result_t result;
	char bytes[100] = "";

	EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK(STARTED(aiowrite(fd, bytes, 100, FILE_SIZE, SEEK_SET, &result)), 0, "aiowrite across the limit of a file's size");
	CHECK(outcome(&result), 10, "its result");
	CHECK(STARTED(aiowrite(fd, bytes, 100, FILE_SIZE + 10, SEEK_SET, &result)), 0, "aiowrite at the limit");
	CHECK(outcome(&result), -EFBIG, "its result");
}

/* 65,536 requests, and no more. */
static void too_many(void)
{
	enum { MOST = 65536 };
	struct ends p = new_pipe();
	aio_result_t *results = calloc(MOST + 1, sizeof(*results));
	char *bytes = calloc(MOST + 1, 1), feed[PAGE];
	int count = 0, collected = 0;
	long long answer;

	EXPECT(results && bytes);
	memset(feed, 'f', PAGE);
	while ((answer = STARTED(aioread(p.reader, &bytes[count], 1, 0, SEEK_SET, &results[count]))) == 0 && count <= MOST)
		count++;
	CHECK(answer, SYNC(EAGAIN), "one more than there can be");
	CHECK(count > 65000 && count <= MOST, 1, "there can be 65,536");
	for (int fed = 0; fed < count; fed += PAGE)
		EXPECT(write(p.writer, feed, (size_t)(count - fed < PAGE ? count - fed : PAGE)) > 0);
	while (next() != FAILED && collected <= count)
		collected++;
	CHECK(collected, count, "all end");
	EXPECT(write(p.writer, feed, 1) == 1);
	read_at(p.reader, bytes, 1, 0, results);
	CHECK(outcome(results), 1, "then there can be more");
}

const struct fact error_facts[] = {
	{ .subject = "errors", .title = "at the call", .run = at_the_call },
	{ .subject = "errors", .title = "files opened for the other direction", .run = modes },
	{ .subject = "errors", .title = "results that are errors", .run = results },
	{ .subject = "errors", .title = "results of direct files", .run = results_of_direct_files },
	{ .subject = "errors", .title = "negative lengths", .run = negative_lengths },
	{ .subject = "errors", .title = "the limit of a file's size", .run = too_large_files },
	{ .subject = "errors", .title = "too many requests give EAGAIN", .run = too_many },
	{ 0 },
};
