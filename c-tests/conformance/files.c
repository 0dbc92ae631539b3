/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What requests do on each kind of file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "waiter.h"
#include "memory.h"
#include "transfer_row.h"

#define PINNED "an engine cannot pin a file: closing a duplicate drops fcntl locks"

#define PREAD IO_CMD_PREAD
#define PWRITE IO_CMD_PWRITE

static const struct row rows[] = {
	{ "read", PREAD, MEMFD, .nbytes = 4096, .want = 4096 },
	{ "write", PWRITE, MEMFD, .nbytes = 4096, .want = 4096 },
	{ "read", PREAD, TMPFS, .nbytes = 4096, .want = 4096 },
	{ "write", PWRITE, TMPFS, .nbytes = 4096, .want = 4096 },
	{ "read", PREAD, NULL_DEVICE, .nbytes = 4096, .want = 0 },
	{ "write", PWRITE, NULL_DEVICE, .nbytes = 4096, .want = 4096 },
	{ "write, offset 5", PWRITE, NULL_DEVICE, .nbytes = 4096, .offset = 5, .want = 4096 },
	{ "read", PREAD, ZERO_DEVICE, .nbytes = 4096, .want = 4096 },
	{ "write", PWRITE, ZERO_DEVICE, .nbytes = 4096, .want = 4096 },
	{ "read", PREAD, FULL_DEVICE, .nbytes = 4096, .want = 4096 },
	{ "read", PREAD, RANDOM_DEVICE, .nbytes = 100, .want = 100 },
	{ "read, more than there is", PREAD, PIPE_READABLE, .nbytes = 4096, .want = 3 },
	{ "read, offset 99 is ignored", PREAD, PIPE_READABLE, .nbytes = 4096, .offset = 99, .want = 3 },
	{ "read", PREAD, PIPE_EMPTY, .nbytes = 8, .want = -EAGAIN },
	{ "read of 0 bytes", PREAD, PIPE_EMPTY, .want = 0 },
	{ "read", PREAD, PIPE_HUNG, .nbytes = 8, .want = 0 },
	{ "write", PWRITE, PIPE_WRITABLE, .nbytes = 8, .want = 8 },
	{ "write, offset 99 is ignored", PWRITE, PIPE_WRITABLE, .nbytes = 8, .offset = 99, .want = 8 },
	{ "write", PWRITE, PIPE_FULL, .nbytes = 8, .want = -EAGAIN },
	{ "read", PREAD, SOCKET_READABLE, .nbytes = 8, .want = 3 },
	{ "read, offset 1", PREAD, SOCKET_READABLE, .nbytes = 8, .offset = 1, .want = -ESPIPE },
	{ "write, offset 1", PWRITE, SOCKET_EMPTY, .nbytes = 8, .offset = 1, .want = -ESPIPE },
	{ "read", PREAD, SOCKET_EMPTY, .nbytes = 8, .want = -EAGAIN },
	{ "write", PWRITE, SOCKET_EMPTY, .nbytes = 8, .want = 8 },
	{ "read", PREAD, SOCKET_BROKEN, .nbytes = 8, .want = 0 },
	{ "read", PREAD, SOCKET_UNCONNECTED, .nbytes = 8, .want = -EINVAL },
	{ "write", PWRITE, SOCKET_UNCONNECTED, .nbytes = 8, .want = -ENOTCONN },
	{ "read", PREAD, EVENTFD_SEVEN, .nbytes = 8, .want = 8 },
	{ "read of 16 bytes", PREAD, EVENTFD_SEVEN, .nbytes = 16, .want = 8 },
	{ "read of 4 bytes", PREAD, EVENTFD_SEVEN, .nbytes = 4, .want = -EINVAL },
	{ "read", PREAD, EVENTFD_ZERO, .nbytes = 8, .want = -EAGAIN },
	{ "read", PREAD, TIMERFD, .nbytes = 8, .want = -EAGAIN },
	{ "read", PREAD, TIMERFD_EXPIRED, .nbytes = 8, .want = 8 },
	{ "read", PREAD, SIGNALFD, .nbytes = 128, .want = -EAGAIN },
	{ "read", PREAD, PTY_READABLE, .nbytes = 8, .want = 3 },
	{ "read", PREAD, PTY, .nbytes = 8, .want = -EAGAIN },
	{ "write", PWRITE, PTY, .nbytes = 3, .want = 3 },
};

static void each_kind(void)
{
	run_rows(rows, sizeof(rows) / sizeof(*rows));
	io_context_t ctx = context(4);
	int fd = open_kind(SYSFS);
	char bytes[64];
	if (fd < 0) {
		SKIP_CHECK(strerror(errno), "%s", kind_name(SYSFS));
		return;
	}
	struct request r = request(PREAD, fd, bytes, sizeof(bytes), 0);
	CHECK(outcome(ctx, &r) > 0, 1, "%s, read", kind_name(SYSFS));
}

/* Not asynchronous: the event is there when io_submit returns, and io_submit waits for it. */
static void inside_submit(void)
{
	static const enum kind kinds[] = { BUFFERED, MEMFD, ZERO_DEVICE, PIPE_READABLE,
					   SOCKET_READABLE, EVENTFD_SEVEN };
	io_context_t ctx = context(8);
	static char bytes[8];
	struct io_event event;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct request r = request(PREAD, open_kind(kinds[i]), bytes, 8, 0);

		CHECK(submit(ctx, &r), 1, "%s, taken", kind_name(kinds[i]));
		CHECK(get_now(ctx, 1, &event), 1, "%s, its event is there at once",
		      kind_name(kinds[i]));
	}
	struct request r = poll_request(open_kind(PIPE_READABLE), POLLIN);
	CHECK(submit(ctx, &r), 1, "poll of what is ready, taken");
	CHECK(get_now(ctx, 1, &event), 1, "poll of what is ready, its event is there at once");
}

static void blocks(void)
{
	io_context_t ctx = context(16);
	int pipes[2], sockets[2], zero = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	char byte[128];
	struct io_event events[4];
	sigset_t usr2;

	EXPECT(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	EXPECT(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
	int signals = signalfd(-1, &usr2, 0);
	const struct {
		const char *name;
		int fd;
		size_t bytes;
		long long want;
	} reads[] = {
		{ "pipe", pipes[0], 1, 1 },	     { "socket", sockets[0], 1, 1 },
		{ "eventfd", zero, 8, 8 },	     { "timerfd", timer, 8, 8 },
		{ "signalfd", signals, 128, 128 },
	};

	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		struct request r = request(PREAD, reads[i].fd, byte, reads[i].bytes, 0);
		struct waiter w = { .ctx = ctx, .request = &r };

		start_waiter(&w);
		CHECK(waits(&w), 1, "%s, io_submit waits for something to read", reads[i].name);
		CHECK(get_now(ctx, 1, events), 0, "%s, no event yet", reads[i].name);
		if (reads[i].fd == timer) {
			struct itimerspec soon = { .it_value.tv_nsec = 1 };
			EXPECT(timerfd_settime(timer, 0, &soon, NULL) == 0);
		} else if (reads[i].fd == zero) {
			EXPECT(eventfd_write(zero, 1) == 0);
		} else if (reads[i].fd == signals) {
			EXPECT(kill(getpid(), SIGUSR2) == 0);
		} else {
			EXPECT(write(reads[i].fd == pipes[0] ? pipes[1] : sockets[1], "x", 1) == 1);
		}
		CHECK(end_waiter(&w), 1, "%s, io_submit goes on", reads[i].name);
		CHECK(event_of(ctx, &r), reads[i].want, "%s, its event", reads[i].name);
	}

	/* The requests behind it wait too. */
	struct request first = request(PREAD, pipes[0], byte, 1, 0);
	struct request second = request(PREAD, open_kind(ZERO_DEVICE), byte + 8, 8, 0);
	struct waiter w = { .ctx = ctx, .request = &first };
	start_waiter(&w);
	/* Another thread may use the context meanwhile. */
	CHECK(outcome(ctx, &second), 8, "another thread can submit meanwhile");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(end_waiter(&w), 1, "io_submit goes on");
	CHECK(event_of(ctx, &first), 1, "its event");

	/* A full pipe. */
	char *much = before_hole(64);
	struct request r = request(PWRITE, pipes[1], much, 64 * PAGE, 0);
	struct waiter writer = { .ctx = ctx, .request = &r };
	start_waiter(&writer);
	CHECK(waits(&writer), 1, "a write of more than a pipe holds waits");
	long all = 0;
	while (all < 64 * PAGE)
		all += read(pipes[0], much, PAGE);
	CHECK(end_waiter(&writer), 1, "until all is read");
	CHECK(event_of(ctx, &r), 64 * PAGE, "and all is written");
}

static void interrupted(void)
{
	io_context_t ctx = context(8);
	int pipes[2];
	char byte;
	char *much = before_hole(64);

	EXPECT(pipe(pipes) == 0);
	handle_signal(SIGUSR1); /* with SA_RESTART */
	struct request r = request(PREAD, pipes[0], &byte, 1, 0);
	struct waiter reader = { .ctx = ctx, .request = &r };
	start_waiter(&reader);
	pthread_kill(reader.thread, SIGUSR1);
	CHECK(end_waiter(&reader), 1, "read of an empty pipe: io_submit after a signal");
	CHECK(event_of(ctx, &r), -EINTR, "read of an empty pipe: its event");
	CHECK(handled, 1, "the handler ran");

	/* What has been written counts. */
	int size = fcntl(pipes[1], F_GETPIPE_SZ);
	r = request(PWRITE, pipes[1], much, 64 * PAGE, 0);
	EXPECT(size > 0 && size < 64 * PAGE);
	struct waiter writer = { .ctx = ctx, .request = &r };
	start_waiter(&writer);
	pthread_kill(writer.thread, SIGUSR1);
	CHECK(end_waiter(&writer), 1, "write to a pipe: io_submit after a signal");
	CHECK(event_of(ctx, &r), size, "write to a pipe: what went in");

	struct request again = request(PWRITE, pipes[1], much, 8, 0);
	struct waiter third = { .ctx = ctx, .request = &again };
	start_waiter(&third);
	pthread_kill(third.thread, SIGUSR1);
	CHECK(end_waiter(&third), 1, "write to a full pipe: io_submit after a signal");
	CHECK(event_of(ctx, &again), -EINTR, "write to a full pipe: its event");
}

static void appending(void)
{
	io_context_t ctx = context(8);
	int fd = open_kind(BUFFERED_APPEND);
	char bytes[16];

	struct request r = request(PWRITE, fd, "appended", 8, 0);
	CHECK(outcome(ctx, &r), 8, "O_APPEND, write at 0");
	CHECK(lseek(fd, 0, SEEK_END), FILE_SIZE + 8, "O_APPEND, the file has grown");
	CHECK(pread(fd, bytes, 16, FILE_SIZE) == 8 && !memcmp(bytes, "appended", 8), 1,
	      "O_APPEND, the bytes are at the end");
	CHECK(pread(fd, bytes, 1, 0) == 1 && (unsigned char)*bytes == pattern(0), 1,
	      "O_APPEND, not at 0");
	r = request(PWRITE, fd, "there", 5, 100);
	r.rw_flags = 0x20; /* RWF_NOAPPEND */
	long long got = outcome(ctx, &r);
	struct iovec elsewhere = { "again", 5 };
	int obeyed = pread(fd, bytes, 5, 100) == 5 && !memcmp(bytes, "there", 5);
	int obeys = pwritev2(fd, &elsewhere, 1, 200, 0x20) == 5 && pread(fd, bytes, 5, 200) == 5 &&
		    !memcmp(bytes, "again", 5);
	if (got == SYNC(EOPNOTSUPP))
		SKIP_CHECK("the kernel has no RWF_NOAPPEND", "RWF_NOAPPEND");
	else if (!obeys)
		CHECK_KERNEL_ONLY("pwritev2 appends all the same on overlayfs", got == 5 && obeyed, 1,
				  "RWF_NOAPPEND obeys the offset");
	else
		CHECK(got == 5 && obeyed, 1, "RWF_NOAPPEND obeys the offset");

	fd = open_kind(BUFFERED);
	EXPECT(lseek(fd, 77, SEEK_SET) == 77);
	r = request(PWRITE, fd, "appended", 8, 3);
	r.rw_flags = RWF_APPEND;
	CHECK(outcome(ctx, &r), 8, "RWF_APPEND, write at 3");
	CHECK(pread(fd, bytes, 16, FILE_SIZE) == 8 && !memcmp(bytes, "appended", 8), 1,
	      "RWF_APPEND, the bytes are at the end");
	CHECK(lseek(fd, 0, SEEK_CUR), 77, "the file's position stays");
}

/* The kernel keeps the file until the request is done, whatever happens to the descriptor. */
static void closed_at_once(void)
{
	enum { READS = 16, ROUNDS = 20 };
	io_context_t ctx = context(READS);
	int right = 0, replaced = 0, other = open_kind(ZERO_DEVICE);
	unsigned char *bytes = (unsigned char *)before_hole(READS);
	struct io_event events[READS];

	for (int round = 0; round < ROUNDS; round++) {
		struct request r[READS];
		struct iocb *list[READS];
		int fd = open_kind(DIRECT);

		if (fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "closed at once");
			return;
		}
		memset(bytes, 0, READS * PAGE);
		for (int i = 0; i < READS; i++) {
			r[i] = request(PREAD, fd, bytes + i * PAGE, PAGE, i % 16 * PAGE);
			list[i] = iocb(&r[i]);
		}
		long taken = AIO(io_submit(ctx, READS, list));
		if (round % 2)
			EXPECT(dup2(other, fd) == fd);
		else
			close(fd);
		int good = taken == READS && get(ctx, READS, READS, events, PATIENCE) == READS;
		for (int i = 0; good && i < READS; i++)
			good = events[i].res == PAGE && bytes[i * PAGE] == pattern(i % 16 * PAGE) &&
			       bytes[i * PAGE + 77] == pattern((size_t)i % 16 * PAGE + 77);
		if (round % 2) {
			replaced += good;
			close(fd);
		} else {
			right += good;
		}
	}
	CHECK_KERNEL_ONLY(PINNED, right, ROUNDS / 2, "O_DIRECT reads whose descriptor is closed after io_submit");
	CHECK_KERNEL_ONLY(PINNED, replaced, ROUNDS / 2, "O_DIRECT reads whose descriptor means another file meanwhile");
}

/* Closing any duplicate of a descriptor would release the process's locks. */
static void locks_stay(void)
{
	io_context_t ctx = context(8);
	static const enum kind kinds[] = { BUFFERED, DIRECT };
	static const int ops[] = { IO_CMD_PREAD, IO_CMD_FSYNC, IO_CMD_POLL };

	for (size_t k = 0; k < 2; k++) {
		int fd = open_kind(kinds[k]);
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

		if (fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "%s", kind_name(kinds[k]));
			continue;
		}
		EXPECT(fcntl(fd, F_SETLK, &lock) == 0);
		for (size_t i = 0; i < 3; i++) {
			struct request r = request(ops[i], fd, NULL, 0, 0);

			if (ops[i] == IO_CMD_PREAD) {
				r.nbytes = PAGE;
				r.buf = buffer_address(GOOD);
			} else if (ops[i] == IO_CMD_POLL) {
				r.buf = POLLIN;
			}
			long long want = ops[i] == IO_CMD_FSYNC ? 0 : i ? POLLIN : PAGE;
			CHECK(outcome(ctx, &r), want, "%s, opcode %d", kind_name(kinds[k]), ops[i]);
			/* Only another process sees our lock. */
			int fds[2];
			char byte;
			EXPECT(pipe(fds) == 0);
			if (fork() == 0) {
				struct flock see = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

				byte = fcntl(fd, F_GETLK, &see) == 0 && see.l_type == F_WRLCK;
				_exit(write(fds[1], &byte, 1) != 1);
			}
			EXPECT(read(fds[0], &byte, 1) == 1);
			CHECK(byte, 1, "%s, opcode %d: the process's lock is still there",
			      kind_name(kinds[k]), ops[i]);
			close(fds[0]);
			close(fds[1]);
		}
	}
}

const struct group files_groups[] = {
	{ "1.4", "files: each kind", each_kind, 0, NULL },
	{ "1.4", "files: done inside io_submit", inside_submit, 0, NULL },
	{ "1.4", "files: io_submit waits", blocks, 0, NULL },
	{ "1.4", "files: interrupted", interrupted, 0, NULL },
	{ "1.4", "files: appending", appending, 0, NULL },
	{ "1.4", "files: closed at once", closed_at_once, 0, NULL },
	{ "1.4", "files: locks stay", locks_stay, 0, NULL },
	{ 0 },
};
