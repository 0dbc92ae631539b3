/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which functions there are, and those of two widths. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>

#include "request.h"

static const char *const names[] = {
	"aio_cancel", "aio_error", "aio_fsync", "aio_init", "aio_read", "aio_return", "aio_suspend", "aio_write",
	"aio_cancel64", "aio_error64", "aio_fsync64", "aio_read64", "aio_return64", "aio_suspend64", "aio_write64",
	"lio_listio", "lio_listio64",
};

/* This fact is about the library under test: run.sh gives its file. */
static void all_from_one_file(void)
{
	char wanted[PATH_MAX], found[PATH_MAX];
	int right = 0;

	if (!library)
		skip_fact("nobody says which library it is");
	EXPECT(realpath(*library ? library : self, wanted));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *address = dlsym(RTLD_DEFAULT, names[i]);
		Dl_info info;

		if (!*library && !address)
			continue; /* a static library's functions are the program's, and no others' */
		CHECK(address && dladdr(address, &info) && realpath(info.dli_fname, found) && !strcmp(found, wanted), 1,
		      "dlsym finds %s there", names[i]);
		right++;
	}
	if (*library)
		CHECK(right, 17, "names");
	else
		CHECK(dladdr((void *)(uintptr_t)aio_read, &(Dl_info){ 0 }), 1, "the program's own");
}

static void wide(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];
	struct aiocb64 cb, *batch[] = { &cb };
	const struct aiocb64 *list[] = { &cb };

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fd;
	cb.aio_buf = bytes;
	cb.aio_nbytes = 100;
	cb.aio_offset = 12345;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	CHECK(aio_read64(&cb), 0, "aio_read64");
	CHECK(aio_suspend64(list, 1, NULL), 0, "aio_suspend64");
	CHECK(aio_error64(&cb), 0, "aio_error64");
	CHECK(aio_return64(&cb), 100, "aio_return64");
	CHECK(right_bytes(bytes, 100, 12345), 100, "its bytes");
	cb.aio_offset = 5LL << 30;
	CHECK(aio_write64(&cb), 0, "aio_write64 at 5 GiB");
	CHECK(aio_suspend64(list, 1, NULL), 0, "aio_suspend64");
	CHECK(aio_error64(&cb), 0, "aio_error64");
	CHECK(aio_return64(&cb), 100, "aio_return64");
	CHECK(lseek64(fd, 0, SEEK_END), (5LL << 30) + 100, "the size");
	memset(bytes, 0, 100);
	CHECK(aio_read64(&cb), 0, "aio_read64 from there");
	CHECK(aio_suspend64(list, 1, NULL), 0, "aio_suspend64");
	CHECK(right_bytes(bytes, 100, 12345), 100, "its bytes");
	CHECK(aio_fsync64(O_DSYNC, &cb), 0, "aio_fsync64");
	CHECK(aio_suspend64(list, 1, NULL), 0, "aio_suspend64");
	CHECK(aio_return64(&cb), 0, "aio_return64");
	CHECK(aio_cancel64(fd, &cb), AIO_ALLDONE, "aio_cancel64");
	cb.aio_lio_opcode = LIO_READ;
	memset(bytes, 0, 100);
	CHECK(lio_listio64(LIO_WAIT, batch, 1, NULL), 0, "lio_listio64");
	CHECK(right_bytes(bytes, 100, 12345), 100, "its bytes");
	cb.aio_lio_opcode = LIO_WRITE;
	cb.aio_offset = 6LL << 30;
	CHECK(lio_listio64(LIO_WAIT, batch, 1, NULL), 0, "lio_listio64, a write at 6 GiB");
	CHECK(lseek64(fd, 0, SEEK_END), (6LL << 30) + 100, "the size");
	EXPECT(ftruncate64(fd, 0) == 0);
}

static void wide_direct(void)
{
	int fd = direct_file(0, 0);
	char *bytes = pages(PAGE), *back = pages(PAGE);
	struct aiocb64 cb, *batch[] = { &cb };
	const struct aiocb64 *list[] = { &cb };

	memset(&cb, 0, sizeof(cb));
	memset(bytes, 'd', PAGE);
	cb.aio_fildes = fd;
	cb.aio_buf = bytes;
	cb.aio_nbytes = PAGE;
	cb.aio_offset = 5LL << 30;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	CHECK(aio_write64(&cb), 0, "aio_write64 at 5 GiB");
	CHECK(aio_suspend64(list, 1, NULL), 0, "aio_suspend64");
	CHECK(aio_return64(&cb), PAGE, "aio_return64");
	CHECK(lseek64(fd, 0, SEEK_END), (5LL << 30) + PAGE, "the size");
	cb.aio_buf = back;
	cb.aio_lio_opcode = LIO_READ;
	CHECK(lio_listio64(LIO_WAIT, batch, 1, NULL), 0, "lio_listio64 from there");
	CHECK(memcmp(bytes, back, PAGE), 0, "its bytes");
	EXPECT(ftruncate64(fd, 0) == 0);
}

/* What is behind a narrow offset is none of it. */
static void narrow(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[100];
	struct aiocb cb;

	if (sizeof(off_t) == sizeof(int64_t))
		skip_fact("all offsets have 64 bits here");
	memset(&cb, 0xff, sizeof(cb));
	cb.aio_fildes = fd;
	cb.aio_buf = bytes;
	cb.aio_nbytes = 100;
	cb.aio_offset = 500;
	cb.aio_reqprio = 0;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	CHECK(outcome_of_read(&cb), 100, "a read");
	CHECK(right_bytes(bytes, 100, 500), 100, "its bytes");
	CHECK(outcome_of_write(&cb), 100, "a write");
	CHECK(lseek(fd, 0, SEEK_END), FILE_SIZE, "the size");
}

/* Of programs of 32 bits that have time_t of 64. */
static void time64(void)
{
	struct wide_time {
		int64_t seconds;
		int32_t nanoseconds, padding;
	};
	union {
		void *address;
		int (*function)(const struct aiocb *const[], int, const struct wide_time *);
	} suspend64 = { dlvsym(RTLD_DEFAULT, "__aio_suspend_time64", "GLIBC_2.34") };
	int writer;
	struct aiocb *waiting = waiting_read(&writer);
	const struct aiocb *list[] = { waiting };
	double begin = now();

	if (sizeof(long) == 8)
		skip_fact("all times have 64 bits here");
	CHECK(suspend64.address != NULL, 1, "__aio_suspend_time64");
	if (!suspend64.address)
		return;
	CHECK(suspend64.function(list, 1, &(struct wide_time){ 0, 0, 0 }) == -1 ? errno : 0, EAGAIN, "a timeout of 0");
	CHECK(suspend64.function(list, 1, &(struct wide_time){ 0, 30000000, 0 }) == -1 ? errno : 0, EAGAIN, "30 ms");
	CHECK(now() - begin >= 0.0299, 1, "which pass");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(suspend64.function(list, 1, &(struct wide_time){ 1LL << 33, 0, 0 }), 0, "272 years");
	CHECK(suspend64.function(list, 1, NULL), 0, "none");
	CHECK(suspend64.function(list, -1, NULL) == -1 ? errno : 0, EINVAL, "a length of -1");
}

const struct fact name_facts[] = {
	{ "names", "all from one file", all_from_one_file, SAME, 0 },
	{ "names", "the *64 functions", wide, SAME, 0 },
	{ "names", "the *64 functions on direct files", wide_direct, SAME, 0 },
	{ "names", "offsets of 32 bits", narrow, SAME, 0 },
	{ "names", "times of 64 bits", time64, SAME, 0 },
	{ 0 },
};
