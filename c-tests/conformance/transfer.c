/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads and writes: what io_submit refuses, and what comes as an event. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kinds.h"
#include "memory.h"
#include "request.h"
#include "transfer_row.h"

#define MANY_BYTES 0x7ffff000LL /* the most that one request moves */
#define EXT4_MAGIC 0xef53

static int on_ext4(void)
{
	struct statfs fs;

	return statfs(directory, &fs) == 0 && fs.f_type == EXT4_MAGIC;
}

uint64_t buffer_address(enum buffer buffer)
{
	static char *good, *edge;

	if (!good) {
		good = before_hole(FILE_SIZE / PAGE);
		edge = before_hole(1);
	}
	switch (buffer) {
	case GOOD:
		return address(good);
	case ODD:
		return address(good + 1);
	case NONE:
		return 0;
	case ABOVE:
		return BEYOND_64;
	case HOLE:
		return address(edge + PAGE);
	case HALF:
		return address(edge + PAGE - 2048);
	case READ_ONLY:
		return address(read_only("", 1));
	}
	return 0;
}

void run_rows(const struct row *rows, size_t count)
{
	io_context_t ctx = context(128);

	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		int fd = open_kind(row->on);
		/* Some polls stay in flight. */
		struct request *r = malloc(sizeof(*r));

		if (fd < 0 && row->on != MINUS_ONE) {
			SKIP_CHECK(strerror(errno), "%s, %s", kind_name(row->on), row->name);
			continue;
		}
		if (row->only_ext4 && !on_ext4()) {
			SKIP_CHECK("the file system is not ext4", "%s, %s", kind_name(row->on), row->name);
			continue;
		}
		EXPECT(r != NULL);
		*r = request(row->op, fd, NULL, row->nbytes, row->offset);
		r->buf = row->raw ? row->raw : buffer_address(row->buffer);
		r->rw_flags = row->rw_flags;
		r->flags = row->priority ? IOCB_FLAG_IOPRIO : 0;
		r->priority = (int16_t)row->priority;
		if (row->want == NO_EVENT) {
			struct io_event event;
			long got = submit(ctx, r);

			CHECK(got == 1 ? get(ctx, 1, 1, &event, 0.02) : SYNC(-got), 0,
			      "%s, %s: taken, and pending", kind_name(row->on), row->name);
			if (got == 1 && AIO(io_cancel(ctx, iocb(r), &event)) == -EINPROGRESS)
				get(ctx, 1, 1, &event, PATIENCE);
			continue;
		}
		CHECK(outcome(ctx, r), row->want, "%s, %s", kind_name(row->on), row->name);
		close(fd);
		free(r);
	}
}

#define PREAD IO_CMD_PREAD
#define PWRITE IO_CMD_PWRITE
#define PRIO(class, level) ((class) << 13 | (level))

/* In the order in which it is looked at; pairs say which comes first. */
static const struct row refused[] = {
	{ "priority class 0, level 1", PWRITE, BUFFERED, .priority = PRIO(0, 1), .want = SYNC(EINVAL) },
	{ "priority class 4", PWRITE, BUFFERED, .priority = PRIO(4, 0), .want = SYNC(EINVAL) },
	{ "priority class 7", PWRITE, BUFFERED, .priority = (short)PRIO(7, 0), .want = SYNC(EINVAL) },
	{ "priority -1", PREAD, BUFFERED, .priority = -1, .want = SYNC(EINVAL) },
	{ "priority best effort 0", PREAD, BUFFERED, .nbytes = 8, .priority = PRIO(2, 0), .want = 8 },
	{ "priority best effort 7", PREAD, BUFFERED, .nbytes = 8, .priority = PRIO(2, 7), .want = 8 },
	{ "priority idle", PREAD, BUFFERED, .nbytes = 8, .priority = PRIO(3, 0), .want = 8 },
	{ "bad priority and bad rw_flags", PREAD, BUFFERED, .priority = -1, .rw_flags = 0x40000000,
	  .want = SYNC(EINVAL) },
	{ "unknown rw_flag 0x40000000", PREAD, BUFFERED, .nbytes = 8, .rw_flags = 0x40000000,
	  .want = SYNC(EOPNOTSUPP) },
	{ "unknown rw_flag 0x80000000", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 0x80000000,
	  .want = SYNC(EOPNOTSUPP) },
	{ "all rw_flags", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 0xffffffff,
	  .want = SYNC(EOPNOTSUPP) },
	{ "unknown rw_flag, write", PWRITE, BUFFERED_READ, .nbytes = 8, .rw_flags = 0x40000000,
	  .want = SYNC(EOPNOTSUPP) },
	{ "unknown rw_flag, read", PREAD, DIRECTORY, .nbytes = 8, .rw_flags = 0x40000000,
	  .want = SYNC(EOPNOTSUPP) },
	{ "RWF_HIPRI", PREAD, BUFFERED, .nbytes = 8, .rw_flags = 1, .want = 8 },
	{ "RWF_DSYNC", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 2, .want = 8 },
	{ "RWF_SYNC", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 4, .want = 8 },
	{ "RWF_DSYNC, read", PREAD, BUFFERED, .nbytes = 8, .rw_flags = 2, .want = 8 },
	{ "RWF_APPEND", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 16, .want = 8 },
	{ "RWF_NOWAIT, write", PWRITE, BUFFERED, .nbytes = 8, .rw_flags = 8, .only_ext4 = 1,
	  .want = -EOPNOTSUPP },
	{ "RWF_NOWAIT, read of what is cached", PREAD, BUFFERED, .nbytes = 8, .rw_flags = 8,
	  .only_ext4 = 1, .want = 8 },
	{ "RWF_NOWAIT, write of 0 bytes", PWRITE, BUFFERED, .rw_flags = 8, .only_ext4 = 1, .want = -EOPNOTSUPP },
	{ "RWF_NOWAIT, write of 0 bytes", PWRITE, BUFFERED_WRITE, .rw_flags = 8, .only_ext4 = 1, .want = -EOPNOTSUPP },
	{ "RWF_NOWAIT with RWF_APPEND, write of 0 bytes", PWRITE, BUFFERED, .rw_flags = 8 | 16, .only_ext4 = 1,
	  .want = -EOPNOTSUPP },
	{ "RWF_NOWAIT, writev of no buffer", IO_CMD_PWRITEV, BUFFERED, .rw_flags = 8, .only_ext4 = 1,
	  .want = -EOPNOTSUPP },
	{ "RWF_NOWAIT, read of 0 bytes", PREAD, BUFFERED, .rw_flags = 8, .only_ext4 = 1, .want = 0 },
	{ "RWF_NOWAIT, write of 0 bytes", PWRITE, DIRECT, .rw_flags = 8, .only_ext4 = 1, .want = 0 },
	{ "RWF_NOWAIT, write", PWRITE, TMPFS, .nbytes = 8, .rw_flags = 8,
	  .want = SYNC(EOPNOTSUPP) },
	{ "RWF_NOWAIT, read", PREAD, TMPFS, .nbytes = 8, .rw_flags = 8, .want = SYNC(EOPNOTSUPP) },
	{ "RWF_NOWAIT, write of 0 bytes", PWRITE, TMPFS, .rw_flags = 8, .want = SYNC(EOPNOTSUPP) },
	{ "RWF_NOWAIT, read of 0 bytes", PREAD, TMPFS, .rw_flags = 8, .want = SYNC(EOPNOTSUPP) },
	{ "RWF_NOWAIT, read", PREAD, PTY_READABLE, .nbytes = 8, .rw_flags = 8,
	  .want = SYNC(EOPNOTSUPP) },
	{ "RWF_NOWAIT", PREAD, PIPE_EMPTY, .nbytes = 8, .rw_flags = 8, .want = -EAGAIN },
	{ "RWF_NOWAIT", PREAD, PIPE_READABLE, .nbytes = 8, .rw_flags = 8, .want = 3 },
	{ "RWF_NOWAIT, overwriting", PWRITE, DIRECT, .nbytes = 4096, .rw_flags = 8, .only_ext4 = 1,
	  .want = 4096 },
	{ "RWF_NOWAIT, extending", PWRITE, DIRECT, .nbytes = 4096, .offset = FILE_SIZE, .rw_flags = 8,
	  .only_ext4 = 1, .want = -EAGAIN },
	{ "RWF_NOWAIT and kernel address", PREAD, PTY, ABOVE, .nbytes = 8, .rw_flags = 8,
	  .want = SYNC(EOPNOTSUPP) },

	{ "write", PWRITE, BUFFERED_READ, .nbytes = 8, .want = SYNC(EBADF) },
	{ "read", PREAD, BUFFERED_WRITE, .nbytes = 8, .want = SYNC(EBADF) },
	{ "write of 0 bytes", PWRITE, BUFFERED_READ, .want = SYNC(EBADF) },
	{ "writev", IO_CMD_PWRITEV, BUFFERED_READ, .want = SYNC(EBADF) },
	{ "readv", IO_CMD_PREADV, BUFFERED_WRITE, .want = SYNC(EBADF) },
	{ "write", PWRITE, PIPE_EMPTY, .nbytes = 8, .want = SYNC(EBADF) },
	{ "read", PREAD, PIPE_WRITABLE, .nbytes = 8, .want = SYNC(EBADF) },
	{ "write", PWRITE, DIRECTORY, .nbytes = 8, .want = SYNC(EBADF) },
	{ "write from above, offset -1", PWRITE, BUFFERED_READ, ABOVE, .nbytes = 8, .offset = -1,
	  .want = SYNC(EBADF) },

	{ "read", PREAD, DIRECTORY, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read of 0 bytes", PREAD, DIRECTORY, .want = SYNC(EINVAL) },
	{ "readv", IO_CMD_PREADV, DIRECTORY, .want = SYNC(EINVAL) },
	{ "read", PREAD, EPOLL, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, EPOLL, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read", PREAD, INOTIFY, .nbytes = 64, .want = SYNC(EINVAL) },
	{ "read", PREAD, PIDFD, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read", PREAD, PROC_STAT, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read", PREAD, PROC_MAPS, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read", PREAD, PROC_MEM, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, PROC_MEM, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read", PREAD, KMSG, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, EVENTFD_ZERO, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, TIMERFD, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, SIGNALFD, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "write", PWRITE, FULL_DEVICE, .nbytes = 8, .want = SYNC(EINVAL) },
	{ "read to above", PREAD, DIRECTORY, ABOVE, .nbytes = 8, .want = SYNC(EINVAL) },

	{ "read to above", PREAD, BUFFERED, ABOVE, .nbytes = 8, .want = SYNC(EFAULT) },
	{ "write from above", PWRITE, BUFFERED, ABOVE, .nbytes = 8, .want = SYNC(EFAULT) },
	{ "read to above, O_DIRECT", PREAD, DIRECT, ABOVE, .nbytes = 4096, .want = SYNC(EFAULT) },
	{ "write from above", PWRITE, NULL_DEVICE, ABOVE, .nbytes = 8, .want = SYNC(EFAULT) },
	{ "write of 0 bytes from above", PWRITE, NULL_DEVICE, ABOVE, .want = SYNC(EFAULT) },
	{ "write from above, offset -1", PWRITE, BUFFERED, ABOVE, .nbytes = 8, .offset = -1,
	  .want = SYNC(EFAULT) },

	{ "read, offset -1", PREAD, BUFFERED, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "write, offset -1", PWRITE, BUFFERED, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset LLONG_MIN", PREAD, BUFFERED, .nbytes = 8, .offset = LLONG_MIN, .want = SYNC(EINVAL) },
	{ "0 bytes, offset -1", PREAD, BUFFERED, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset -1", PWRITE, NULL_DEVICE, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset -1", PREAD, ZERO_DEVICE, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset -1", PREAD, PIPE_READABLE, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset -1", PREAD, SOCKET_READABLE, .nbytes = 8, .offset = -1, .want = SYNC(EINVAL) },
	{ "offset -1, O_DIRECT", PREAD, DIRECT, .nbytes = 4096, .offset = -1, .want = SYNC(EINVAL) },
	{ "the end overflows", PREAD, BUFFERED, .nbytes = 8, .offset = LLONG_MAX - 7,
	  .want = SYNC(EINVAL) },
	{ "the end is the largest offset", PREAD, BUFFERED, .nbytes = 8, .offset = LLONG_MAX - 8,
	  .want = 0 },
	{ "the end overflows", PWRITE, NULL_DEVICE, .nbytes = 8, .offset = LLONG_MAX,
	  .want = SYNC(EINVAL) },
};

static const struct row as_events[] = {
	{ "read", PREAD, BUFFERED, .nbytes = 4096, .want = 4096 },
	{ "write", PWRITE, BUFFERED, .nbytes = 4096, .want = 4096 },
	{ "read of 0 bytes", PREAD, BUFFERED, .want = 0 },
	{ "write of 0 bytes", PWRITE, BUFFERED, .want = 0 },
	{ "read of 0 bytes to NULL", PREAD, BUFFERED, NONE, .want = 0 },
	{ "read at an odd address and offset", PREAD, BUFFERED, ODD, .nbytes = 77, .offset = 99,
	  .want = 77 },
	{ "read across the end", PREAD, BUFFERED, .nbytes = 4096, .offset = FILE_SIZE - 100,
	  .want = 100 },
	{ "read at the end", PREAD, BUFFERED, .nbytes = 4096, .offset = FILE_SIZE, .want = 0 },
	{ "read far behind the end", PREAD, BUFFERED, .nbytes = 4096, .offset = 1LL << 40, .want = 0 },
	{ "write behind the end", PWRITE, BUFFERED, .nbytes = 10, .offset = FILE_SIZE + 1000,
	  .want = 10 },
	{ "read to a hole in memory", PREAD, BUFFERED, HOLE, .nbytes = 4096, .want = -EFAULT },
	{ "write from a hole in memory", PWRITE, BUFFERED, HOLE, .nbytes = 4096, .want = -EFAULT },
	{ "read to NULL", PREAD, BUFFERED, NONE, .nbytes = 8, .want = -EFAULT },
	{ "write from NULL", PWRITE, BUFFERED, NONE, .nbytes = 8, .want = -EFAULT },
	{ "read to what is read-only", PREAD, BUFFERED, READ_ONLY, .nbytes = 4096, .want = -EFAULT },
	{ "write from what is read-only", PWRITE, BUFFERED, READ_ONLY, .nbytes = 4096, .want = 4096 },
	{ "read to half a buffer", PREAD, BUFFERED, HALF, .nbytes = 4096, .want = 2048 },
	{ "write from half a buffer", PWRITE, BUFFERED, HALF, .nbytes = 4096, .only_ext4 = 1,
	  .want = 2048 },
	{ "write of 0x7ffff000 bytes", PWRITE, NULL_DEVICE, .nbytes = MANY_BYTES, .want = MANY_BYTES },
	{ "write of 0x7ffff001 bytes is cut", PWRITE, NULL_DEVICE, .nbytes = MANY_BYTES + 1,
	  .want = MANY_BYTES },
	{ "write of 0xffffffff bytes is cut", PWRITE, NULL_DEVICE, .nbytes = 0xffffffff,
	  .want = MANY_BYTES },
	{ "write of 2^63-1 bytes is cut", PWRITE, NULL_DEVICE, .nbytes = LLONG_MAX, .want = MANY_BYTES },
	{ "write at the largest offset", PWRITE, BUFFERED, .nbytes = 8, .offset = LLONG_MAX - 4096,
	  .only_ext4 = 1, .want = -EFBIG },
	{ "read at the largest offset", PREAD, BUFFERED, .nbytes = 8, .offset = LLONG_MAX - 4096,
	  .want = 0 },

	{ "read", PREAD, DIRECT, .nbytes = 4096, .want = 4096 },
	{ "read of all", PREAD, DIRECT, .nbytes = FILE_SIZE, .want = FILE_SIZE },
	{ "write", PWRITE, DIRECT, .nbytes = 8192, .offset = 4096, .want = 8192 },
	{ "read of 0 bytes", PREAD, DIRECT, .want = 0 },
	{ "write, RWF_DSYNC", PWRITE, DIRECT, .nbytes = 4096, .rw_flags = 2, .want = 4096 },
	{ "read, RWF_HIPRI", PREAD, DIRECT, .nbytes = 4096, .rw_flags = 1, .want = 4096 },
	{ "read, priority idle", PREAD, DIRECT, .nbytes = 4096, .priority = PRIO(3, 0), .want = 4096 },
	{ "readv of no buffer", IO_CMD_PREADV, DIRECT, .want = 0 },
	{ "extending write", PWRITE, DIRECT, .nbytes = 8192, .offset = FILE_SIZE, .want = 8192 },
	{ "read, length 100", PREAD, DIRECT, .nbytes = 100, .only_ext4 = 1, .want = -EINVAL },
	{ "read, offset 100", PREAD, DIRECT, .nbytes = 4096, .offset = 100, .only_ext4 = 1,
	  .want = -EINVAL },
	{ "read, odd buffer", PREAD, DIRECT, ODD, .nbytes = 4096, .only_ext4 = 1, .want = -EINVAL },
	{ "read across the end", PREAD, DIRECT, .nbytes = 8192, .offset = FILE_SIZE - 4096,
	  .want = 4096 },
	{ "read at the end", PREAD, DIRECT, .nbytes = 4096, .offset = FILE_SIZE, .want = 0 },
	{ "read at the end, odd", PREAD, DIRECT, ODD, .nbytes = 100, .offset = FILE_SIZE + 3,
	  .only_ext4 = 1, .want = 0 },
	{ "read to a hole in memory", PREAD, DIRECT, HOLE, .nbytes = 4096, .want = -EFAULT },
	{ "write from a hole in memory", PWRITE, DIRECT, HOLE, .nbytes = 4096, .want = -EFAULT },
	{ "read to what is read-only", PREAD, DIRECT, READ_ONLY, .nbytes = 4096, .want = -EFAULT },
};

/* What the arrays of buffers may hold. */
static void vectors(void)
{
	static struct iovec many[1025];
	io_context_t ctx = context(8);
	int fd = open_kind(BUFFERED), null = open_kind(NULL_DEVICE);
	char *bytes = before_hole(4);
	struct iovec one = { bytes, 512 }, two[2] = { { bytes, 512 }, { bytes + 512, 100 } };
	struct iovec negative = { bytes, (size_t)-1 }, above = { BEYOND, 8 }, in_hole = { hole(), 8 };
	static const char half_good[] = "a good one and one in a hole";
	struct iovec good_then_hole[2] = { { bytes, 512 }, { hole(), 512 } };
	struct iovec good_then_above[2] = { { bytes, 512 }, { BEYOND, 8 } };
	struct iovec empty[2] = { { bytes, 0 }, { bytes, 8 } };
	char *last = before_hole(1) + PAGE - sizeof(one);
	const struct {
		const char *name;
		const void *array;
		uint64_t count;
		int64_t offset;
		long long want;
	} rows[] = {
		{ "one buffer", &one, 1, 0, 512 },
		{ "two buffers", two, 2, 0, 612 },
		{ "no buffer", &one, 0, 0, 0 },
		{ "no buffer and no array", NULL, 0, 0, 0 },
		{ "one buffer and no array", NULL, 1, 0, SYNC(EFAULT) },
		{ "an array in a hole", hole(), 1, 0, SYNC(EFAULT) },
		{ "an array above the program's memory", BEYOND, 1, 0, SYNC(EFAULT) },
		{ "an array that ends in a hole", last, 2, 0, SYNC(EFAULT) },
		{ "1024 buffers", many, 1024, 0, 1024 },
		{ "1025 buffers", many, 1025, 0, SYNC(EINVAL) },
		{ "1025 buffers and no array", NULL, 1025, 0, SYNC(EINVAL) },
		{ "2^31 buffers", many, 1ULL << 31, 0, SYNC(EINVAL) },
		{ "2^32 buffers are none", &one, 1ULL << 32, 0, 0 },
		{ "2^32 + 1 buffers are one", &one, (1ULL << 32) + 1, 0, 512 },
		{ "2^63 buffers", &one, 1ULL << 63, 0, SYNC(EINVAL) },
		{ "a negative length", &negative, 1, 0, SYNC(EINVAL) },
		{ "a buffer in a hole", &in_hole, 1, 0, -EFAULT },
		{ half_good, good_then_hole, 2, 0, 512 },
		{ "an empty one first", empty, 2, 0, 8 },
		{ "offset -1", &one, 1, -1, SYNC(EINVAL) },
		{ "no array and offset -1", NULL, 1, -1, SYNC(EFAULT) },
		{ "a negative length and offset -1", &negative, 1, -1, SYNC(EINVAL) },
		{ "no buffer and offset -1", NULL, 0, -1, SYNC(EINVAL) },
	};

	for (int i = 0; i < 1025; i++)
		many[i] = (struct iovec){ bytes, 1 };
	memcpy(last, &one, sizeof(one));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct request r = request(IO_CMD_PREADV, fd, rows[i].array, rows[i].count,
					   rows[i].offset);

		CHECK(outcome(ctx, &r), rows[i].want, "readv: %s", rows[i].name);
		r.op = IO_CMD_PWRITEV;
		long long want = rows[i].want;
		/* btrfs writes all or nothing. */
		if (rows[i].name == half_good && pwritev(fd, good_then_hole, 2, 0) < 0)
			want = -errno;
		CHECK(outcome(ctx, &r), want, "writev: %s", rows[i].name);
	}
	/* A 32-bit program's pointers cannot say such an address. */
	if (sizeof(void *) == 8) {
		struct request r = request(IO_CMD_PREADV, fd, &above, 1, 0);

		CHECK(outcome(ctx, &r), SYNC(EFAULT), "readv: a buffer above the program's memory");
		r = request(IO_CMD_PREADV, fd, good_then_above, 2, 0);
		CHECK(outcome(ctx, &r), SYNC(EFAULT), "readv: a good one and one above");
	}
	struct iovec huge[2] = { { bytes, MANY_BYTES }, { bytes, MANY_BYTES } };
	struct request r = request(IO_CMD_PWRITEV, null, huge, 2, 0);
	CHECK(outcome(ctx, &r), MANY_BYTES, "writev: the sum is cut to 0x7ffff000");
}

static void contents(void)
{
	io_context_t ctx = context(8);
	static const enum kind kinds[] = { BUFFERED, DIRECT };

	for (size_t k = 0; k < 2; k++) {
		int fd = open_kind(kinds[k]), right = 1;
		unsigned char *bytes = (unsigned char *)before_hole(4), *other = bytes + 2 * PAGE;

		if (fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "%s", kind_name(kinds[k]));
			continue;
		}
		struct request r = request(PREAD, fd, bytes, 2 * PAGE, 4096);
		CHECK(outcome(ctx, &r), 2 * PAGE, "%s, read", kind_name(kinds[k]));
		for (size_t i = 0; i < 2 * PAGE; i++)
			right &= bytes[i] == pattern(4096 + i);
		CHECK(right, 1, "%s, the file's bytes are read", kind_name(kinds[k]));

		memset(bytes, 0xab, PAGE);
		r = request(PWRITE, fd, bytes, PAGE, 8192);
		CHECK(outcome(ctx, &r), PAGE, "%s, write", kind_name(kinds[k]));
		memset(bytes, 0xcd, PAGE);
		CHECK(pread(fd, other, PAGE, 8192), PAGE, "%s, pread", kind_name(kinds[k]));
		right = 1;
		for (size_t i = 0; i < PAGE; i++)
			right &= other[i] == 0xab;
		CHECK(right, 1, "%s, the bytes are written", kind_name(kinds[k]));
		CHECK(lseek(fd, 0, SEEK_CUR), 0, "%s, the file's position stays",
		      kind_name(kinds[k]));

		struct iovec iov[2] = { { other, PAGE }, { bytes, PAGE } };
		r = request(IO_CMD_PREADV, fd, iov, 2, 0);
		CHECK(outcome(ctx, &r), 2 * PAGE, "%s, readv", kind_name(kinds[k]));
		right = 1;
		for (size_t i = 0; i < PAGE; i++)
			right &= other[i] == pattern(i) && bytes[i] == pattern(PAGE + i);
		CHECK(right, 1, "%s, the buffers are filled in order", kind_name(kinds[k]));
	}
}

static volatile sig_atomic_t signals_seen;
static volatile pid_t signal_thread;

static void count_signal(int number)
{
	(void)number;
	signals_seen++;
	signal_thread = gettid();
}

static void broken_pipes(void)
{
	io_context_t ctx = context(8);
	static const enum kind kinds[] = { PIPE_BROKEN, SOCKET_BROKEN };
	struct sigaction action = { .sa_handler = count_signal };

	EXPECT(sigaction(SIGPIPE, &action, NULL) == 0);
	for (size_t i = 0; i < 2; i++) {
		struct request r = request(PWRITE, open_kind(kinds[i]), "abc", 3, 0);

		signals_seen = 0;
		CHECK(outcome(ctx, &r), -EPIPE, "%s, write", kind_name(kinds[i]));
		CHECK(signals_seen, 1, "%s, SIGPIPE is sent", kind_name(kinds[i]));
		CHECK(signal_thread == gettid(), 1, "%s, to the submitting thread",
		      kind_name(kinds[i]));
		CHECK(outcome(ctx, &r), -EPIPE, "%s, a second write", kind_name(kinds[i]));
		CHECK(signals_seen, 2, "%s, a second SIGPIPE", kind_name(kinds[i]));

		/* RWF_NOSIGNAL, where the kernel has it. */
		struct iovec iov = { "abc", 3 };
		signals_seen = 0;
		if (pwritev2((int)r.fd, &iov, 1, -1, 0x100) == -1 && errno == EPIPE) {
			signals_seen = 0;
			r.rw_flags = 0x100;
			CHECK(outcome(ctx, &r), -EPIPE, "%s, RWF_NOSIGNAL", kind_name(kinds[i]));
			CHECK(signals_seen, 0, "%s, no signal with it", kind_name(kinds[i]));
		} else {
			SKIP_CHECK("the kernel has no RWF_NOSIGNAL", "%s", kind_name(kinds[i]));
		}
	}
}

static void file_size_limit(void)
{
	io_context_t ctx = context(8);
	struct sigaction action = { .sa_handler = count_signal };
	struct rlimit limit = { FILE_SIZE + 1000, RLIM_INFINITY };
	static const enum kind kinds[] = { BUFFERED, DIRECT };
	char *bytes = before_hole(4);

	EXPECT(sigaction(SIGXFSZ, &action, NULL) == 0);
	for (size_t i = 0; i < 2; i++) {
		int fd = open_kind(kinds[i]);

		if (fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "%s", kind_name(kinds[i]));
			continue;
		}
		limit.rlim_cur = FILE_SIZE + (kinds[i] == DIRECT ? 4096 : 1000);
		EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
		struct request r = request(PWRITE, fd, bytes, 8192, FILE_SIZE);
		signals_seen = 0;
		CHECK(outcome(ctx, &r), limit.rlim_cur - FILE_SIZE,
		      "%s, a write across RLIMIT_FSIZE is cut", kind_name(kinds[i]));
		CHECK(signals_seen, 0, "%s, without a signal", kind_name(kinds[i]));
		r.offset = FILE_SIZE + 8192;
		CHECK(outcome(ctx, &r), -EFBIG, "%s, a write behind RLIMIT_FSIZE",
		      kind_name(kinds[i]));
		CHECK(signals_seen, 1, "%s, SIGXFSZ is sent", kind_name(kinds[i]));
		CHECK(signal_thread == gettid(), 1, "%s, to the submitting thread",
		      kind_name(kinds[i]));
		limit.rlim_cur = RLIM_INFINITY;
		EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	}
}

/* Newer flags are compared with pwritev2, which knows which of them this kernel has. */
static void newer_flags(void)
{
	static const struct {
		const char *name;
		uint32_t flag;
		int op;
		enum kind kind;
	} rows[] = {
		{ "RWF_NOAPPEND", 0x20, PWRITE, BUFFERED },
		{ "RWF_ATOMIC, write", 0x40, PWRITE, BUFFERED },
		{ "RWF_ATOMIC, read", 0x40, PREAD, BUFFERED },
		{ "RWF_ATOMIC, write", 0x40, PWRITE, MEMFD },
		{ "RWF_DONTCACHE, write", 0x80, PWRITE, BUFFERED },
		{ "RWF_DONTCACHE, read", 0x80, PREAD, BUFFERED },
		{ "RWF_DONTCACHE, write", 0x80, PWRITE, MEMFD },
		{ "RWF_DONTCACHE, read", 0x80, PREAD, MEMFD },
		{ "RWF_NOSIGNAL", 0x100, PWRITE, BUFFERED },
		{ "0x200", 0x200, PWRITE, BUFFERED },
		{ "0x400", 0x400, PREAD, BUFFERED },
		{ "RWF_APPEND and RWF_NOAPPEND", 0x30, PWRITE, BUFFERED },
	};
	io_context_t ctx = context(8);
	static char bytes[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = open_kind(rows[i].kind);
		struct iovec iov = { bytes, sizeof(bytes) };
		struct request r = request(rows[i].op, fd, bytes, sizeof(bytes), 0);

		if (fd < 0) {
			SKIP_CHECK(strerror(errno), "%s, %s", kind_name(rows[i].kind), rows[i].name);
			continue;
		}
		errno = 0;
		long long same = rows[i].op == PWRITE
					 ? pwritev2(fd, &iov, 1, 0, (int)rows[i].flag)
					 : preadv2(fd, &iov, 1, 0, (int)rows[i].flag);
		int error = errno;
		r.rw_flags = rows[i].flag;
		long long got = outcome(ctx, &r);
		/* XFS looks at RWF_ATOMIC only when it writes. */
		if (same < 0)
			same = got == -error && !on_ext4() ? got : SYNC(error);
		CHECK(got, same, "%s, %s, as with preadv2 or pwritev2",
		      kind_name(rows[i].kind), rows[i].name);
		close(fd);
	}
}

static void real_time_priority(void)
{
	io_context_t ctx = context(8);
	struct request r = request(PREAD, open_kind(ZERO_DEVICE), before_hole(1), 8, 0);

	r.flags = IOCB_FLAG_IOPRIO;
	r.priority = PRIO(1, 4);
	/* CAP_SYS_ADMIN or CAP_SYS_NICE, which a container's root has not. */
	if (syscall(SYS_ioprio_set, 1, 0, PRIO(1, 4)) != 0) {
		SKIP_CHECK(strerror(errno), "real time with privilege");
	} else {
		CHECK(outcome(ctx, &r), 8, "real time with privilege");
		EXPECT(syscall(SYS_ioprio_set, 1, 0, PRIO(0, 0)) == 0);
		if (setresuid(65534, 65534, 65534) != 0) {
			SKIP_CHECK(strerror(errno), "real time without privilege");
			return;
		}
	}
	CHECK(outcome(ctx, &r), SYNC(EPERM), "real time without privilege");
	r.priority = PRIO(2, 4);
	CHECK(outcome(ctx, &r), 8, "best effort without privilege");
}

static void refused_rows(void)
{
	run_rows(refused, sizeof(refused) / sizeof(*refused));
}

static void event_rows(void)
{
	run_rows(as_events, sizeof(as_events) / sizeof(*as_events));
}

const struct group transfer_groups[] = {
	{ "1.3", "transfer: what io_submit answers", refused_rows, 0, NULL },
	{ "1.3", "transfer: what the event answers", event_rows, 0, NULL },
	{ "1.3", "transfer: vectors", vectors, 0, NULL },
	{ "1.3", "transfer: contents", contents, 0, NULL },
	{ "1.3", "transfer: broken pipes", broken_pipes, 0, NULL },
	{ "1.3", "transfer: RLIMIT_FSIZE", file_size_limit, 0, NULL },
	{ "1.3", "transfer: newer flags", newer_flags, 0, NULL },
	{ "1.3", "transfer: real time priority", real_time_priority, 0, NULL },
	{ 0 },
};
