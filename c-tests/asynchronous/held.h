/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * For programs that run with LIBAIO_SUBMIT=async: memory at which a read or write stops until it is let go on, files on
 * a disk, and requests on them.
 */
#ifndef HELD_H
#define HELD_H

#include <libaio.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "../harness/blocks.h"

enum { PAGE = 4096, DEPTH = 64 };

static int faults = -1;

/* A page that whoever touches it waits for. */
static inline char *held_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register registered = { .range.len = PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED);
	if (faults < 0) {
		faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		if (faults < 0)
			SKIP("userfaultfd is refused here");
		EXPECT_EQ(ioctl(faults, UFFDIO_API, &api), 0);
	}
	registered.range.start = (unsigned long)page;
	EXPECT_EQ(ioctl(faults, UFFDIO_REGISTER, &registered), 0);
	return page;
}

/* Waits until somebody has come to a held page. */
static inline void wait_for_visitor(void)
{
	struct pollfd ready = { .fd = faults, .events = POLLIN };
	struct uffd_msg message;

	EXPECT_EQ(poll(&ready, 1, 20000), 1);
	EXPECT_EQ(read(faults, &message, sizeof(message)), sizeof(message));
	EXPECT_EQ(message.event, UFFD_EVENT_PAGEFAULT);
}

/* Lets them go on, and finds them this byte. */
static inline void let(char *page, char byte)
{
	static char bytes[PAGE] __attribute__((aligned(PAGE)));

	memset(bytes, byte, PAGE);
	struct uffdio_copy copy = { .dst = (unsigned long)page, .src = (unsigned long)bytes, .len = PAGE };
	EXPECT_EQ(ioctl(faults, UFFDIO_COPY, &copy), 0);
}

/* A file of so many pages, on a disk; its pages are 'o'. */
static inline int disk_file(int flags, int pages)
{
	int fd = temp_file(flags);
	struct statfs system;
	static char old[PAGE] __attribute__((aligned(PAGE)));

	if (fd < 0)
		SKIP("no such file at TMPDIR");
	EXPECT_EQ(fstatfs(fd, &system), 0);
	if (system.f_type == 0x01021994)
		SKIP("TMPDIR is on a tmpfs");
	memset(old, 'o', PAGE);
	for (int i = 0; i < pages; i++)
		EXPECT_EQ(pwrite(fd, old, PAGE, (off_t)i * PAGE), PAGE);
	EXPECT_EQ(fsync(fd), 0);
	return fd;
}

static inline void forget_cached(int fd)
{
	EXPECT_EQ(fsync(fd), 0);
	EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static inline char *page_of(char byte)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED);
	memset(page, byte, PAGE);
	return page;
}

/* Whether the file has only this byte in that page. */
static inline int has(int fd, int page, char byte)
{
	char bytes[PAGE];

	EXPECT_EQ(pread(fd, bytes, PAGE, (off_t)page * PAGE), PAGE);
	for (int i = 0; i < PAGE; i++)
		if (bytes[i] != byte)
			return 0;
	return 1;
}

/* A context served by the library: the kernel's AIO would stop inside io_submit. */
static inline io_context_t served_context(void)
{
	io_context_t ctx = NULL;

	EXPECT_EQ(AIO(io_setup(DEPTH, &ctx)), 0);
	/* The kernel counts its contexts from 0. */
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		EXPECT(!strstr(line, "[aio]"));
	fclose(maps);
	return ctx;
}

static inline void submit(io_context_t ctx, struct iocb *request)
{
	EXPECT_EQ(AIO(io_submit(ctx, 1, &request)), 1);
}

/* How many events are there at once, or come within so many seconds: the results. */
static inline int events_within(io_context_t ctx, double seconds, int most, struct io_event *events)
{
	struct timespec time = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	return (int)AIO(io_getevents(ctx, seconds > 0 ? most : 0, most, events, &time));
}

/* The result of the only request. */
static inline long result(io_context_t ctx, struct iocb *request)
{
	struct io_event event;

	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT(event.obj == request);
	return RES(event);
}

#endif
