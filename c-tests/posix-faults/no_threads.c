/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: either, a blocked read of a pipe takes the only thread */
/*
 * RLIMIT_NPROC refuses threads, as another user: all of them, or all but one or two. A request is refused with EAGAIN
 * or carried out; one that was accepted ends, and its notification comes, though a read of a pipe waits. When
 * threads can be had again, all is well.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "../harness/posix_aio.h"

enum { COUNT = 16 };

static atomic_int signals, called;
static int refused, accepted;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void count_call(union sigval value)
{
	(void)value;
	called++;
}

/* Whether it was accepted. */
static bool taken(int result)
{
	if (result == 0) {
		accepted++;
		return true;
	}
	EXPECT_EQ(result, -1);
	EXPECT_EQ(errno, EAGAIN);
	refused++;
	return false;
}

static void wait_for(atomic_int *count, int wanted, const char *what)
{
	double end = now() + patience();

	while (*count < wanted && now() < end)
		usleep(1000);
	if (*count != wanted)
		EXPECT_FAILED(__FILE__, __LINE__, "%d of %d %s came", *count, wanted, what);
}

static void all_kinds(int direct, int buffered, char *memory)
{
	struct aiocb waiting, cb, many[COUNT], *list[COUNT];
	char got = 0;
	int ends[2], wanted;

	EXPECT_EQ(pipe(ends), 0);
	bool waits = taken(aio_read(prepare(&waiting, ends[0], &got, 1, 0)));
	for (int pass = 1; pass <= 20; pass++) {
		int fd = pass % 2 ? direct : buffered;

		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, pass);
			if (!taken(aio_write(prepare(&many[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i))))
				continue;
			FINISHES(&many[i], 0, BLOCK);
			EXPECT_EQ(pread(buffered, memory + BLOCK * (COUNT + i), BLOCK, (off_t)BLOCK * i), BLOCK);
			EXPECT_EQ(pass_of(memory + BLOCK * (COUNT + i), i), pass);
		}
		if (taken(aio_fsync(pass % 3 ? O_SYNC : O_DSYNC, prepare(&cb, fd, NULL, 0, 0))))
			FINISHES(&cb, 0, 0);
	}
	/* Notifications. */
	signals = called = 0;
	wanted = 0;
	for (int i = 0; i < COUNT; i++) {
		prepare(&many[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		many[i].aio_sigevent.sigev_notify = SIGEV_SIGNAL;
		many[i].aio_sigevent.sigev_signo = SIGRTMIN;
		if (taken(aio_read(&many[i]))) {
			wanted++;
			FINISHES(&many[i], 0, BLOCK);
		}
	}
	wait_for(&signals, wanted, "signals");
	wanted = 0;
	for (int i = 0; i < COUNT; i++) {
		prepare(&many[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		many[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
		many[i].aio_sigevent.sigev_notify_function = count_call;
		if (taken(aio_read(&many[i]))) {
			wanted++;
			FINISHES(&many[i], 0, BLOCK);
		}
	}
	/* Its threads cannot be had: it may be that none is called, but none is called twice. */
	usleep(50000);
	EXPECT(called <= wanted);
	/* Lists. */
	for (int i = 0; i < COUNT; i++) {
		list[i] = prepare(&many[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
		list[i]->aio_lio_opcode = LIO_READ;
	}
	if (lio_listio(LIO_WAIT, list, COUNT, NULL) == 0) {
		for (int i = 0; i < COUNT; i++)
			FINISHES(list[i], 0, BLOCK);
	} else {
		/* EAGAIN: some were not accepted. EIO: some failed, and that is what happened to those. */
		EXPECT(errno == EAGAIN || errno == EIO);
		for (int i = 0; i < COUNT; i++) {
			int error = error_within(list[i], patience());

			EXPECT(error == 0 || error == EAGAIN);
			refused += error == EAGAIN;
		}
	}
	if (waits) {
		EXPECT_EQ(aio_error(&waiting), EINPROGRESS);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		FINISHES(&waiting, 0, 1);
		EXPECT_EQ(got, 'x');
	}
	close(ends[0]);
	close(ends[1]);
}

static void with_room_for(int room, int direct, int buffered, char *memory)
{
	/* Nobody else's, so that the limit counts these threads only. */
	uid_t user = 1000000 + getpid();
	struct rlimit few, many;

	EXPECT_EQ(getrlimit(RLIMIT_NPROC, &many), 0);
	few = many;
	few.rlim_cur = room + 1;
	many.rlim_cur = 1000;
	EXPECT_EQ(setrlimit(RLIMIT_NPROC, &few), 0);
	EXPECT_EQ(setgid(user), 0);
	EXPECT_EQ(setuid(user), 0);
	EXPECT(signal(SIGRTMIN, count_signal) != SIG_ERR);
	refused = accepted = 0;
	all_kinds(direct, buffered, memory);
	printf("room for %d threads: %d accepted, %d refused\n", room, accepted, refused);
	EXPECT_EQ(setrlimit(RLIMIT_NPROC, &many), 0);
	for (int i = 0; i < 20; i++) {
		write_and_read(direct, memory, COUNT, 100 + i);
		use_pipe();
	}
}

int main(void)
{
	begin();
	if (geteuid() != 0)
		SKIP("only root can become a user who has no other processes");
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(2 * COUNT);

	for (int room = 0; room < 4; room++)
		IN_CHILD(with_room_for(room, direct, buffered, memory));
	puts("room for 0 to 3 threads: refused or carried out, and all is well when there is room again");
	return 0;
}
