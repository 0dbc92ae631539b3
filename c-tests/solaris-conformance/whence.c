/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a request reads or writes: offset and whence, resolved at the call. */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/socket.h>

#include "request.h"

/* The bytes that a read gave are those of this place. */
static void reads(int fd, off_t offset, int whence, long long count, size_t from, const char *name)
{
	char bytes[100];
	aio_result_t result;
	off_t before = lseek(fd, 0, SEEK_CUR);

	memset(bytes, 0, sizeof(bytes));
	CHECK(STARTED(aioread(fd, bytes, 100, offset, whence, &result)), 0, "aioread, %s", name);
	CHECK(outcome(&result), count, "its bytes, %s", name);
	if (count > 0)
		CHECK(right_bytes(bytes, (size_t)count, from), count, "they are from there, %s", name);
	CHECK(lseek(fd, 0, SEEK_CUR), before, "the position stays, %s", name);
}

static void bases(void)
{
	int fd = file_of(FILE_SIZE, 0);

	EXPECT(lseek(fd, 1000, SEEK_SET) == 1000);
	reads(fd, 0, SEEK_SET, 100, 0, "from the beginning");
	reads(fd, 777, SEEK_SET, 100, 777, "777 behind it");
	reads(fd, 0, SEEK_CUR, 100, 1000, "from the position");
	reads(fd, 50, SEEK_CUR, 100, 1050, "50 behind the position");
	reads(fd, -50, SEEK_CUR, 100, 950, "50 before the position");
	reads(fd, -100, SEEK_END, 100, FILE_SIZE - 100, "100 before the end");
	reads(fd, -60, SEEK_END, 60, FILE_SIZE - 60, "60 before the end");
	reads(fd, 0, SEEK_END, 0, 0, "at the end");
	reads(fd, 5000, SEEK_END, 0, 0, "behind the end");
}

static void writes(void)
{
	static const struct {
		off_t offset, at;
		int whence;
	} places[] = { { 300, 300, SEEK_SET }, { -20, 980, SEEK_CUR }, { -200, FILE_SIZE - 200, SEEK_END }, { 0, FILE_SIZE, SEEK_END },
		       { 1000, FILE_SIZE + 1100, SEEK_END } };
	char bytes[100], back[100];
	aio_result_t result;

	for (int direct = 0; direct < 2; direct++) {
		int fd = direct ? direct_file(FILE_SIZE, 0) : file_of(FILE_SIZE, 0);

		if (direct) {
			char *page = pages(PAGE), *found = pages(PAGE);

			memset(page, 'd', PAGE);
			EXPECT(lseek(fd, 2 * PAGE, SEEK_SET) == 2 * PAGE);
			CHECK(STARTED(aiowrite(fd, page, PAGE, -PAGE, SEEK_CUR, &result)), 0, "a direct aiowrite before the position");
			CHECK(outcome(&result), PAGE, "its bytes");
			CHECK(STARTED(aiowrite(fd, page, PAGE, -PAGE, SEEK_END, &result)), 0, "a direct aiowrite before the end");
			CHECK(outcome(&result), PAGE, "its bytes");
			EXPECT(pread(fd, found, PAGE, PAGE) == PAGE);
			CHECK(memcmp(page, found, PAGE), 0, "they are before the position");
			EXPECT(pread(fd, found, PAGE, FILE_SIZE - PAGE) == PAGE);
			CHECK(memcmp(page, found, PAGE), 0, "they are before the end");
			CHECK(lseek(fd, 0, SEEK_CUR), 2 * PAGE, "the position");
			continue;
		}
		EXPECT(lseek(fd, 1000, SEEK_SET) == 1000);
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
			memset(bytes, 'A' + (int)i, 100);
			CHECK(STARTED(aiowrite(fd, bytes, 100, places[i].offset, places[i].whence, &result)), 0, "aiowrite %zu", i);
			CHECK(outcome(&result), 100, "its bytes");
			EXPECT(pread(fd, back, 100, places[i].at) == 100);
			CHECK(memcmp(bytes, back, 100), 0, "they are at %lld", (long long)places[i].at);
			CHECK(lseek(fd, 0, SEEK_CUR), 1000, "the position");
		}
	}
}

/* What comes after the call does not count: the position moves, and the file grows. */
static void at_the_call(void)
{
	enum { COUNT = 64 };
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);
	static aio_result_t results[COUNT];

	for (int kind = 0; kind < 2; kind++) {
		int file = kind ? direct : fd;

		right = 0;
		memset(bytes, 0, COUNT * PAGE);
		EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
		for (int i = 0; i < COUNT; i++) {
			off_t place = i % 15 * PAGE;

			EXPECT(lseek(file, place, SEEK_SET) == place);
			EXPECT(STARTED(aioread(file, bytes + i * PAGE, PAGE, i % 2 ? 0 : place - FILE_SIZE, i % 2 ? SEEK_CUR : SEEK_END,
					       &results[i])) == 0);
		}
		EXPECT(lseek(file, 0, SEEK_SET) == 0);
		EXPECT(ftruncate(file, FILE_SIZE + 10 * PAGE) == 0);
		for (int i = 0; i < COUNT; i++)
			EXPECT(next() != NULL);
		for (int i = 0; i < COUNT; i++)
			right += result_of(&results[i]) == PAGE &&
				 right_bytes(bytes + i * PAGE, PAGE, (size_t)(i % 15 * PAGE)) == PAGE;
		CHECK(right, COUNT, "%s requests are where the call said", kind ? "direct" : "buffered");
		EXPECT(ftruncate(file, FILE_SIZE) == 0);
	}
}

static void bad(void)
{
	static const int wrong[] = { 3, 4, 5, -1, 1000, INT_MAX, INT_MIN };
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];
	aio_result_t result = { 77, 55 };

	memset(bytes, 'u', sizeof(bytes));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CHECK(STARTED(aioread(fd, bytes, 100, 0, wrong[i], &result)), SYNC(EINVAL), "aioread with whence %d", wrong[i]);
		CHECK(STARTED(aiowrite(fd, bytes, 100, 0, wrong[i], &result)), SYNC(EINVAL), "aiowrite with whence %d", wrong[i]);
	}
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
	CHECK(result.aio_return, 77, "aio_return is untouched");
	CHECK(result.aio_errno, 55, "aio_errno is untouched");
	EXPECT(pread(fd, bytes, 100, 0) == 100);
	CHECK(right_bytes(bytes, 100, 0), 100, "nothing was written");
}

static void of_pipes(void)
{
	struct ends p = new_pipe(), s = new_sockets(SOCK_STREAM);
	char byte = 0;
	aio_result_t result;

	CHECK(STARTED(aioread(p.reader, &byte, 1, 0, SEEK_CUR, &result)), SYNC(ESPIPE), "a pipe's position");
	CHECK(STARTED(aiowrite(p.writer, "x", 1, 0, SEEK_CUR, &result)), SYNC(ESPIPE), "the other end's");
	CHECK(STARTED(aioread(s.reader, &byte, 1, 0, SEEK_CUR, &result)), SYNC(ESPIPE), "a socket's");
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
	EXPECT(write(p.writer, "a", 1) == 1);
	CHECK(STARTED(aioread(p.reader, &byte, 1, 12345, SEEK_SET, &result)), 0, "SEEK_SET with an offset");
	CHECK(outcome(&result), 1, "its byte: the offset is ignored");
	CHECK(byte, 'a', "the byte");
}

static void of_nothing(void)
{
	char byte;
	aio_result_t result;
	int closed = dup(0);

	EXPECT(close(closed) == 0);
	for (int whence = SEEK_SET; whence <= SEEK_END; whence++) {
		CHECK(STARTED(aioread(closed, &byte, 1, 0, whence, &result)), SYNC(EBADF), "whence %d of a closed descriptor", whence);
		CHECK(STARTED(aiowrite(-1, &byte, 1, 0, whence, &result)), SYNC(EBADF), "whence %d of descriptor -1", whence);
	}
	CHECK(waited(NULL), -EINVAL, "nothing is outstanding");
}

/* They are accepted, and are the request's result. */
static void before_the_beginning(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char byte;
	aio_result_t result;

	CHECK(STARTED(aioread(fd, &byte, 1, -1, SEEK_SET, &result)), 0, "aioread at -1");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aiowrite(fd, &byte, 1, -1, SEEK_SET, &result)), 0, "aiowrite at -1");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aioread(fd, &byte, 1, -1, SEEK_CUR, &result)), 0, "aioread before the position, which is 0");
	CHECK(outcome(&result), -EINVAL, "its result");
	CHECK(STARTED(aioread(fd, &byte, 1, -FILE_SIZE - 1, SEEK_END, &result)), 0, "aioread of more than the size before the end");
	CHECK(outcome(&result), -EINVAL, "its result");
}

const struct fact whence_facts[] = {
	{ .subject = "whence", .title = "reads from all bases, and the position stays", .run = bases },
	{ .subject = "whence", .title = "writes from all bases, and the position stays", .run = writes },
	{ .subject = "whence", .title = "resolved at the call", .run = at_the_call },
	{ .subject = "whence", .title = "a bad one gives EINVAL", .run = bad },
	{ .subject = "whence", .title = "pipes and sockets have no position", .run = of_pipes },
	{ .subject = "whence", .title = "bad descriptors", .run = of_nothing },
	{ .subject = "whence", .title = "places before the beginning", .run = before_the_beginning },
	{ 0 },
};
