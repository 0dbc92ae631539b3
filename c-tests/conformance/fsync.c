/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* FSYNC and FDSYNC. */
#define _GNU_SOURCE
#include <unistd.h>

#include "kinds.h"
#include "request.h"

static void fsyncs(void)
{
	static const struct {
		enum kind kind;
		long long want;
	} rows[] = {
		{ BUFFERED, 0 },	     { BUFFERED_READ, 0 },	   { BUFFERED_WRITE, 0 },
		{ DIRECT, 0 },		     { DIRECTORY, 0 },		   { MEMFD, 0 },
		{ PIPE_EMPTY, SYNC(EINVAL) }, { SOCKET_EMPTY, SYNC(EINVAL) },
		{ NULL_DEVICE, SYNC(EINVAL) }, { EVENTFD_ZERO, SYNC(EINVAL) },
		{ ZERO_DEVICE, SYNC(EINVAL) }, { EPOLL, SYNC(EINVAL) },
		{ TIMERFD, SYNC(EINVAL) },   { PROC_STAT, SYNC(EINVAL) },
		{ CLOSED, SYNC(EBADF) },     { MINUS_ONE, SYNC(EBADF) },   { PATH, SYNC(EBADF) },
	};
	static const struct {
		const char *name;
		size_t field;
		size_t size;
	} fields[] = {
		{ "aio_buf", offsetof(struct request, buf), 8 },
		{ "nbytes", offsetof(struct request, nbytes), 8 },
		{ "offset", offsetof(struct request, offset), 8 },
		{ "rw_flags", offsetof(struct request, rw_flags), 4 },
	};
	static const int ops[] = { IO_CMD_FSYNC, IO_CMD_FDSYNC };
	static const char *const names[] = { "FSYNC", "FDSYNC" };
	io_context_t ctx = context(32);

	for (int o = 0; o < 2; o++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			int fd = open_kind(rows[i].kind);
			struct request r = request(ops[o], fd, NULL, 0, 0);

			if (fd < 0 && rows[i].kind != MINUS_ONE) {
				SKIP_CHECK(strerror(errno), "%s, %s", names[o], kind_name(rows[i].kind));
				continue;
			}
			CHECK(outcome(ctx, &r), rows[i].want, "%s, %s", names[o],
			      kind_name(rows[i].kind));
			close(fd);
		}
		int fd = open_kind(BUFFERED), pipe = open_kind(PIPE_EMPTY);
		for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
			static const uint64_t one = 1;
			static const uint32_t one_32 = 1;
			struct request r = request(ops[o], fd, NULL, 0, 0);

			memcpy((char *)&r + fields[i].field,
			       fields[i].size == 8 ? (const void *)&one : &one_32, fields[i].size);
			CHECK(outcome(ctx, &r), SYNC(EINVAL), "%s, %s not 0", names[o],
			      fields[i].name);
			CHECK(r.key, 0, "%s, aio_key after %s not 0", names[o], fields[i].name);
		}
		struct request r = request(ops[o], fd, NULL, 0, 0);
		r.flags = IOCB_FLAG_IOPRIO;
		r.priority = -1;
		CHECK(outcome(ctx, &r), 0, "%s, the priority is not looked at", names[o]);
		r.offset = -1;
		r.fd = (uint32_t)pipe;
		CHECK(outcome(ctx, &r), SYNC(EINVAL), "%s, an offset on a pipe", names[o]);
		/* The file may be closed once the request is taken. */
		r = request(ops[o], fd, NULL, 0, 0);
		EXPECT(write(fd, "x", 1) == 1);
		CHECK(submit(ctx, &r), 1, "%s, taken", names[o]);
		close(fd);
		CHECK_KERNEL_ONLY("an engine cannot pin a file: closing a duplicate drops fcntl locks",
				  event_of(ctx, &r), 0, "%s, of a file closed meanwhile", names[o]);
	}
}

const struct group fsync_groups[] = {
	{ "1.3", "fsync", fsyncs, 0, NULL },
	{ 0 },
};
