/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A request holds its file. The program closes the descriptor right after io_submit, or puts another file under
 * its number: the other file is never touched, and the request is carried out on its own. A flock of the closed
 * file lives as long as its requests, and the process's record locks on it outlive them.
 *
 * usage: wrong_file [ROUNDS [no-pins]]
 *
 * With "no-pins", where the place allows nothing that holds a file, a request may end with -EBADF instead.
 */
#include <stdbool.h>
#include <sys/file.h>

#include "reopened.h"
#include "transfers.h"

enum { COUNT = 64, DEPTH = 32, LARGE = 256 };
enum { OWN = 1, OTHER = -1 };
enum kind { WRITE, READ, FSYNC, KINDS };
enum way { CLOSE, OPEN, DUP2, WAYS };

static bool no_pins;
static io_context_t ctx;
static struct iocb cbs[DEPTH], *list[DEPTH];
static struct io_event events[DEPTH];
static char *memory, *found;
static int own, other, pipes[2];
/* By kind: requests that were carried out, and that ended with -EBADF. */
static long done[KINDS], refused[KINDS];

static void mark_all(int fd, long pass)
{
	for (int i = 0; i < COUNT; i++)
		mark(found + BLOCK * i, i, pass);
	EXPECT_EQ(pwrite(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
}

/* Leaves the number to nobody, to a newly opened file, or to one that is open. */
static void take_away(int fd, int replacement, enum way way)
{
	switch (way) {
	case CLOSE:
		EXPECT_EQ(close(fd), 0);
		return;
	case OPEN:
		EXPECT_EQ(close(fd), 0);
		EXPECT_EQ(reopened(replacement, replacement == other ? O_RDWR | O_DIRECT : O_RDWR), fd);
		break;
	default:
		EXPECT_EQ(dup2(replacement, fd), fd);
	}
}

static void spin(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

/* Blocks first to first + depth - 1. */
static void one_round(long round, enum kind kind, enum way way, int first, int depth)
{
	int fd = reopened(own, O_RDWR | O_DIRECT);

	for (int i = 0; i < depth; i++) {
		char *block = memory + BLOCK * i;
		long long offset = (long long)BLOCK * (first + i);

		list[i] = &cbs[i];
		if (kind == FSYNC) {
			io_prep_fsync(&cbs[i], fd);
		} else if (kind == READ) {
			memset(block, 0, BLOCK);
			io_prep_pread(&cbs[i], fd, block, BLOCK, offset);
		} else {
			mark(block, first + i, round + OWN);
			io_prep_pwrite(&cbs[i], fd, block, BLOCK, offset);
		}
	}
	EXPECT_EQ(AIO(io_submit(ctx, depth, list)), depth);
	spin(rand() % 300);
	/* A pipe has no fsync: a request that finds it under the number fails. */
	take_away(fd, kind == FSYNC ? pipes[0] : other, way);
	EXPECT_EQ(AIO(io_getevents(ctx, depth, depth, events, NULL)), depth);
	if (way != CLOSE)
		EXPECT_EQ(close(fd), 0);

	if (kind == WRITE)
		EXPECT_EQ(pread(own, found, BLOCK * depth, (off_t)BLOCK * first), BLOCK * depth);
	for (int i = 0; i < depth; i++) {
		int at = events[i].obj - cbs;

		if (no_pins && RES(events[i]) == -EBADF) {
			refused[kind]++;
			continue;
		}
		if (RES(events[i]) != (kind == FSYNC ? 0 : BLOCK))
			EXPECT_FAILED(__FILE__, __LINE__, "round %ld, kind %d, way %d: the result is %ld", round, kind, way,
				      RES(events[i]));
		done[kind]++;
		if (kind == READ)
			EXPECT(pass_of(memory + BLOCK * at, first + at) >= OWN);
		if (kind == WRITE && pass_of(found + BLOCK * at, first + at) != round + OWN)
			EXPECT_FAILED(__FILE__, __LINE__, "round %ld, way %d: block %d is not in its own file", round, way, at);
	}
}

static void expect_untouched(long round)
{
	EXPECT_EQ(pread(other, found, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		if (pass_of(found + BLOCK * i, i) != OTHER)
			EXPECT_FAILED(__FILE__, __LINE__, "by round %ld the other file's block %d was written", round, i);
}

/* Until the last of the closed file's requests has ended, nobody else gets its lock; after that, anybody. */
static void check_flock(void)
{
	int tries_that_failed = 0;
	size_t size = (size_t)BLOCK * LARGE;
	char *large = blocks(LARGE);

	for (int round = 0; round < 50; round++) {
		int fd = reopened(own, O_RDWR | O_DIRECT), waiting = reopened(own, O_RDWR);
		double end = now() + 10;

		EXPECT_EQ(flock(fd, LOCK_EX), 0);
		for (int i = 0; i < DEPTH; i++) {
			list[i] = &cbs[i];
			io_prep_pread(&cbs[i], fd, large, size, 0);
		}
		EXPECT_EQ(AIO(io_submit(ctx, DEPTH, list)), DEPTH);
		EXPECT_EQ(close(fd), 0);
		while (flock(waiting, LOCK_EX | LOCK_NB) != 0) {
			EXPECT_EQ(errno, EWOULDBLOCK);
			EXPECT(now() < end);
			tries_that_failed++;
		}
		/* It has the lock: no request can be in flight. */
		EXPECT_EQ(AIO(io_getevents(ctx, 0, DEPTH, events, NULL)), DEPTH);
		for (int i = 0; i < DEPTH; i++)
			EXPECT_EQ(RES(events[i]), BLOCK * COUNT);
		EXPECT_EQ(close(waiting), 0);
	}
	printf("flock: refused %d times while requests were in flight, then granted\n", tries_that_failed);
}

/* Asked through another description, the process's own record lock is in the way. */
static bool is_locked(int asking)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	EXPECT_EQ(fcntl(asking, F_OFD_GETLK, &lock), 0);
	return lock.l_type != F_UNLCK;
}

static void check_record_locks(void)
{
	int fd = reopened(own, O_RDWR | O_DIRECT), holder = reopened(own, O_RDWR), asking = reopened(own, O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	EXPECT(!is_locked(asking));
	EXPECT_EQ(fcntl(holder, F_SETLK, &lock), 0);
	for (int round = 0; round < 100; round++) {
		struct iocb cb, *one = &cb;

		write_and_check(ctx, fd, memory, 0, DEPTH, OWN);
		io_prep_fsync(&cb, fd);
		EXPECT_EQ(AIO(io_submit(ctx, 1, &one)), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
		EXPECT(is_locked(asking));
	}
	/* When the library's threads have nothing to do any more. */
	sleep(2);
	EXPECT(is_locked(asking));
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT(is_locked(asking));
	puts("record locks: held");
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 20000;

	start_watchdog();
	no_pins = argc > 2 && strcmp(argv[2], "no-pins") == 0;
	memory = blocks(COUNT);
	found = blocks(COUNT);
	own = direct_file(COUNT);
	other = direct_file(COUNT);
	EXPECT_EQ(pipe(pipes), 0);
	mark_all(own, OWN);
	mark_all(other, OTHER);
	EXPECT_EQ(AIO(io_setup(DEPTH, &ctx)), 0);
	for (long round = 1; round <= rounds; round++) {
		/* Now and then more than can be under way at once. */
		int depth = round % 32 ? 1 : DEPTH;

		one_round(round, round % KINDS, round / KINDS % WAYS, rand() % (COUNT - depth + 1), depth);
		if (round % 1000 == 0 || round == rounds)
			expect_untouched(round);
	}
	check_flock();
	check_record_locks();
	printf("%ld rounds: %ld writes, %ld reads and %ld fsyncs of their own file, %ld refused\n", rounds, done[WRITE],
	       done[READ], done[FSYNC], refused[WRITE] + refused[READ] + refused[FSYNC]);
	return 0;
}
