/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* lio_listio. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <sys/time.h>

#include "suspender.h"

static long long list_io(int mode, struct aiocb *const list[], int count, struct sigevent *event)
{
	int got = lio_listio(mode, list, count, event);

	return got == -1 ? SYNC(errno) : got;
}

static struct aiocb entry(int opcode, int fd, void *bytes, size_t count, long long offset)
{
	struct aiocb cb = request(fd, bytes, count, offset);

	cb.aio_lio_opcode = opcode;
	return cb;
}

static struct sigevent signal_event(int signal, int value)
{
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = signal;
	event.sigev_value.sival_int = value;
	return event;
}

static void waits(void)
{
	enum { COUNT = 32 };
	int fd = file_of(FILE_SIZE, 0), other = file_of(0, 0), direct = direct_file(FILE_SIZE, 0), right = 0;
	char *bytes = pages(COUNT * PAGE);
	struct aiocb cbs[COUNT], *list[COUNT];

	for (int i = 0; i < COUNT; i++) {
		if (i % 4 == 0)
			cbs[i] = entry(LIO_WRITE, other, "0123456789", 10, i * 10);
		else
			cbs[i] = entry(LIO_READ, i % 2 ? fd : direct, bytes + i * PAGE, PAGE, i % 16 * PAGE);
		list[i] = &cbs[i];
	}
	CHECK(list_io(LIO_WAIT, list, COUNT, NULL), 0, "lio_listio waits");
	for (int i = 0; i < COUNT; i++)
		right += result_of(&cbs[i]) == (i % 4 ? PAGE : 10) &&
			 (i % 4 == 0 || right_bytes(bytes + i * PAGE, PAGE, (size_t)(i % 16 * PAGE)) == PAGE);
	CHECK(right, COUNT, "all have ended");
}

static void goes_on(void)
{
	struct ends p = new_pipe();
	int fd = file_of(FILE_SIZE, 0);
	char byte = 0, bytes[10] = "";
	struct aiocb a = entry(LIO_READ, p.reader, &byte, 1, 0), b = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &a, &b };

	CHECK(list_io(LIO_NOWAIT, list, 2, NULL), 0, "lio_listio does not wait");
	CHECK(end_of(&b), 10, "one ends");
	CHECK(stays_in_progress(&a), 1, "the other waits");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(end_of(&a), 1, "and ends");
}

static void nothing_to_do(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb nop = entry(LIO_NOP, -1, NULL, 0, -1), read = entry(LIO_READ, fd, bytes, 10, 0);
	struct aiocb *mixed[] = { NULL, &nop, &read, NULL, &nop }, *none[] = { NULL, &nop };

	CHECK(list_io(LIO_WAIT, mixed, 5, NULL), 0, "NULLs and LIO_NOPs among others");
	CHECK(result_of(&read), 10, "the others");
	CHECK(aio_error(&nop), 0, "aio_error of a LIO_NOP");
	CHECK(aio_return(&nop), 0, "aio_return of a LIO_NOP");
	CHECK(list_io(LIO_WAIT, none, 2, NULL), 0, "nothing else");
	CHECK(list_io(LIO_NOWAIT, none, 2, NULL), 0, "nothing else, LIO_NOWAIT");
	CHECK(list_io(LIO_WAIT, mixed, 0, NULL), 0, "no entries");
	CHECK(list_io(LIO_NOWAIT, mixed, 0, NULL), 0, "no entries, LIO_NOWAIT");
}

static void bad_mode(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb cb = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &cb };

	CHECK(list_io(77, list, 1, NULL), SYNC(EINVAL), "mode 77");
	CHECK(list_io(-1, list, 1, NULL), SYNC(EINVAL), "mode -1");
	CHECK(list_io(2, list, 0, NULL), SYNC(EINVAL), "no entries");
	CHECK(aio_error(&cb), 0, "nothing was begun");
}

static void failures(void)
{
	int fd = file_of(FILE_SIZE, 0), to_read = open("/dev/zero", O_RDONLY);
	char bytes[10] = "";
	struct aiocb good = entry(LIO_READ, fd, bytes, 10, 0), bad = entry(LIO_READ, -1, bytes, 10, 0),
		     mode = entry(LIO_WRITE, to_read, bytes, 10, 0);
	struct aiocb *one[] = { &good, &bad }, *all[] = { &bad, &good, &mode }, *alone[] = { &bad };

	CHECK(list_io(LIO_WAIT, one, 2, NULL), SYNC(EIO), "one of two");
	CHECK(result_of(&good), 10, "the other");
	CHECK(result_of(&bad), -EBADF, "the one");
	good.aio_lio_opcode = bad.aio_lio_opcode = LIO_READ;
	CHECK(list_io(LIO_WAIT, all, 3, NULL), SYNC(EIO), "two of three");
	CHECK(result_of(&good), 10, "the third");
	CHECK(result_of(&mode), -EBADF, "a write to O_RDONLY");
	CHECK(list_io(LIO_WAIT, alone, 1, NULL), SYNC(EIO), "all of one");
	CHECK(list_io(LIO_NOWAIT, alone, 1, NULL), 0, "LIO_NOWAIT");
	CHECK(end_of(&bad), -EBADF, "its end");
	/* A short read is none. */
	struct aiocb *at_end[] = { &good };
	good = entry(LIO_READ, fd, bytes, 10, FILE_SIZE - 1);
	CHECK(list_io(LIO_WAIT, at_end, 1, NULL), 0, "a short read");
	CHECK(result_of(&good), 1, "its result");
}

static void bad_entries(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";

	for (int mode = LIO_WAIT; mode <= LIO_NOWAIT; mode++) {
		const char *name = mode == LIO_WAIT ? "LIO_WAIT" : "LIO_NOWAIT";
		struct aiocb good = entry(LIO_READ, fd, bytes, 10, 0), opcode = entry(99, fd, bytes, 10, 0),
			     priority = entry(LIO_READ, fd, bytes, 10, 0);
		struct aiocb *with_opcode[] = { &opcode, &good }, *with_priority[] = { &priority, &good };

		priority.aio_reqprio = -1;
		CHECK(list_io(mode, with_opcode, 2, NULL), mode == LIO_WAIT ? SYNC(EIO) : 0, "%s, opcode 99", name);
		CHECK(end_of(&opcode), -EINVAL, "%s, its end", name);
		CHECK(end_of(&good), 10, "%s, the entry behind it", name);
		long long got = list_io(mode, with_priority, 2, NULL);
		CHECK(mode == LIO_WAIT ? got : got < 0, mode == LIO_WAIT ? SYNC(EIO) : 1, "%s, aio_reqprio -1", name);
		CHECK(end_of(&priority), -EINVAL, "%s, its end", name);
		CHECK(end_of(&good), 10, "%s, the entry behind it", name);
	}
}

/* The call itself says what is wrong, where there is nothing that could say it. */
static void nothing_made(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb priority = entry(LIO_READ, fd, bytes, 10, 0), none = entry(LIO_NOP, fd, bytes, 10, 0);
	struct aiocb *list[] = { NULL, &priority, &none };

	priority.aio_reqprio = 21;
	CHECK(list_io(LIO_WAIT, list, 3, NULL), SYNC(EINVAL), "aio_reqprio 21, LIO_WAIT");
	CHECK(list_io(LIO_NOWAIT, list, 3, NULL), SYNC(EINVAL), "aio_reqprio 21, LIO_NOWAIT");
	CHECK(result_of(&priority), -EINVAL, "its end");
}

/* Which are none, and which are known; what is in the structure stays, but for lio_listio64 on 32 bits. */
static void opcodes(void)
{
	int fd = file_of(FILE_SIZE, 0);
	static const int known[] = { 0, 1, 3, 4 }, unknown[] = { -1, 5, 99, 127, 130, 131, 132, 258, INT_MAX };
	char byte = pattern(0);

	/* There a sync of lio_listio64 has become another number by the time that it is looked at. */
	int count = sizeof(long) == 4 && sizeof(off_t) == 8 ? 2 : 4;

	for (int i = 0; i < count; i++) {
		struct aiocb cb = entry(known[i], fd, &byte, 1, 0), *list[] = { &cb };

		CHECK(list_io(LIO_WAIT, list, 1, NULL), 0, "opcode %d", known[i]);
		CHECK(result_of(&cb), known[i] < 2, "its result");
		CHECK(cb.aio_lio_opcode & 127, known[i], "it stays");
	}
	for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		struct aiocb cb = entry(unknown[i], fd, &byte, 1, 0), *list[] = { &cb };

		CHECK(list_io(LIO_WAIT, list, 1, NULL), SYNC(EIO), "opcode %d", unknown[i]);
		CHECK(result_of(&cb), -EINVAL, "its result");
		CHECK(cb.aio_lio_opcode | 128, unknown[i] | 128, "it stays");
	}
	struct aiocb wide = entry(LIO_READ | 128, fd, &byte, 1, 0), *list[] = { &wide };

	CHECK(list_io(LIO_WAIT, list, 1, NULL), 0, "a read that says 64 bits");
	CHECK(result_of(&wide), 1, "its result");
	CHECK(wide.aio_lio_opcode, LIO_READ | 128, "it stays");
}

static void bad_opcodes_signal(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char byte = 0;
	siginfo_t info;
	struct aiocb cb = signalling(entry(99, fd, &byte, 1, 0), SIGUSR1, 7), *list[] = { &cb };

	block(SIGUSR1);
	block(SIGUSR2);
	CHECK(list_io(LIO_WAIT, list, 1, NULL), SYNC(EIO), "LIO_WAIT");
	CHECK(wait_for(SIGUSR1, &info), 7, "a request that is none signals");
	struct sigevent of_list = signal_event(SIGUSR2, 8);
	CHECK(list_io(LIO_NOWAIT, list, 1, &of_list), 0, "LIO_NOWAIT");
	CHECK(wait_for(SIGUSR1, &info), 7, "it signals again");
	CHECK(wait_for(SIGUSR2, &info), 8, "and its list");
}

static void interrupted(void)
{
	struct ends p = new_pipe();
	int fd = file_of(FILE_SIZE, 0);
	char byte = 0, bytes[10] = "";
	struct aiocb a = entry(LIO_READ, p.reader, &byte, 1, 0), b = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &a, &b };
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };

	count_signal(SIGALRM, 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	CHECK(list_io(LIO_WAIT, list, 2, NULL), SYNC(EINTR), "a handler without SA_RESTART");
	CHECK(handled > 0, 1, "it ran");
	CHECK(end_of(&b), 10, "what can end ends");
	CHECK(aio_error(&a), EINPROGRESS, "what waits goes on");
}

/* glibc goes on to write to the stack of the call. */
static void ends_after_interruption(void)
{
	struct ends p = new_pipe();
	int fd = file_of(FILE_SIZE, 0);
	char byte = 0, bytes[10] = "";
	struct aiocb a = entry(LIO_READ, p.reader, &byte, 1, 0), b = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &a, &b };
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };

	count_signal(SIGALRM, 0);
	EXPECT(setitimer(ITIMER_REAL, &often, NULL) == 0);
	CHECK(list_io(LIO_WAIT, list, 2, NULL), SYNC(EINTR), "a handler without SA_RESTART");
	EXPECT(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(handled > 0, 1, "it ran");
	CHECK(end_of(&b), 10, "what can end ends");
	CHECK(stays_in_progress(&a), 1, "what waits goes on");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(end_of(&a), 1, "and ends");
}

static void signals_when_done(void)
{
	struct ends p = new_pipe();
	int fd = file_of(FILE_SIZE, 0);
	char byte = 0, bytes[10] = "";
	siginfo_t info;
	struct aiocb a = entry(LIO_READ, p.reader, &byte, 1, 0), b = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &a, &b };
	struct sigevent event = signal_event(SIGUSR1, 42);

	block(SIGUSR1);
	CHECK(list_io(LIO_NOWAIT, list, 2, &event), 0, "lio_listio");
	memset(&event, 0xff, sizeof(event));
	CHECK(end_of(&b), 10, "one ends");
	CHECK(none_comes(SIGUSR1), 1, "no signal yet");
	EXPECT(write(p.writer, "x", 1) == 1);
	CHECK(wait_for(SIGUSR1, &info), 42, "the signal comes when all have ended");
	CHECK(info.si_code, SI_ASYNCIO, "its si_code");
	CHECK(info.si_pid, getpid(), "its si_pid");
	CHECK(result_of(&a) == 1 && result_of(&b) == 10, 1, "all have");
	CHECK(none_comes(SIGUSR1), 1, "it comes once");
}

static void signals_failures(void)
{
	char byte = 0;
	struct aiocb a = entry(LIO_READ, -1, &byte, 1, 0), b = entry(99, 0, &byte, 1, 0), *list[] = { &a, &b };
	struct sigevent event = signal_event(SIGUSR1, 43);

	block(SIGUSR1);
	CHECK(list_io(LIO_NOWAIT, list, 2, &event), 0, "lio_listio of what fails");
	CHECK(wait_for(SIGUSR1, NULL), 43, "the signal");
	CHECK(result_of(&a) == -EBADF && result_of(&b) == -EINVAL, 1, "all have ended");
}

static atomic_int told;

static void tell(union sigval value)
{
	told = value.sival_int;
}

static void empty_signals(void)
{
	struct aiocb nop = entry(LIO_NOP, 0, NULL, 0, 0), *list[] = { &nop, NULL };
	struct sigevent event = signal_event(SIGUSR1, 44);

	block(SIGUSR1);
	CHECK(list_io(LIO_NOWAIT, list, 2, &event), 0, "LIO_NOP and NULL");
	CHECK(wait_for(SIGUSR1, NULL), 44, "the signal");
	CHECK(list_io(LIO_NOWAIT, list, 0, &event), 0, "no entries");
	CHECK(wait_for(SIGUSR1, NULL), 44, "the signal");
	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = tell;
	event.sigev_notify_attributes = NULL;
	event.sigev_value.sival_int = 45;
	CHECK(list_io(LIO_NOWAIT, list, 0, &event), 0, "a thread");
	CHECK(EVENTUALLY(told == 45), 1, "the thread");
	event.sigev_notify = SIGEV_NONE;
	CHECK(list_io(LIO_NOWAIT, list, 0, &event), 0, "SIGEV_NONE");
	event.sigev_notify = 77;
	CHECK(list_io(LIO_NOWAIT, list, 0, &event), 0, "an unknown notification");
	CHECK(none_comes(SIGUSR1), 1, "no signal");
}

static void waiting_has_no_signal(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct aiocb cb = entry(LIO_READ, fd, bytes, 10, 0), *list[] = { &cb };
	struct sigevent event = signal_event(SIGUSR1, 46);

	block(SIGUSR1);
	CHECK(list_io(LIO_WAIT, list, 1, &event), 0, "LIO_WAIT");
	CHECK(list_io(LIO_WAIT, list, 0, &event), 0, "LIO_WAIT, no entries");
	CHECK(none_comes(SIGUSR1), 1, "no signal");
}

static void each_signals(void)
{
	enum { COUNT = 10 };
	int fd = file_of(FILE_SIZE, 0), seen[COUNT] = { 0 }, right = 0;
	char bytes[COUNT][10];
	struct aiocb cbs[COUNT], *list[COUNT];
	struct sigevent event = signal_event(SIGUSR1, 47);

	block(SIGUSR1);
	block(SIGRTMIN + 1);
	for (int mode = LIO_WAIT; mode <= LIO_NOWAIT; mode++) {
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = signalling(entry(LIO_READ, fd, bytes[i], 10, 0), SIGRTMIN + 1, i);
			list[i] = &cbs[i];
		}
		CHECK(list_io(mode, list, COUNT, &event), 0, "mode %d", mode);
		for (int i = 0; i < COUNT; i++) {
			int value = wait_for(SIGRTMIN + 1, NULL);
			if (value >= 0 && value < COUNT)
				seen[value]++;
		}
		if (mode == LIO_NOWAIT)
			CHECK(wait_for(SIGUSR1, NULL), 47, "the list's signal");
	}
	for (int i = 0; i < COUNT; i++)
		right += seen[i] == 2;
	CHECK(right, COUNT, "each entry's own signal comes, whatever the mode");
}

static void in_threads(void)
{
	enum { COUNT = 20 };
	int fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(COUNT * PAGE);
	static struct aiocb cbs[COUNT], *list[COUNT];
	struct sigevent event = signal_event(0, 0);

	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = tell;
	for (int round = 1; round <= 20; round++) {
		int done = 0;
		event.sigev_value.sival_int = round;
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = entry(LIO_READ, fd, bytes + i % 16 * PAGE, PAGE, i % 16 * PAGE);
			list[i] = &cbs[i];
		}
		EXPECT(list_io(LIO_NOWAIT, list, COUNT, &event) == 0);
		if (!EVENTUALLY(told == round))
			break;
		for (int i = 0; i < COUNT; i++)
			done += result_of(&cbs[i]) == PAGE;
		if (done == COUNT)
			continue;
		CHECK(done, COUNT, "all have ended when the function runs, round %d", round);
	}
	CHECK(told, 20, "lists of direct reads, each with a thread when it is done");
}

static void long_lists(void)
{
	enum { COUNT = 2000 };
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	static struct aiocb cbs[COUNT], *list[COUNT];
	char *bytes = pages(PAGE);

	for (int round = 0; round < 3; round++) {
		int right = 0;
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = entry(LIO_READ, round ? direct : fd, bytes, PAGE, i % 16 * PAGE);
			if (round == 2 && i % 2)
				cbs[i].aio_fildes = fd;
			list[i] = &cbs[i];
		}
		CHECK(list_io(LIO_WAIT, list, COUNT, NULL), 0, "2000 reads, %s",
		      round == 0 ? "cached" : round == 1 ? "direct" : "of both kinds");
		for (int i = 0; i < COUNT; i++)
			right += result_of(&cbs[i]) == PAGE;
		CHECK(right, COUNT, "all have ended");
	}
}

/* Of programs that were linked long ago. glibc 2.34 and later take it for a mode that is neither, and do not wait. */
#if defined(__x86_64__)
#define OLD_NODE "GLIBC_2.2.5"
#elif defined(__i386__) || defined(__powerpc__) || defined(__s390__) || defined(__arm__)
#define OLD_NODE "GLIBC_2.1"
#endif

static void old_version(void)
{
#ifdef OLD_NODE
	if (library && !*library)
		skip_fact("a static library has no old versions");
	const char *name = sizeof(long) == 4 && sizeof(off_t) == 8 ? "lio_listio64" : "lio_listio";
	union {
		void *address;
		int (*function)(int, struct aiocb *const[], int, struct sigevent *);
	} old = { dlvsym(RTLD_DEFAULT, name, OLD_NODE) };
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";

	if (!old.address)
		skip_fact("there is no %s@%s", name, OLD_NODE);
	block(SIGUSR1);
	block(SIGUSR2);
	for (int mode = LIO_WAIT; mode <= LIO_NOWAIT; mode++) {
		struct aiocb cb = signalling(entry(LIO_READ, fd, bytes, 10, 0), SIGUSR2, 1), *list[] = { &cb };
		struct sigevent event = signal_event(SIGUSR1, 48);

		CHECK(old.function(mode, list, 1, &event), 0, "mode %d", mode);
		CHECK(end_of(&cb), 10, "its end");
		if (mode == LIO_NOWAIT)
			CHECK(wait_for(SIGUSR1, NULL), 48, "the list's signal");
		CHECK(none_comes(SIGUSR2), 1, "no signal of its own");
	}
	struct aiocb bad = entry(LIO_READ, -1, bytes, 10, 0), *list[] = { &bad };
	CHECK(old.function(LIO_WAIT, list, 1, NULL) == -1 ? errno : 0, EIO, "an entry that fails");
	CHECK(old.function(77, list, 1, NULL) == -1 ? errno : 0, EINVAL, "mode 77");
	/* The present one sends it. */
	struct aiocb cb = signalling(entry(LIO_READ, fd, bytes, 10, 0), SIGUSR2, 1), *now[] = { &cb };
	CHECK(list_io(LIO_WAIT, now, 1, NULL), 0, "the present version");
	CHECK(wait_for(SIGUSR2, NULL), 1, "sends it");
#else
	skip_fact("this architecture has no old version");
#endif
}

const struct fact list_facts[] = {
	{ "lists", "LIO_WAIT", waits, SAME, 0 },
	{ "lists", "LIO_NOWAIT", goes_on, SAME, 0 },
	{ "lists", "NULL, LIO_NOP and nothing", nothing_to_do, SAME, 0 },
	{ "lists", "a bad mode", bad_mode, SAME, 0 },
	{ "lists", "an entry that fails gives EIO", failures, SAME, 0 },
	{ "lists", "bad entries", bad_entries, SAME, 0 },
	{ "lists", "a list of which nothing can be made", nothing_made, SAME, 0 },
	{ "lists", "which operations are known", opcodes, SAME, 0 },
	{ "lists", "unknown operations signal", bad_opcodes_signal, SAME, 0 },
	{ "lists", "LIO_WAIT is interrupted", interrupted, SAME, 0 },
	{ "lists", "requests end after LIO_WAIT was interrupted", ends_after_interruption, CHANCE, 0 },
	{ "lists", "a signal when all have ended", signals_when_done, SAME, 0 },
	{ "lists", "a signal when all have failed", signals_failures, SAME, 0 },
	{ "lists", "an empty list signals at once", empty_signals, SAME, 0 },
	{ "lists", "LIO_WAIT sends no signal", waiting_has_no_signal, SAME, 0 },
	{ "lists", "each entry's own signal", each_signals, SAME, 0 },
	{ "lists", "a thread when all have ended", in_threads, SAME, 0 },
	{ "lists", "of 2000", long_lists, SAME, 0 },
	{ "lists", "the old version sends no signals of entries", old_version, BETTER, 0 },
	{ 0 },
};
