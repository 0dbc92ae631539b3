/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A handler of a timer's signal calls io_submit, io_getevents and io_cancel on the context that the interrupted
 * thread is inside of, in the same calls: no deadlock, and every event of an accepted request comes once. Where
 * threads can be had, and where none can: as another user, with RLIMIT_NPROC 1.
 *
 * usage: handler [SECONDS], for each of the two
 */
#include <poll.h>
#include <sys/resource.h>

#include "interrupt.h"
#include "transfers.h"

enum { CAPACITY = 256, SOME = 16 };
enum kind { DIRECT, INLINE, FSYNC, POLL, KINDS };

static int file, null, pipes[2];
static char *memory;
static io_context_t ctx;
static timer_t timer;
/* The handler changes them too, but on the same thread, and between two instructions. */
static volatile long accepted, collected, cancelled, handled;

static void submit_one(int kind)
{
	struct iocb cb, *list[] = { &cb };

	switch (kind) {
	case DIRECT:
		io_prep_pread(&cb, file, memory, BLOCK, 0);
		break;
	case INLINE:
		io_prep_pwrite(&cb, null, memory, 1, 0);
		break;
	case FSYNC:
		io_prep_fsync(&cb, file);
		break;
	default:
		io_prep_poll(&cb, pipes[0], POLLIN);
	}
	long result = io_submit(ctx, 1, list);
	/* Full; or a poll where no thread can be had. */
	EXPECT(result == 1 || result == -EAGAIN);
	if (result != 1)
		return;
	__atomic_add_fetch(&accepted, 1, __ATOMIC_RELAXED);
	if (kind != POLL)
		return;
	/* It is never ready. An iocb of the interrupted function, at another address, is not found. */
	result = io_cancel(ctx, &cb, NULL);
	EXPECT_EQ(result, -EINPROGRESS);
	__atomic_add_fetch(&cancelled, 1, __ATOMIC_RELAXED);
}

static void collect(long min, const struct timespec *timeout)
{
	struct io_event events[SOME];
	struct timespec copy = *timeout;
	long count = io_getevents(ctx, min, SOME, events, &copy);

	EXPECT(count >= 0 || count == -EINTR);
	if (count > 0)
		__atomic_add_fetch(&collected, count, __ATOMIC_RELAXED);
}

static const struct timespec at_once = { 0, 0 }, instant = { 0, 20000 };

static void handler(int number)
{
	int before = errno;

	(void)number;
	submit_one(handled % KINDS);
	collect(1, handled % 8 ? &at_once : &instant);
	handled++;
	errno = before;
}

static void child(double seconds, int alone)
{
	struct rlimit none = { 1, 1 };

	if (alone) {
		EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
		EXPECT_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
	}
	EXPECT_EQ(AIO(io_setup(CAPACITY, &ctx)), 0);
	timer = interrupting_timer(handler);
	long round = 0;
	for (double end = now() + seconds; now() < end; round++) {
		interrupt_within(timer, 30000);
		submit_one(round % KINDS);
		collect(round % 3, &instant);
	}
	do_not_interrupt(timer);
	for (double end = now() + 5; collected < accepted && now() < end;)
		collect(1, &instant);
	EXPECT_EQ(collected, accepted);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT(handled > 100);
	printf("%s: %ld handlers in %ld rounds, %ld requests, %ld of them cancelled polls\n",
	       alone ? "without threads" : "with threads", handled, round, accepted, cancelled);
	exit(0);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2;

	setvbuf(stdout, NULL, _IONBF, 0);
	file = direct_file(16);
	memory = blocks(1);
	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	for (int alone = 0; alone < 2; alone++) {
		if (alone && geteuid() != 0)
			SKIP("only root can become a user who may start no thread");
		pid_t process = fork();
		EXPECT(process >= 0);
		if (process == 0)
			child(seconds, alone);
		EXPECT_EQ(status_within(process, seconds + 10), 0);
	}
	return 0;
}
