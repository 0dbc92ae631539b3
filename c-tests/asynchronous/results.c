/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What events say is what they say without LIBAIO_SUBMIT=async. What the cache has is read at once; so is what waits for
 * no disk. Signals come to the thread that submits.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "held.h"

static io_context_t ctx;
static volatile sig_atomic_t signals, on_submitter;
static pid_t submitter;

static void count(int number)
{
	(void)number;
	signals++;
	on_submitter += gettid() == submitter;
}

/* The result of a request whose event is there when io_submit returns. */
static long at_once(struct iocb *request)
{
	struct io_event event;

	submit(ctx, request);
	EXPECT_EQ(events_within(ctx, 0, 1, &event), 1);
	EXPECT(event.obj == request);
	return RES(event);
}

static long later(struct iocb *request)
{
	submit(ctx, request);
	return result(ctx, request);
}

/* Two pages, of which the second one cannot be touched. */
static char *half_mapped(void)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(pages != MAP_FAILED && munmap(pages + PAGE, PAGE) == 0);
	return pages;
}

static void reads(int fd)
{
	char *pages = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte = 'e';
	char *half = half_mapped();
	struct iovec many[8];
	struct iocb request;

	EXPECT_EQ(pwrite(fd, &byte, 1, 4 * PAGE), 1);
	io_prep_pread(&request, fd, pages, PAGE, PAGE);
	EXPECT_EQ(at_once(&request), PAGE);
	/* At the end of the file, and behind it. */
	io_prep_pread(&request, fd, pages, 4 * PAGE, 2 * PAGE);
	EXPECT_EQ(at_once(&request), 2 * PAGE + 1);
	EXPECT(pages[0] == 'o' && pages[2 * PAGE] == 'e');
	io_prep_pread(&request, fd, pages, PAGE, 4 * PAGE + 1);
	EXPECT_EQ(at_once(&request), 0);
	io_prep_pread(&request, fd, pages, PAGE, 1LL << 40);
	EXPECT_EQ(at_once(&request), 0);
	io_prep_pread(&request, fd, pages, 0, 0);
	EXPECT_EQ(at_once(&request), 0);
	for (int i = 0; i < 8; i++)
		many[i] = (struct iovec){ pages + i * PAGE, 100 };
	io_prep_preadv(&request, fd, many, 8, 0);
	EXPECT_EQ(at_once(&request), 800);
	io_prep_preadv2(&request, fd, many, 8, 0, RWF_NOWAIT);
	EXPECT_EQ(at_once(&request), 800);
	/* Buffers that cannot be written. */
	io_prep_pread(&request, fd, half, 2 * PAGE, 0);
	EXPECT_EQ(later(&request), PAGE);
	io_prep_pread(&request, fd, half + PAGE, PAGE, 0);
	EXPECT_EQ(later(&request), -EFAULT);
	/* What the cache has none, or only some of. */
	for (int i = 0; i < 3; i++) {
		char byte_of_it;

		forget_cached(fd);
		if (i)
			EXPECT_EQ(pread(fd, &byte_of_it, 1, i == 1 ? 0 : 2 * PAGE), 1);
		memset(pages, 0, 8 * PAGE);
		io_prep_pread(&request, fd, pages, 8 * PAGE, 0);
		EXPECT_EQ(later(&request), 4 * PAGE + 1);
		EXPECT(pages[0] == 'o' && pages[4 * PAGE - 1] == 'o' && pages[4 * PAGE] == 'e');
		forget_cached(fd);
		io_prep_preadv(&request, fd, many, 8, 100);
		EXPECT_EQ(later(&request), 800);
		forget_cached(fd);
		io_prep_pread(&request, fd, half, 2 * PAGE, 0);
		EXPECT_EQ(later(&request), PAGE);
	}
	/* The kernel may have begun to read it by then. */
	forget_cached(fd);
	io_prep_preadv2(&request, fd, many, 8, 0, RWF_NOWAIT);
	long got = at_once(&request);
	EXPECT(got == -EAGAIN || (got > 0 && got <= 800));
	puts("reads");
}

static void writes(int fd)
{
	char *half = half_mapped(), *page = page_of('w');
	struct iovec many[8];
	struct iocb request;
	int read_only = reopen(fd, O_RDONLY);

	for (int i = 0; i < 8; i++)
		many[i] = (struct iovec){ page + 200 * i, 100 };
	memset(half, 'h', PAGE);
	io_prep_pwrite(&request, fd, page, PAGE, 0);
	EXPECT_EQ(later(&request), PAGE);
	EXPECT(has(fd, 0, 'w'));
	io_prep_pwritev(&request, fd, many, 8, PAGE);
	EXPECT_EQ(later(&request), 800);
	io_prep_pwritev2(&request, fd, many, 8, PAGE, RWF_DSYNC);
	EXPECT_EQ(later(&request), 800);
	io_prep_pwrite(&request, fd, page, 0, 0);
	EXPECT_EQ(later(&request), 0);
	io_prep_pwrite(&request, fd, half, 2 * PAGE, 0);
	EXPECT_EQ(later(&request), PAGE);
	EXPECT(has(fd, 0, 'h'));
	io_prep_pwrite(&request, fd, half + PAGE, PAGE, 0);
	EXPECT_EQ(later(&request), -EFAULT);
	io_prep_pwrite(&request, fd, page, PAGE, 0x7ffffffffffff000 - PAGE);
	EXPECT_EQ(later(&request), -EFBIG);
	/* io_submit refuses what it has always refused. */
	struct iocb *list = &request;
	io_prep_pwrite(&request, read_only, page, PAGE, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), -EBADF);
	io_prep_pwrite(&request, fd, page, PAGE, -1);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), -EINVAL);
	io_prep_pwritev2(&request, fd, many, 8, 0, 1 << 30);
	EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), -EOPNOTSUPP);
	/* A priority of no class; the class "idle". */
	io_prep_pwrite(&request, fd, page, PAGE, 0);
	request.u.c.flags |= IOCB_FLAG_IOPRIO;
	request.aio_reqprio = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), -EINVAL);
	request.aio_reqprio = (short)(3 << 13);
	EXPECT_EQ(later(&request), PAGE);
	close(read_only);
	puts("writes");
}

static void signalled(int fd)
{
	int event = eventfd(0, EFD_NONBLOCK), pipes[2];
	char *page = held_page();
	struct iocb held, read, write, *list[] = { &held, &read };
	struct io_event events[2];
	eventfd_t value;

	io_prep_pwrite(&held, fd, page, PAGE, 0);
	io_set_eventfd(&held, event);
	io_prep_pread(&read, fd, page_of(0), PAGE, 0);
	io_set_eventfd(&read, event);
	EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
	wait_for_visitor();
	EXPECT(eventfd_read(event, &value) == -1 && errno == EAGAIN);
	/* As a request in flight of the kernel's. */
	EXPECT_EQ(AIO(io_cancel(ctx, &held, events)), -EINVAL);
	EXPECT_EQ(AIO(io_cancel(ctx, &read, events)), -EINVAL);
	/* Pipes do not wait for disks. */
	EXPECT_EQ(pipe(pipes), 0);
	io_prep_pwrite(&write, pipes[1], page_of('p'), 4, 0);
	EXPECT_EQ(at_once(&write), 4);
	let(page, 's');
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 2, events, NULL)), 2);
	EXPECT(eventfd_read(event, &value) == 0 && value == 2);
	EXPECT(has(fd, 0, 's'));
	close(event);
	puts("eventfds");
}

static void size_limit(int fd)
{
	struct rlimit before, small;
	char *page = held_page();
	int appending = reopen(fd, O_WRONLY | O_APPEND);
	struct iocb held, request, append;
	struct io_event events[2];

	EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 8 * PAGE + 100;
	submitter = gettid();
	signal(SIGXFSZ, count);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	io_prep_pwrite(&request, fd, page_of('l'), PAGE, 8 * PAGE + 100);
	EXPECT_EQ(at_once(&request), -EFBIG);
	EXPECT(signals == 1 && on_submitter == 1);
	io_prep_pwrite(&request, fd, page_of('l'), PAGE, 8 * PAGE);
	EXPECT_EQ(later(&request), 100);
	EXPECT_EQ(signals, 1);
	io_prep_pwrite(&append, appending, page_of('l'), PAGE, 0);
	EXPECT_EQ(at_once(&append), -EFBIG);
	EXPECT(signals == 2 && on_submitter == 2);
	EXPECT_EQ(ftruncate(fd, 4 * PAGE), 0);
	/* Where the end is does the one before decide: the caller waits for it. */
	io_prep_pwrite(&held, fd, page, PAGE, 4 * PAGE);
	submit(ctx, &held);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		usleep(50000);
		let(page, '1');
		_exit(0);
	}
	submit(ctx, &append);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 2, events, NULL)), 2);
	EXPECT(RES(events[0]) == PAGE && RES(events[1]) == PAGE);
	EXPECT_EQ(status_within(child, 10), 0);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
	EXPECT(has(fd, 4, '1') && has(fd, 5, 'l'));
	close(appending);
	puts("the limit of sizes");
}

int main(void)
{
	start_watchdog();
	ctx = served_context();
	int fd = disk_file(0, 4);
	reads(fd);
	writes(fd);
	signalled(fd);
	size_limit(fd);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
