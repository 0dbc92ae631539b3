/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which functions there are, those of two widths, and what the header declares. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stddef.h>

#include "request.h"

extern int plus_reads(int fd, char *bytes, int count, aio_result_t *result);
extern aio_result_t *plus_waits(long seconds);
extern int plus_writes_and_cancels(int fd, const char *bytes, int count, aio_result_t *result);

/* This fact is about the library under test: run.sh gives its file. */
static void all_from_one_file(void)
{
	static const char *const names[] = { "aioread", "aiowrite", "aiowait", "aiocancel" };
	static const char *const narrow[] = { "aioread64", "aiowrite64", "aiowait_time64" };
	char wanted[PATH_MAX], found[PATH_MAX];
	Dl_info info;

	if (!library || !*library)
		skip_fact("the functions are in the program itself, or nobody says where");
	EXPECT(realpath(library, wanted));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *address = dlsym(RTLD_DEFAULT, names[i]);

		CHECK(address && dladdr(address, &info) && realpath(info.dli_fname, found) && !strcmp(found, wanted), 1,
		      "%s is found there", names[i]);
		CHECK(dlvsym(RTLD_DEFAULT, names[i], "LIBSOLARISAIO_1.0") == address, 1, "its version");
	}
	/* Where a long has 64 bits, the header has macros. */
	for (size_t i = 0; i < sizeof(narrow) / sizeof(*narrow); i++)
		CHECK(dlsym(RTLD_DEFAULT, narrow[i]) != NULL, sizeof(long) == 4, "%s is there on 32 bits alone", narrow[i]);
}

static void header(void)
{
	CHECK(sizeof(aio_result_t), 2 * sizeof(long), "size of aio_result_t");
	CHECK(offsetof(aio_result_t, aio_return), 0, "place of aio_return");
	CHECK(offsetof(aio_result_t, aio_errno), sizeof(ssize_t), "place of aio_errno");
	CHECK(AIO_INPROGRESS, -2, "AIO_INPROGRESS");
	CHECK(MAXASYNCHIO, 200, "MAXASYNCHIO");
	int (*read_function)(int, char *, int, off_t, int, aio_result_t *) = aioread;
	int (*write_function)(int, const char *, int, off_t, int, aio_result_t *) = aiowrite;
	aio_result_t *(*wait_function)(const struct timeval *) = aiowait;
	int (*cancel_function)(aio_result_t *) = aiocancel;
	CHECK(read_function && write_function && wait_function && cancel_function, 1, "the types of the functions");
}

static void wide(void)
{
	int fd = file_of(0, O_LARGEFILE);
	char bytes[100], back[100];
	aio_result_t result;

	memset(bytes, 'w', sizeof(bytes));
	CHECK(STARTED(aiowrite64(fd, bytes, 100, 5LL << 30, SEEK_SET, &result)), 0, "aiowrite64 at 5 GiB");
	CHECK(outcome(&result), 100, "its bytes");
	CHECK(lseek64(fd, 0, SEEK_END), (5LL << 30) + 100, "the size");
	CHECK(STARTED(aioread64(fd, back, 100, 5LL << 30, SEEK_SET, &result)), 0, "aioread64 from there");
	CHECK(outcome(&result), 100, "its bytes");
	CHECK(memcmp(bytes, back, 100), 0, "they are right");
	memset(back, 0, 100);
	CHECK(STARTED(aioread64(fd, back, 100, -100, SEEK_END, &result)), 0, "aioread64 from the end of a large file");
	CHECK(outcome(&result), 100, "its bytes");
	CHECK(memcmp(bytes, back, 100), 0, "they are right");
	EXPECT(lseek64(fd, 5LL << 30, SEEK_SET) == 5LL << 30);
	memset(back, 0, 100);
	CHECK(STARTED(aioread(fd, back, 100, 50, SEEK_CUR, &result)), 0, "aioread from the middle of a large file");
	CHECK(outcome(&result), 50, "its bytes");
	CHECK(memcmp(bytes, back, 50), 0, "they are right");
	if (sizeof(off_t) == 8) {
		CHECK(STARTED(aioread(fd, back, 100, (off_t)(5LL << 30), SEEK_SET, &result)), 0, "aioread with a wide off_t");
		CHECK(outcome(&result), 100, "its bytes");
		CHECK(memcmp(bytes, back, 100), 0, "they are right");
	}
	EXPECT(ftruncate64(fd, 0) == 0);
}

static void from_plus(void)
{
	int fd = file_of(FILE_SIZE, 0), writer;
	char bytes[100];
	aio_result_t result;
	struct ends p = new_pipe();

	CHECK(plus_reads(fd, bytes, 100, &result), 0, "aioread of a C++ program");
	CHECK(plus_waits(10) == &result, 1, "its aiowait");
	CHECK(result_of(&result), 100, "the bytes");
	CHECK(right_bytes(bytes, 100, 0), 100, "they are right");
	waiting_read(&writer);
	fill(p.writer);
	CHECK(plus_writes_and_cancels(p.writer, bytes, 100, &result), 0, "its aiowrite and aiocancel");
	CHECK(result_of(&result), -ECANCELED, "the result");
	CHECK(plus_waits(0) == NULL, 1, "its aiowait without time");
}

const struct fact name_facts[] = {
	{ .subject = "names", .title = "all functions are in one file", .run = all_from_one_file },
	{ .subject = "names", .title = "what the header declares", .run = header },
	{ .subject = "names", .title = "offsets beyond 4 GiB", .run = wide },
	{ .subject = "names", .title = "C++", .run = from_plus },
	{ 0 },
};
