/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests that io_submit refuses: which error, which error of two, and that the context is as good
 * as before. `key` tells how far the request came: the kernel clears it when the file descriptors
 * are found good, before it looks at the operation.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

/* Of <linux/aio_abi.h>, which cannot be included beside libaio.h. */
enum { FLAG_RESFD = 1, FLAG_IOPRIO = 2 };

static io_context_t ctx;
static char bytes[64];
static struct iovec piece = { bytes, sizeof(bytes) };

static void refused(struct iocb *cb, int error, int key_cleared, int line)
{
	struct io_event event;
	struct timespec at_once = { 0, 0 };

	cb->key = 77;
	long got = AIO(io_submit(ctx, 1, &cb));
	if (got != error || cb->key != (key_cleared ? 0 : 77)) {
		fprintf(stderr, "%s:%d: got %ld and key %u, wanted %d and %d\n", __FILE__, line, got,
			cb->key, error, key_cleared ? 0 : 77);
		exit(1);
	}
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, &at_once)), 0);
	expect_works(ctx);
}
#define REFUSED_EARLY(cb, error) refused((cb), (error), 0, __LINE__)
#define REFUSED(cb, error) refused((cb), (error), 1, __LINE__)

int main(void)
{
	struct iocb cb, *list[] = { &cb };
	int file = temp_file(0), efd = eventfd(0, EFD_NONBLOCK), epoll = epoll_create1(0);
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY), path = open("/tmp", O_PATH);
	int read_only = open("/dev/null", O_RDONLY), write_only = open("/dev/null", O_WRONLY);
	int closed = dup(file);

	start_watchdog();
	EXPECT(file >= 0 && efd >= 0 && epoll >= 0 && directory >= 0 && path >= 0);
	EXPECT(read_only >= 0 && write_only >= 0);
	/* Nothing below opens a file, so the number stays unused; make_events must not get it. */
	closed = fcntl(closed, F_DUPFD, 900);
	EXPECT(closed >= 900);
	close(closed);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	/* The call as a whole: the number, then the context, then nothing to do. */
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, -1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(NULL, -1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(NULL, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(NULL, 0, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit((io_context_t)-4096, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 0, list)), 0);
	EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), 0);
	/* Memory that looks like a context, even a copy of one, is none. */
	char copy[32];
	memcpy(copy, ctx, sizeof(copy));
	EXPECT_EQ(AIO(io_submit((io_context_t)copy, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit((io_context_t)((char *)ctx + 32), 1, list)), -EINVAL);
	expect_works(ctx);

	/* Reserved field and length, before the file descriptor. */
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	cb.u.c.__pad3 = 1;
	REFUSED_EARLY(&cb, -EINVAL);
	cb.aio_fildes = -1;
	REFUSED_EARLY(&cb, -EINVAL);
	io_prep_pwrite(&cb, -1, bytes, 1, 0);
	/* All 64 bits, also where size_t has 32. */
	memset((char *)&cb + offsetof(struct iocb, u.c.nbytes), 0xff, 8);
	REFUSED_EARLY(&cb, -EINVAL);

	/* File descriptors, before the operation. */
	io_prep_pwrite(&cb, -1, bytes, 1, 0);
	REFUSED_EARLY(&cb, -EBADF);
	io_prep_pwrite(&cb, closed, bytes, 1, 0);
	REFUSED_EARLY(&cb, -EBADF);
	io_prep_pread(&cb, path, bytes, 1, 0);
	REFUSED_EARLY(&cb, -EBADF);
	cb.aio_lio_opcode = 99;
	REFUSED_EARLY(&cb, -EBADF);
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	io_set_eventfd(&cb, -1);
	REFUSED_EARLY(&cb, -EBADF);
	io_set_eventfd(&cb, closed);
	REFUSED_EARLY(&cb, -EBADF);
	cb.aio_lio_opcode = 99;
	REFUSED_EARLY(&cb, -EBADF);
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	io_set_eventfd(&cb, file);
	REFUSED_EARLY(&cb, -EINVAL);

	/* Operations that there are not; 4 was planned, and IO_CMD_NOOP is not carried out. */
	int opcodes[] = { 4, IO_CMD_NOOP, 99, -1 };
	for (int i = 0; i < 4; i++) {
		io_prep_pwrite(&cb, file, bytes, 1, 0);
		cb.aio_lio_opcode = opcodes[i];
		REFUSED(&cb, -EINVAL);
	}

	/* Priority, before flags. Class 7 is none. */
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	cb.u.c.flags = FLAG_IOPRIO;
	cb.aio_reqprio = (short)(7 << 13);
	REFUSED(&cb, -EINVAL);
	cb.aio_rw_flags = 1 << 30;
	REFUSED(&cb, -EINVAL);

	/* Flags, before the direction in which the file is open. */
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	cb.aio_rw_flags = 1 << 30;
	REFUSED(&cb, -EOPNOTSUPP);
	cb.aio_fildes = read_only;
	REFUSED(&cb, -EOPNOTSUPP);
	cb.aio_rw_flags = 0;
	REFUSED(&cb, -EBADF);
	io_prep_pread(&cb, write_only, bytes, 1, 0);
	REFUSED(&cb, -EBADF);
	io_prep_preadv(&cb, write_only, &piece, 1, 0);
	REFUSED(&cb, -EBADF);
	io_prep_pwritev(&cb, read_only, &piece, 1, 0);
	REFUSED(&cb, -EBADF);

	/* Files that cannot be read or written so. */
	io_prep_pread(&cb, directory, bytes, 1, 0);
	REFUSED(&cb, -EINVAL);
	io_prep_pread(&cb, epoll, bytes, 1, 0);
	REFUSED(&cb, -EINVAL);
	io_prep_pwrite(&cb, efd, bytes, 8, 0);
	REFUSED(&cb, -EINVAL);

	/* Memory, before the offset. */
	io_prep_preadv(&cb, file, NULL, 1, -1);
	REFUSED(&cb, -EFAULT);
	io_prep_preadv(&cb, file, &piece, 1025, 0);
	REFUSED(&cb, -EINVAL);
	io_prep_pread(&cb, file, bytes, 1, -1);
	REFUSED(&cb, -EINVAL);
	io_prep_pwrite(&cb, file, bytes, 1, -1);
	REFUSED(&cb, -EINVAL);
	io_prep_pread(&cb, file, bytes, 0, -1);
	REFUSED(&cb, -EINVAL);
	io_prep_pwrite(&cb, file, bytes, 2, 0x7fffffffffffffffLL);
	REFUSED(&cb, -EINVAL);

	/* What is not asked for by its flag, or not known, is not looked at. */
	struct io_event event;
	io_prep_pwrite(&cb, file, bytes, 1, 0);
	cb.u.c.resfd = 12345;
	cb.aio_reqprio = -1;
	cb.u.c.flags = 1u << 31;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 1);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
