/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Order, where it can be seen, and aio_fsync. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>

#include "request.h"

static void appends(void)
{
	/* So long and so many that those which are carried out beside others overtake some. */
	enum { ROUNDS = 10, COUNT = 300, SIZE = 20000 };
	int fd = file_of(0, O_APPEND), right = 0, order = 0;
	static struct aiocb cbs[COUNT];
	static char bytes[COUNT][SIZE], back[COUNT][SIZE];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COUNT; i++) {
			snprintf(bytes[i], SIZE, "line %d of %d", i, round);
			/* The offset does not matter. */
			cbs[i] = request(fd, bytes[i], SIZE, i % 3 * 1000);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		for (int i = 0; i < COUNT; i++)
			right += end_of(&cbs[i]) == SIZE;
		EXPECT(pread(fd, back, sizeof(back), 0) == sizeof(back));
		for (int i = 0; i < COUNT; i++)
			order += !strcmp(bytes[i], back[i]);
		CHECK(lseek(fd, 0, SEEK_END), sizeof(bytes), "and no more");
		EXPECT(ftruncate(fd, 0) == 0);
	}
	CHECK(right, ROUNDS * COUNT, "writes");
	CHECK(order, ROUNDS * COUNT, "in the order of the calls");
}

static void appends_of_a_list(void)
{
	enum { COUNT = 100, SIZE = 40 };
	int fd = file_of(0, O_APPEND), order = 0;
	static struct aiocb cbs[COUNT], *list[COUNT];
	static char bytes[COUNT][SIZE], back[COUNT][SIZE];

	for (int i = 0; i < COUNT; i++) {
		snprintf(bytes[i], SIZE, "line %d", i);
		cbs[i] = request(fd, bytes[i], SIZE, 0);
		cbs[i].aio_lio_opcode = LIO_WRITE;
		list[i] = &cbs[i];
	}
	CHECK(lio_listio(LIO_WAIT, list, COUNT, NULL), 0, "lio_listio");
	EXPECT(pread(fd, back, sizeof(back), 0) == sizeof(back));
	for (int i = 0; i < COUNT; i++)
		order += !strcmp(bytes[i], back[i]);
	CHECK(order, COUNT, "in the order of the list");
}

/* glibc carries out one request of a descriptor after the other. */
static void overlapping(void)
{
	enum { COUNT = 100, SIZE = 10000 };
	int fd = file_of(0, 0), right = 0, whole = 0;
	static struct aiocb cbs[COUNT];
	static char bytes[COUNT][SIZE], back[SIZE];

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < COUNT; i++) {
			memset(bytes[i], i + round, SIZE);
			cbs[i] = request(fd, bytes[i], SIZE, 0);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		for (int i = 0; i < COUNT; i++)
			right += end_of(&cbs[i]) == SIZE;
		EXPECT(pread(fd, back, SIZE, 0) == SIZE);
		whole += !memcmp(back, bytes[COUNT - 1], SIZE);
	}
	CHECK(right, COUNT * 10, "writes to the same place");
	CHECK(whole, 10, "the last one's bytes stay");
}

/* Each end of a pair reads and writes so many single bytes. */
static void in_order(struct ends ends, const char *name)
{
	enum { COUNT = 200 };
	static struct aiocb reads[COUNT], writes[COUNT];
	unsigned char in[COUNT], out[COUNT];
	int right = 0;

	for (int i = 0; i < COUNT; i++) {
		reads[i] = request(ends.reader, in + i, 1, 0);
		EXPECT(start_read(&reads[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		out[i] = (unsigned char)i;
		writes[i] = request(ends.writer, out + i, 1, 0);
		EXPECT(start_write(&writes[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++)
		right += end_of(&writes[i]) == 1 && end_of(&reads[i]) == 1 && in[i] == out[i];
	CHECK(right, COUNT, "a %s, reads and writes in order", name);
}

static void streams_in_order(void)
{
	in_order(new_pipe(), "pipe");
	in_order(new_sockets(SOCK_STREAM), "socket");
	in_order(new_sockets(SOCK_DGRAM), "socket of messages");
}

static void two_reads(void)
{
	for (int i = 0; i < 2; i++) {
		struct ends p = i ? new_sockets(SOCK_STREAM) : new_pipe();
		char first[3] = "", second[3] = "";
		struct aiocb a = request(p.reader, first, 2, 0), b = request(p.reader, second, 2, 0);

		EXPECT(start_read(&a) == 0 && start_read(&b) == 0);
		CHECK(stays_in_progress(&a) && stays_in_progress(&b), 1, "two reads of a %s wait", i ? "socket" : "pipe");
		EXPECT(write(p.writer, "ab", 2) == 2);
		CHECK(end_of(&a), 2, "the first ends first");
		CHECK(aio_error(&b), EINPROGRESS, "and the second does not");
		EXPECT(write(p.writer, "cd", 2) == 2);
		CHECK(end_of(&b), 2, "then the second");
		CHECK(!strcmp(first, "ab") && !strcmp(second, "cd"), 1, "their bytes");
	}
}

/* What is written to a pseudo-terminal is read on its other side. */
static void terminals_in_order(void)
{
	enum { ROUNDS = 20 };

	for (int round = 0; round < ROUNDS; round++) {
		struct termios raw;
		int master = posix_openpt(O_RDWR | O_NOCTTY);

		if (master < 0)
			skip_fact("there are no pseudo-terminals");
		EXPECT(grantpt(master) == 0 && unlockpt(master) == 0);
		int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
		EXPECT(terminal >= 0 && tcgetattr(terminal, &raw) == 0);
		cfmakeraw(&raw);
		EXPECT(tcsetattr(terminal, TCSANOW, &raw) == 0 && tcgetattr(master, &raw) == 0);
		struct ends to_terminal = { terminal, master }, from_terminal = { master, terminal };
		in_order(to_terminal, "terminal that is read");
		in_order(from_terminal, "terminal that is written to");
		close(terminal);
		close(master);
	}
}

/* The description stays the same, whatever its flags are meanwhile. */
static void flags_between(void)
{
	enum { ROUNDS = 5, COUNT = 300, SIZE = 20000 };
	int fd = file_of(0, O_APPEND), order = 0, whole = 0;
	static struct aiocb cbs[COUNT];
	static char bytes[COUNT][SIZE], back[COUNT][SIZE];

	for (int round = 0; round < ROUNDS; round++) {
		struct ends p = new_pipe();

		for (int i = 0; i < COUNT; i++) {
			memset(bytes[i], i, SIZE);
			cbs[i] = request(fd, bytes[i], SIZE, 0);
			EXPECT(start_write(&cbs[i]) == 0);
			if (i % 20 == 10)
				EXPECT(fcntl(fd, F_SETFL, O_APPEND | (i % 40 == 10 ? O_NONBLOCK : 0)) == 0);
		}
		for (int i = 0; i < COUNT; i++)
			whole += end_of(&cbs[i]) == SIZE;
		EXPECT(pread(fd, back, sizeof(back), 0) == sizeof(back));
		order += !memcmp(back, bytes, sizeof(back));
		EXPECT(ftruncate(fd, 0) == 0);
		/* And through a pipe, which is not large enough. */
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(p.writer, bytes[i], i * 10, 0);
			EXPECT(start_write(&cbs[i]) == 0);
			if (i % 20 == 10)
				EXPECT(fcntl(p.writer, F_SETFL, i % 40 == 10 ? O_ASYNC : 0) == 0);
		}
		for (int i = 0; i < COUNT; i++) {
			for (int got = 0, more; got < i * 10; got += more) {
				more = read(p.reader, back[i] + got, i * 10 - got);
				EXPECT(more > 0);
			}
			whole += end_of(&cbs[i]) == i * 10;
			order += !memcmp(back[i], bytes[i], i * 10);
		}
		close(p.reader);
		close(p.writer);
	}
	CHECK(whole, 2 * ROUNDS * COUNT, "writes");
	CHECK(order, ROUNDS * (COUNT + 1), "in the order of the calls");
}

const struct fact order_facts[] = {
	{ "order", "of appends", appends, SAME, 0 },
	{ "order", "of appends in a list", appends_of_a_list, SAME, 0 },
	{ "order", "of writes that overlap", overlapping, SAME, 0 },
	{ "order", "of two reads", two_reads, SAME, 0 },
	{ "order", "of many reads and writes of streams", streams_in_order, SAME, 0 },
	{ "order", "of terminals", terminals_in_order, SAME, 0 },
	{ "order", "of writes between which flags change", flags_between, SAME, 0 },
	{ 0 },
};

static void fsync_results(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char path[PATH_SIZE];
	int named = named_file(path, 10, 0), to_read = open(path, O_RDONLY);
	struct aiocb cb = request(fd, NULL, 0, 0);
	struct ends p = new_pipe();

	unlink(path);
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "O_SYNC");
	CHECK(outcome_of_fsync(O_DSYNC, &cb), 0, "O_DSYNC");
	CHECK(start_fsync(0, &cb), SYNC(EINVAL), "operation 0");
	CHECK(start_fsync(O_SYNC | O_RDWR, &cb), SYNC(EINVAL), "another operation");
	cb = request(-1, NULL, 0, 0);
	CHECK(start_fsync(O_SYNC, &cb), SYNC(EBADF), "no descriptor");
	close(named);
	cb = request(named, NULL, 0, 0);
	CHECK(start_fsync(O_DSYNC, &cb), SYNC(EBADF), "a closed descriptor");
	cb = request(to_read, NULL, 0, 0);
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "O_RDONLY");
	cb = request(p.writer, NULL, 0, 0);
	CHECK(start_fsync(O_SYNC, &cb), 0, "a pipe");
	CHECK(end_of(&cb), -EINVAL, "its end");
	struct ends s = new_sockets(SOCK_STREAM);
	cb = request(s.reader, NULL, 0, 0);
	CHECK(outcome_of_fsync(O_SYNC, &cb), -EINVAL, "a socket");
	cb = request(open(directory, O_RDONLY), NULL, 0, 0);
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "a directory");
	cb = request(fd, NULL, 0, 0);
	cb.aio_reqprio = 55;
	CHECK(outcome_of_fsync(O_SYNC, &cb), 0, "aio_reqprio does not matter");
	CHECK(cb.aio_reqprio, 0, "and is set to 0");
}

static void covers(int fd)
{
	enum { COUNT = 64, SIZE = 1 << 16 };
	char *bytes = pages(COUNT * SIZE);
	static struct aiocb cbs[COUNT];

	for (int round = 0; round < 3; round++) {
		struct aiocb sync = request(fd, NULL, 0, 0);
		int in_progress = 0, right = 0;

		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes + i * SIZE, SIZE, (round * COUNT + i) * SIZE);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		CHECK(outcome_of_fsync(round % 2 ? O_DSYNC : O_SYNC, &sync), 0, "an fsync after 64 writes");
		for (int i = 0; i < COUNT; i++)
			in_progress += aio_error(&cbs[i]) == EINPROGRESS;
		CHECK(in_progress, 0, "no write is in progress when it has ended");
		for (int i = 0; i < COUNT; i++)
			right += result_of(&cbs[i]) == SIZE;
		CHECK(right, COUNT, "the writes");
	}
}

static void fsync_covers(void)
{
	covers(file_of(0, 0));
}

static void fsync_covers_direct(void)
{
	covers(direct_file(0, 0));
}

/* A write that fails is no failure of the fsync, nor of what follows. */
static void fsync_after_failure(void)
{
	int fd = file_of(0, 0);
	struct aiocb bad = request(fd, hole(), 10, 0), sync = request(fd, NULL, 0, 0), good = request(fd, "x", 1, 0);

	EXPECT(start_write(&bad) == 0);
	CHECK(outcome_of_fsync(O_SYNC, &sync), 0, "an fsync after a bad write");
	CHECK(result_of(&bad), -EFAULT, "the bad write");
	CHECK(outcome_of_write(&good), 1, "a write after that");
}

/* Nobody asks: each ends all the same, and says so by a signal. */
static void fsync_chain(void)
{
	enum { COUNT = 20 };
	int fd = file_of(0, 0), right = 0;
	static struct aiocb writes[COUNT], syncs[COUNT];

	block(SIGRTMIN);
	for (int i = 0; i < COUNT; i++) {
		writes[i] = request(fd, "0123456789", 10, i * 10);
		syncs[i] = signalling(request(fd, NULL, 0, 0), SIGRTMIN, i);
		EXPECT(start_write(&writes[i]) == 0);
		EXPECT(start_fsync(O_DSYNC, &syncs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		int value = wait_for(SIGRTMIN, NULL);
		right += value >= 0 && result_of(&syncs[value]) == 0 && result_of(&writes[value]) == 10;
	}
	CHECK(right, COUNT, "signals of fsyncs, each after its write");
}

static void fsync_chain_direct(void)
{
	enum { COUNT = 20 };
	int fd = direct_file(0, 0), right = 0;
	char *bytes = pages(PAGE);
	static struct aiocb writes[COUNT], syncs[COUNT];

	block(SIGRTMIN);
	for (int i = 0; i < COUNT; i++) {
		writes[i] = request(fd, bytes, PAGE, i * PAGE);
		syncs[i] = signalling(request(fd, NULL, 0, 0), SIGRTMIN, i);
		EXPECT(start_write(&writes[i]) == 0);
		EXPECT(start_fsync(O_DSYNC, &syncs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		int value = wait_for(SIGRTMIN, NULL);
		right += value >= 0 && result_of(&syncs[value]) == 0 && result_of(&writes[value]) == PAGE;
	}
	CHECK(right, COUNT, "signals of fsyncs, each after its write");
}

const struct fact fsync_facts[] = {
	{ "fsync", "results", fsync_results, SAME, 0 },
	{ "fsync", "covers what was called before", fsync_covers, SAME, 0 },
	{ "fsync", "covers direct writes", fsync_covers_direct, SAME, 0 },
	{ "fsync", "after a write that failed", fsync_after_failure, SAME, 0 },
	{ "fsync", "a chain goes on by itself", fsync_chain, SAME, 0 },
	{ "fsync", "a chain of direct writes goes on by itself", fsync_chain_direct, SAME, 0 },
	{ 0 },
};
