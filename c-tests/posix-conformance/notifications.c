/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signals and threads that say that a request has ended. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../harness/asleep.h"
#include "request.h"

static void check_signal(struct aiocb *cb, long long result, const char *name)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	CHECK(wait_for(SIGUSR1, &info), cb->aio_sigevent.sigev_value.sival_int, "%s, its value", name);
	CHECK(info.si_code, SI_ASYNCIO, "%s, si_code", name);
	CHECK(info.si_pid, getpid(), "%s, si_pid", name);
	CHECK(info.si_uid, getuid(), "%s, si_uid", name);
	CHECK(result_of(cb), result, "%s has ended when it comes", name);
}

static void signal_of_each_kind(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	struct ends p = new_pipe(), s = new_sockets(SOCK_STREAM);

	block(SIGUSR1);
	struct aiocb cb = signalling(request(fd, bytes, 100, 0), SIGUSR1, 1);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, 100, "a cached read");
	cb = signalling(request(fd, bytes, 100, 0), SIGUSR1, 2);
	EXPECT(start_write(&cb) == 0);
	check_signal(&cb, 100, "a write");
	EXPECT(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	cb = signalling(request(fd, bytes, 100, 30000), SIGUSR1, 3);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, 100, "a cold read");
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 4);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, PAGE, "a direct read");
	EXPECT(start_write(&cb) == 0);
	check_signal(&cb, PAGE, "a direct write");
	cb = signalling(request(direct, bytes, PAGE, 100 * PAGE), SIGUSR1, 5);
	EXPECT(start_write(&cb) == 0);
	check_signal(&cb, PAGE, "a direct write that extends the file");
	cb = signalling(request(fd, NULL, 0, 0), SIGUSR1, 6);
	EXPECT(start_fsync(O_SYNC, &cb) == 0);
	check_signal(&cb, 0, "an fsync");
	cb = signalling(request(p.reader, bytes, 10, 0), SIGUSR1, 7);
	EXPECT(start_read(&cb) == 0);
	CHECK(none_comes(SIGUSR1), 1, "a read of a pipe, none yet");
	EXPECT(write(p.writer, "abc", 3) == 3);
	check_signal(&cb, 3, "a read of a pipe");
	cb = signalling(request(s.writer, "abc", 3, 0), SIGUSR1, 8);
	EXPECT(start_write(&cb) == 0);
	check_signal(&cb, 3, "a write to a socket");
	cb = signalling(request(-1, bytes, 10, 0), SIGUSR1, 9);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, -EBADF, "a read of no descriptor");
	cb = signalling(request(fd, hole(), 10, 0), SIGUSR1, 10);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, -EFAULT, "a read to a bad buffer");
	cb = signalling(request(direct, bytes, PAGE, -PAGE), SIGUSR1, 11);
	EXPECT(start_read(&cb) == 0);
	check_signal(&cb, -EINVAL, "a direct read at a negative offset");
}

/* A refused call is no request. */
static void no_signal(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";

	block(SIGUSR1);
	struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGUSR1, 1);
	cb.aio_reqprio = -1;
	CHECK(start_read(&cb), SYNC(EINVAL), "aio_reqprio -1");
	cb.aio_reqprio = 0;
	CHECK(start_fsync(0, &cb), SYNC(EINVAL), "an fsync without operation");
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	CHECK(outcome_of_read(&cb), 10, "SIGEV_NONE");
	CHECK(none_comes(SIGUSR1), 1, "no signal");
}

static void value_is_a_pointer(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	siginfo_t info;

	block(SIGUSR1);
	struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGUSR1, 0);
	cb.aio_sigevent.sigev_value.sival_ptr = &cb;
	EXPECT(start_read(&cb) == 0);
	wait_for(SIGUSR1, &info);
	CHECK(info.si_value.sival_ptr == &cb, 1, "all its bits come");
}

static void many_signals(void)
{
	enum { COUNT = 1000 };
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), right = 0;
	static struct aiocb cbs[COUNT];
	static int seen[COUNT];
	char *bytes = pages(PAGE);

	block(SIGRTMIN + 2);
	for (int i = 0; i < COUNT; i++) {
		cbs[i] = signalling(request(i % 2 ? fd : direct, bytes, PAGE, i % 16 * PAGE), SIGRTMIN + 2, i);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	for (int i = 0; i < COUNT; i++) {
		int value = wait_for(SIGRTMIN + 2, NULL);
		if (value >= 0 && value < COUNT)
			seen[value]++;
	}
	for (int i = 0; i < COUNT; i++)
		right += seen[i] == 1 && result_of(&cbs[i]) == PAGE;
	CHECK(right, COUNT, "each signal comes once");
	CHECK(none_comes(SIGRTMIN + 2), 1, "and none more");
}

/* A handler finds what it is told about ended. */
static atomic_int told_too_early;

static void looks(int number, siginfo_t *info, void *context)
{
	struct aiocb *cb = info->si_value.sival_ptr;

	(void)number;
	(void)context;
	if (aio_error(cb) != 0 || aio_return(cb) != PAGE)
		told_too_early++;
	handled++;
}

static void ended_before_signal(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	struct sigaction action = { .sa_sigaction = looks, .sa_flags = SA_SIGINFO | SA_RESTART };
	static struct aiocb cbs[500];
	char *bytes = pages(PAGE);

	EXPECT(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
	for (int i = 0; i < 500; i++) {
		cbs[i] = signalling(request(i % 2 ? fd : direct, bytes, PAGE, i % 16 * PAGE), SIGRTMIN + 3, 0);
		cbs[i].aio_sigevent.sigev_value.sival_ptr = &cbs[i];
		EXPECT(start_read(&cbs[i]) == 0);
	}
	CHECK(EVENTUALLY(handled == 500), 1, "500 handlers");
	CHECK(told_too_early, 0, "requests in progress in them");
}

/* As servers do: all in the handler. */
static struct aiocb chained[8];
static atomic_int links[8], chain_errors;

static void next_link(int number, siginfo_t *info, void *context)
{
	int i = info->si_value.sival_int;

	(void)number;
	(void)context;
	if (aio_error(&chained[i]) != 0 || aio_return(&chained[i]) != PAGE)
		chain_errors++;
	if (++links[i] < 50 && aio_read(&chained[i]) != 0)
		chain_errors++;
}

static void starts_in_handler(void)
{
	int fd = direct_file(FILE_SIZE, 0), all = 0;
	struct sigaction action = { .sa_sigaction = next_link, .sa_flags = SA_SIGINFO | SA_RESTART };
	char *bytes = pages(8 * PAGE);

	EXPECT(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
	/* The thread only waits. */
	sigset_t none, before, it;
	sigemptyset(&none);
	sigemptyset(&it);
	sigaddset(&it, SIGRTMIN + 3);
	EXPECT(pthread_sigmask(SIG_BLOCK, &it, &before) == 0);
	for (int i = 0; i < 8; i++) {
		chained[i] = signalling(request(fd, bytes + i * PAGE, PAGE, i * PAGE), SIGRTMIN + 3, i);
		EXPECT(start_read(&chained[i]) == 0);
	}
	while (all < 8 * 50 && !chain_errors) {
		sigsuspend(&before);
		all = 0;
		for (int i = 0; i < 8; i++)
			all += links[i];
	}
	CHECK(all, 400, "requests started by handlers");
	CHECK(chain_errors, 0, "errors");
}

static void odd_notifications(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";

	block(SIGUSR1);
	static const int kinds[] = { 77, -1, 3, INT_MAX };
	for (int i = 0; i < 4; i++) {
		struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGUSR1, 1);
		cb.aio_sigevent.sigev_notify = kinds[i];
		CHECK(outcome_of_read(&cb), 10, "sigev_notify %d", kinds[i]);
	}
	struct aiocb cb = signalling(request(fd, bytes, 10, 0), 0, 1);
	CHECK(outcome_of_read(&cb), 10, "signal 0");
	CHECK(none_comes(SIGUSR1), 1, "no signal");
}

static void bad_signal(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	static const int numbers[] = { 99, -1, INT_MAX };

	for (int i = 0; i < 3; i++) {
		struct aiocb cb = signalling(request(fd, bytes, 10, 0), numbers[i], 1);
		EXPECT(start_read(&cb) == 0);
		CHECK(end_of(&cb), 10, "a read, signal %d", numbers[i]);
		pause_for(0.02);
		CHECK(result_of(&cb), 10, "and later");
		cb = signalling(request(direct, bytes, PAGE, 0), numbers[i], 1);
		EXPECT(start_read(&cb) == 0);
		CHECK(end_of(&cb), PAGE, "a direct read, signal %d", numbers[i]);
		pause_for(0.02);
		CHECK(result_of(&cb), PAGE, "and later");
	}
}

static void no_more_signals(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	struct rlimit none = { 0, 0 };

	block(SIGRTMIN);
	EXPECT(setrlimit(RLIMIT_SIGPENDING, &none) == 0);
	if (sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 1 }) == 0)
		skip_fact("RLIMIT_SIGPENDING does not hold here");
	for (int i = 0; i < 5; i++) {
		struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGRTMIN, 1);
		EXPECT(start_read(&cb) == 0);
		CHECK(end_of(&cb), 10, "a read whose signal cannot be sent");
		pause_for(0.02);
		CHECK(result_of(&cb), 10, "and later");
	}
}

static pid_t taken_by;

static void *takes_signal(void *argument)
{
	atomic_int *ready = argument;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	*ready = gettid();
	if (sigwaitinfo(&set, NULL) == SIGRTMIN + 4)
		taken_by = gettid();
	return NULL;
}

/* To the process: whichever thread takes it. */
static void to_any_thread(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	atomic_int ready = 0;
	pthread_t thread;

	block(SIGRTMIN + 4);
	EXPECT(pthread_create(&thread, NULL, takes_signal, &ready) == 0);
	while (!ready)
		pause_for(0.001);
	wait_asleep(getpid(), ready);
	struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGRTMIN + 4, 1);
	CHECK(outcome_of_read(&cb), 10, "a read");
	EXPECT(pthread_join(thread, NULL) == 0);
	CHECK(taken_by == ready, 1, "another thread takes its signal");
}

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif
static void to_one_thread(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	atomic_int ready = 0;
	pthread_t thread;

	block(SIGRTMIN + 4);
	EXPECT(pthread_create(&thread, NULL, takes_signal, &ready) == 0);
	while (!ready)
		pause_for(0.001);
	struct aiocb cb = signalling(request(fd, bytes, 10, 0), SIGRTMIN + 4, 1);
	cb.aio_sigevent.sigev_notify = SIGEV_THREAD_ID;
	cb.aio_sigevent._sigev_un._tid = ready;
	CHECK(outcome_of_read(&cb), 10, "a read");
	CHECK(EVENTUALLY(taken_by == ready), 1, "the thread gets the signal");
	EXPECT(pthread_join(thread, NULL) == 0);
	/* One that waits for it does not, when it is another's. */
	ready = taken_by = 0;
	EXPECT(pthread_create(&thread, NULL, takes_signal, &ready) == 0);
	while (!ready)
		pause_for(0.001);
	wait_asleep(getpid(), ready);
	cb.aio_sigevent._sigev_un._tid = gettid();
	CHECK(outcome_of_read(&cb), 10, "a read with a signal for the main thread");
	CHECK(wait_for(SIGRTMIN + 4, NULL), 1, "the main thread gets it");
	CHECK(taken_by, 0, "and not the one that waits");
	/* None that exists. */
	cb.aio_sigevent._sigev_un._tid = 1;
	CHECK(outcome_of_read(&cb), 10, "a read with a thread of another process");
	pause_for(0.02);
	CHECK(result_of(&cb), 10, "and later");
}

/* What a function that was called by a new thread has seen. */
static struct seen {
	atomic_int calls, thread, bad_mask, value, keyed, detached, cpus;
	size_t stack, guard;
	char *address;
	pthread_t self;
	long long result;
	struct aiocb *cb;
} seen;
static pthread_key_t key;
static atomic_int may_end;

static void sees(union sigval value)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	sigset_t mask;
	void *address;
	int detached = -1;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (int i = 1; i < 32; i++)
		seen.bad_mask += sigismember(&mask, i) == 1;
	seen.thread = gettid();
	seen.value = value.sival_int;
	seen.keyed += pthread_getspecific(key) != NULL;
	pthread_setspecific(key, &seen);
	EXPECT(pthread_getattr_np(pthread_self(), &attributes) == 0);
	pthread_attr_getdetachstate(&attributes, &detached);
	pthread_attr_getstack(&attributes, &address, &seen.stack);
	pthread_attr_getguardsize(&attributes, &seen.guard);
	pthread_attr_destroy(&attributes);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	seen.cpus = CPU_COUNT(&cpus);
	seen.detached = detached == PTHREAD_CREATE_DETACHED;
	seen.address = address;
	seen.self = pthread_self();
	seen.result = seen.cb ? result_of(seen.cb) : 0;
	seen.calls++;
}

static struct aiocb in_thread(struct aiocb cb, void (*function)(union sigval), pthread_attr_t *attributes, int value)
{
	cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
	cb.aio_sigevent.sigev_notify_function = function;
	cb.aio_sigevent.sigev_notify_attributes = attributes;
	cb.aio_sigevent.sigev_value.sival_int = value;
	return cb;
}

static void thread(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	sigset_t all;

	EXPECT(pthread_key_create(&key, NULL) == 0);
	sigfillset(&all);
	EXPECT(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
	for (int i = 1; i <= 20; i++) {
		struct aiocb cb = in_thread(request(i % 2 ? fd : direct, bytes, PAGE, 0), sees, NULL, i);
		seen.cb = &cb;
		EXPECT(start_read(&cb) == 0);
		CHECK(EVENTUALLY(seen.calls == i), 1, "the function is called");
		CHECK(seen.value, i, "its value");
		CHECK(seen.result, PAGE, "the request has ended");
		CHECK(seen.thread != gettid(), 1, "in another thread");
		CHECK(seen.bad_mask, 0, "signals that are blocked in it");
		CHECK(seen.keyed, 0, "a new thread each: no thread's data of an earlier call");
		CHECK(seen.detached, 1, "which is detached");
	}
}

static void attributes(void)
{
	int fd = file_of(FILE_SIZE, 0);
	char bytes[10] = "";
	pthread_attr_t attributes;
	cpu_set_t cpus, one;

	EXPECT(pthread_key_create(&key, NULL) == 0);
	EXPECT(pthread_attr_init(&attributes) == 0);
	EXPECT(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
	EXPECT(pthread_attr_setstacksize(&attributes, 3 << 20) == 0);
	EXPECT(pthread_attr_setguardsize(&attributes, 16 * PAGE) == 0);
	EXPECT(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
		if (CPU_ISSET(i, &cpus))
			CPU_SET(i, &one);
	}
	EXPECT(pthread_attr_setaffinity_np(&attributes, sizeof(one), &one) == 0);
	struct aiocb cb = in_thread(request(fd, bytes, 10, 0), sees, &attributes, 1);
	EXPECT(start_read(&cb) == 0);
	CHECK(EVENTUALLY(seen.calls == 1), 1, "the function is called");
	CHECK(seen.stack, 3 << 20, "the stack's size");
	CHECK(seen.guard, 16 * PAGE, "the guard's size");
	CHECK(seen.cpus, 1, "the processors");
	CHECK(seen.detached, 1, "detached");
	pthread_attr_destroy(&attributes);

	/* A stack of the program's own. */
	char *stack = pages(1 << 20);
	EXPECT(pthread_attr_init(&attributes) == 0);
	EXPECT(pthread_attr_setstack(&attributes, stack, 1 << 20) == 0);
	cb = in_thread(request(fd, bytes, 10, 0), sees, &attributes, 2);
	EXPECT(start_read(&cb) == 0);
	CHECK(EVENTUALLY(seen.calls == 2), 1, "the function is called");
	CHECK(seen.address >= stack && seen.address < stack + (1 << 20), 1, "on the program's stack");
	CHECK(seen.detached, 0, "not detached: the attributes say so");
	CHECK(pthread_join(seen.self, NULL), 0, "it can be joined");
}

static void ends_itself(union sigval value)
{
	seen.calls++;
	seen.value = value.sival_int;
	pthread_exit(NULL);
}

static void waits_long(union sigval value)
{
	(void)value;
	seen.calls++;
	while (!may_end)
		pause_for(0.001);
	seen.calls++;
}

/* What a function does is no matter of the library's. */
static void free_functions(void)
{
	int fd = file_of(FILE_SIZE, 0), right = 0;
	char bytes[30][10];
	static struct aiocb cbs[30];

	for (int i = 1; i <= 10; i++) {
		cbs[0] = in_thread(request(fd, bytes[0], 10, 0), ends_itself, NULL, i);
		EXPECT(start_read(&cbs[0]) == 0);
		right += EVENTUALLY(seen.calls == i) && seen.value == i;
	}
	CHECK(right, 10, "functions that end their thread");
	seen.calls = 0;
	for (int i = 0; i < 30; i++) {
		cbs[i] = in_thread(request(fd, bytes[i], 10, 0), waits_long, NULL, i);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	CHECK(EVENTUALLY(seen.calls == 30), 1, "functions that wait hold up no others");
	struct aiocb cb = request(fd, bytes[0], 10, 0);
	CHECK(outcome_of_write(&cb), 10, "nor a request");
	may_end = 1;
	CHECK(EVENTUALLY(seen.calls == 60), 1, "all come to their end");
}

static atomic_int chain_length, chain_right;

static void reads_more(union sigval value)
{
	struct aiocb *cb = value.sival_ptr;
	const struct aiocb *list[] = { cb };
	struct aiocb other = *cb;

	chain_right += aio_error(cb) == 0 && aio_return(cb) == PAGE;
	/* One that it waits for, and then the next link. */
	other.aio_sigevent.sigev_notify = SIGEV_NONE;
	list[0] = &other;
	chain_right += aio_read(&other) == 0 && aio_suspend(list, 1, NULL) == 0 && aio_return(&other) == PAGE;
	if (chain_length + 1 < 50)
		aio_read(cb);
	chain_length++;
}

static void requests_in_functions(void)
{
	int fd = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	struct aiocb cb = in_thread(request(fd, bytes, PAGE, 0), reads_more, NULL, 0);

	cb.aio_sigevent.sigev_value.sival_ptr = &cb;
	EXPECT(start_read(&cb) == 0);
	CHECK(EVENTUALLY(chain_length == 50), 1, "each function starts the next request");
	CHECK(chain_right, 100, "their results");
}

static void many_threads(void)
{
	enum { COUNT = 500 };
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	static struct aiocb cbs[COUNT];

	for (int i = 0; i < COUNT; i++) {
		cbs[i] = in_thread(request(i % 2 ? fd : direct, bytes, PAGE, 0), ends_itself, NULL, i);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	CHECK(EVENTUALLY(seen.calls == COUNT), 1, "500 functions");
	pause_for(0.05);
	CHECK(seen.calls, COUNT, "each called once");
}

const struct fact notification_facts[] = {
	{ "notification", "a signal for each kind of request", signal_of_each_kind, SAME, 0 },
	{ "notification", "no signal for what is refused", no_signal, SAME, 0 },
	{ "notification", "a signal carries a pointer", value_is_a_pointer, SAME, 0 },
	{ "notification", "1000 signals", many_signals, SAME, 0 },
	{ "notification", "a request has ended when its signal comes", ended_before_signal, SAME, 0 },
	{ "notification", "handlers start requests", starts_in_handler, SAME, 0 },
	{ "notification", "unknown notifications are ignored", odd_notifications, SAME, 0 },
	{ "notification", "a bad signal does not spoil the result", bad_signal, BETTER, 0 },
	{ "notification", "the limit of signals does not spoil the result", no_more_signals, BETTER, 0 },
	{ "notification", "a signal goes to the process", to_any_thread, SAME, 0 },
	{ "notification", "SIGEV_THREAD_ID", to_one_thread, BETTER, 0 },
	{ "notification", "SIGEV_THREAD", thread, SAME, 0 },
	{ "notification", "the attributes of SIGEV_THREAD", attributes, SAME, 0 },
	{ "notification", "functions that end their thread, or wait", free_functions, SAME, 0 },
	{ "notification", "functions that make requests", requests_in_functions, SAME, 0 },
	{ "notification", "500 functions", many_threads, SAME, 0 },
	{ 0 },
};
