/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, vfork, exec, and the end of a process. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "suspender.h"

/* What a child does; its exit code. */
static int child_works(int number_of_signal)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE);
	const struct aiocb *list[1];

	patience = 3;
	struct aiocb cb = request(fd, bytes, 100, 0);
	if (outcome_of_read(&cb) != 100)
		return 1;
	if (outcome_of_write(&cb) != 100)
		return 2;
	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	if (outcome_of_read(&cb) != 100)
		return 3;
	cb = signalling(request(direct, bytes, PAGE, 0), number_of_signal, 5);
	if (outcome_of_read(&cb) != PAGE || wait_for(number_of_signal, NULL) != 5)
		return 4;
	if (outcome_of_fsync(O_SYNC, &cb) != 0 || wait_for(number_of_signal, NULL) != 5)
		return 5;
	struct aiocb *waiting = waiting_read(&writer);
	list[0] = waiting;
	if (!stays_in_progress(waiting))
		return 6;
	EXPECT(write(writer, "x", 1) == 1);
	if (aio_suspend(list, 1, &(struct timespec){ 3, 0 }) != 0 || result_of(waiting) != 1)
		return 7;
	return 0;
}

static void parent_uses(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(PAGE);

	block(SIGUSR1);
	struct aiocb cb = request(fd, bytes, 100, 0);
	CHECK(outcome_of_write(&cb), 100, "the parent's write");
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 1);
	CHECK(outcome_of_read(&cb), PAGE, "the parent's direct read");
	CHECK(wait_for(SIGUSR1, NULL), 1, "its signal");
	/* So that all threads there can be exist, idle or not. */
	struct aiocb *waiting = waiting_read(&writer);
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "the parent's read of a pipe");
}

static void child_of_a_user(void)
{
	parent_uses();
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		_exit(child_works(SIGUSR1));
	CHECK(status_of(child), 0, "the child's requests");
	parent_uses();
}

static void child_of_nobody(void)
{
	block(SIGUSR1);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0)
		_exit(child_works(SIGUSR1));
	CHECK(status_of(child), 0, "the child's requests");
	parent_uses();
}

static void grandchild(void)
{
	parent_uses();
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		if (child_works(SIGUSR1) != 0)
			_exit(20);
		child = fork();
		if (child == 0)
			_exit(child_works(SIGUSR1));
		_exit(status_of(child));
	}
	CHECK(status_of(child), 0, "the grandchild's requests");
}

/* Requests are not inherited. */
static void copies(void)
{
	struct ends p = new_pipe();
	int direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0), writer;
	char *bytes = pages(64 * PAGE);
	static struct aiocb cbs[32];
	struct aiocb *waiting = waiting_read(&writer), done = request(fd, bytes, 10, 0);
	struct aiocb queued = request(waiting->aio_fildes, bytes, 1, 0);

	EXPECT(start_read(&queued) == 0);
	EXPECT(outcome_of_read(&done) == 10);
	for (int i = 0; i < 32; i++) {
		cbs[i] = request(direct, bytes + i * PAGE, PAGE, i % 16 * PAGE);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		const struct aiocb *list[] = { waiting };
		if (aio_error(waiting) != ECANCELED || aio_return(waiting) != -1)
			_exit(1);
		if (aio_error(&queued) != ECANCELED || aio_return(&queued) != -1)
			_exit(2);
		if (aio_error(&done) != 0 || aio_return(&done) != 10)
			_exit(3);
		if (aio_suspend(list, 1, NULL) != 0)
			_exit(4);
		if (aio_cancel(waiting->aio_fildes, waiting) != AIO_ALLDONE || aio_cancel(waiting->aio_fildes, NULL) != AIO_ALLDONE)
			_exit(5);
		for (int i = 0; i < 32; i++) {
			int error = aio_error(&cbs[i]);
			if (error != ECANCELED && error != 0)
				_exit(6);
			if (aio_return(&cbs[i]) != (error ? -1 : PAGE))
				_exit(7);
		}
		/* Its aiocb can be used anew. */
		if (start_read(waiting) != 0 || aio_error(waiting) != EINPROGRESS)
			_exit(8);
		_exit(aio_cancel(waiting->aio_fildes, waiting) == AIO_CANCELED ? 0 : 9);
	}
	CHECK(status_of(child), 0, "the child's copies");
	int right = 0;
	for (int i = 0; i < 32; i++)
		right += end_of(&cbs[i]) == PAGE;
	CHECK(right, 32, "the parent's own");
	CHECK(aio_error(waiting), EINPROGRESS, "the parent's read that waits");
	EXPECT(write(writer, "xy", 2) == 2);
	CHECK(end_of(waiting), 1, "ends");
	CHECK(end_of(&queued), 1, "and the one behind it");
	close(p.reader);
}

/* A child that only leaves, by exit or _exit, does nothing of its parent's. */
static void child_leaves(void)
{
	enum { COUNT = 64, SIZE = 1 << 14 };
	int fd = file_of(0, O_APPEND), writer, right = 0;
	static struct aiocb cbs[COUNT];
	char *bytes = pages(SIZE);
	struct aiocb *waiting = waiting_read(&writer);

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < COUNT; i++) {
			cbs[i] = request(fd, bytes, SIZE, 0);
			EXPECT(start_write(&cbs[i]) == 0);
		}
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0) {
			if (round)
				exit(7);
			_exit(7);
		}
		CHECK(status_of(child), 7, "the child leaves by %s", round ? "exit" : "_exit");
		for (int i = 0; i < COUNT; i++)
			right += end_of(&cbs[i]) == SIZE;
	}
	CHECK(right, 2 * COUNT, "the parent's writes");
	CHECK(lseek(fd, 0, SEEK_END), 2 * COUNT * SIZE, "each is done once");
	CHECK(aio_error(waiting), EINPROGRESS, "the parent's read goes on");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "and ends");
}

static void vforked(void)
{
	int direct = direct_file(FILE_SIZE, 0), writer, right = 0;
	char *bytes = pages(PAGE);
	struct aiocb *waiting = waiting_read(&writer);

	for (int i = 0; i < 20; i++) {
		struct aiocb cb = request(direct, bytes, PAGE, 0);
		EXPECT(start_read(&cb) == 0);
		pid_t child = vfork();
		if (child == 0) {
			if (i % 2)
				_exit(7);
			execl(self, self, "--do", "leaves", "", (char *)NULL);
			_exit(9);
		}
		right += status_of(child) == 7 && end_of(&cb) == PAGE;
	}
	CHECK(right, 20, "direct reads around vfork and exec");
	CHECK(aio_error(waiting), EINPROGRESS, "a read goes on");
	EXPECT(write(writer, "x", 1) == 1);
	CHECK(end_of(waiting), 1, "and ends");
}

/* fork while other threads are inside the library. */
static atomic_int stop;

static void *busy(void *argument)
{
	int fd = *(int *)argument;
	char *bytes = pages(PAGE);

	while (!stop) {
		struct aiocb cb = request(fd, bytes, PAGE, 0);
		const struct aiocb *list[] = { &cb };
		EXPECT(aio_read(&cb) == 0);
		EXPECT(aio_suspend(list, 1, NULL) == 0);
	}
	return NULL;
}

static void fork_beside_threads(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0), right = 0;
	pthread_t threads[4];

	block(SIGUSR1);
	for (int i = 0; i < 4; i++)
		EXPECT(pthread_create(&threads[i], NULL, busy, i % 2 ? &fd : &direct) == 0);
	for (int i = 0; i < 30; i++) {
		pid_t child = fork();
		EXPECT(child >= 0);
		if (child == 0)
			_exit(child_works(SIGUSR1));
		right += status_of(child) == 0;
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	CHECK(right, 30, "children that were forked beside busy threads work");
}

enum { EXIT_COUNT = 64, EXIT_SIZE = 1 << 20 };

static int queue_writes(const char *path, int flags)
{
	static struct aiocb cbs[EXIT_COUNT];
	int fd = open(path, O_RDWR | flags);
	char *bytes = pages(EXIT_SIZE);

	if (fd < 0)
		return 1;
	memset(bytes, 'e', EXIT_SIZE);
	for (int i = 0; i < EXIT_COUNT; i++) {
		cbs[i] = request(fd, bytes, EXIT_SIZE, (long long)i * EXIT_SIZE);
		if (aio_write(&cbs[i]) != 0)
			return 2;
	}
	return 0;
}

static int exits_with_writes(const char *path)
{
	exit(queue_writes(path, 0));
}

static int returns_with_writes(const char *path)
{
	return queue_writes(path, 0);
}

static int exits_with_direct_writes(const char *path)
{
	exit(queue_writes(path, O_DIRECT));
}

static const char *path_at_exit;

static void at_exit(void)
{
	queue_writes(path_at_exit, 0);
}

static int writes_at_exit(const char *path)
{
	path_at_exit = path;
	atexit(at_exit);
	return 0;
}

static void check_exit(const char *errand, int flags, const char *name)
{
	char path[PATH_SIZE];
	int fd = named_file(path, 0, flags);
	static char bytes[EXIT_SIZE];
	long long right = 0;

	CHECK(status_of(start_errand(errand, path)), 0, "%s, the program's end", name);
	close(fd);
	fd = open(path, O_RDONLY);
	for (int i = 0; i < EXIT_COUNT; i++) {
		if (pread(fd, bytes, EXIT_SIZE, (off_t)i * EXIT_SIZE) != EXIT_SIZE)
			continue;
		for (int k = 0; k < EXIT_SIZE; k++)
			right += bytes[k] == 'e';
	}
	CHECK(right, (long long)EXIT_COUNT * EXIT_SIZE, "%s, bytes in the file", name);
	unlink(path);
	close(fd);
}

static void nothing_is_lost(void)
{
	check_exit("exits-with-writes", 0, "exit");
	check_exit("returns-with-writes", 0, "return from main");
	check_exit("writes-at-exit", 0, "in an atexit handler");
}

static void nothing_direct_is_lost(void)
{
	check_exit("exits-with-direct-writes", O_DIRECT, "exit");
}

static void wastes_time(union sigval value)
{
	(void)value;
	pause();
}

/* What cannot end does not hold the program. */
static int exits_with_waiting(const char *how)
{
	int writer[50], direct = direct_file(FILE_SIZE, 0), fd = file_of(FILE_SIZE, 0);
	char *bytes = pages(PAGE);

	for (int i = 0; i < 50; i++)
		waiting_read(&writer[i]);
	struct ends p = new_pipe();
	fill(p.writer);
	struct aiocb w = request(p.writer, "x", 1, 0), cb = request(direct, bytes, PAGE, 0),
		     t = request(fd, bytes, 10, 0);
	t.aio_sigevent.sigev_notify = SIGEV_THREAD;
	t.aio_sigevent.sigev_notify_function = wastes_time;
	EXPECT(start_write(&w) == 0 && start_read(&cb) == 0 && start_read(&t) == 0);
	pause_for(0.05);
	if (!strcmp(how, "_exit"))
		_exit(7);
	if (!strcmp(how, "quick_exit"))
		quick_exit(7);
	if (!strcmp(how, "exit"))
		exit(7);
	return 7;
}

static void exit_does_not_wait(void)
{
	CHECK(status_of(start_errand("exits-with-waiting", "exit")), 7, "exit, beside reads that wait");
	CHECK(status_of(start_errand("exits-with-waiting", "return")), 7, "return from main");
	CHECK(status_of(start_errand("exits-with-waiting", "_exit")), 7, "_exit");
	CHECK(status_of(start_errand("exits-with-waiting", "quick_exit")), 7, "quick_exit");
}

/* The library's threads do not keep the process when the program's last one has gone. */
static int last_thread_leaves(const char *what)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);

	block(SIGUSR1);
	struct aiocb cb = request(fd, bytes, 10, 0);
	if (outcome_of_write(&cb) != 10)
		return 1;
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 1);
	if (outcome_of_read(&cb) != PAGE || wait_for(SIGUSR1, NULL) != 1)
		return 2;
	(void)what;
	pthread_exit(NULL);
}

static void last_thread(void)
{
	CHECK(status_of(start_errand("last-thread-leaves", "")), 0, "a program whose last thread ends");
}

static void *goes_on(void *argument)
{
	struct aiocb *cb = argument;

	pause_for(0.1);
	if (end_of(cb) != PAGE)
		_exit(1);
	for (int i = 0; i < 10; i++) {
		if (outcome_of_read(cb) != PAGE)
			_exit(2);
	}
	_exit(7);
}

static int main_thread_leaves(const char *what)
{
	static struct aiocb cb;
	pthread_t thread;

	(void)what;
	cb = request(direct_file(FILE_SIZE, 0), pages(PAGE), PAGE, 0);
	EXPECT(start_read(&cb) == 0);
	EXPECT(pthread_create(&thread, NULL, goes_on, &cb) == 0);
	pthread_exit(NULL);
}

static void main_thread_ends(void)
{
	CHECK(status_of(start_errand("main-thread-leaves", "")), 7, "requests go on when the main thread has ended");
}

/* exec in the middle of requests: the new program works. */
static int execs(const char *what)
{
	int direct = direct_file(FILE_SIZE, 0), writer;
	char *bytes = pages(64 * PAGE);
	static struct aiocb cbs[64];

	(void)what;
	waiting_read(&writer);
	for (int i = 0; i < 64; i++) {
		cbs[i] = request(direct, bytes + i * PAGE, PAGE, i % 16 * PAGE);
		EXPECT(start_read(&cbs[i]) == 0);
	}
	execl(self, self, "--do", "works", "", (char *)NULL);
	return 9;
}

static int works(const char *what)
{
	(void)what;
	block(SIGUSR1);
	return child_works(SIGUSR1);
}

static int counts_descriptors(const char *what)
{
	int count = 0;

	(void)what;
	for (int i = 0; i < 2000; i++)
		count += fcntl(i, F_GETFD) >= 0;
	return count;
}

static void nothing_is_inherited(void)
{
	int before = status_of(start_errand("counts-descriptors", "")), fd = file_of(FILE_SIZE, O_CLOEXEC);
	int direct = direct_file(FILE_SIZE, O_CLOEXEC);
	char *bytes = pages(PAGE);

	block(SIGUSR1);
	struct aiocb cb = request(fd, bytes, 100, 0);
	CHECK(outcome_of_write(&cb), 100, "a write");
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 1);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	CHECK(wait_for(SIGUSR1, NULL), 1, "its signal");
	CHECK(status_of(start_errand("counts-descriptors", "")), before, "descriptors of a program that is executed then");
}

/* A user's change is one of the whole process. */
static void another_user(void)
{
	int fd = file_of(FILE_SIZE, 0), direct = direct_file(FILE_SIZE, 0);
	char *bytes = pages(PAGE);
	siginfo_t info;

	if (geteuid() != 0)
		skip_fact("only root can become another user");
	block(SIGUSR1);
	struct aiocb cb = signalling(request(fd, bytes, 100, 0), SIGUSR1, 1);
	CHECK(outcome_of_write(&cb), 100, "a write");
	CHECK(wait_for(SIGUSR1, &info) == 1 && info.si_uid == getuid(), 1, "its signal is of this user");
	cb = signalling(request(direct, bytes, PAGE, 0), SIGUSR1, 2);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read");
	CHECK(wait_for(SIGUSR1, NULL), 2, "its signal");
	EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
	CHECK(outcome_of_read(&cb), PAGE, "a direct read as another user");
	CHECK(wait_for(SIGUSR1, &info), 2, "its signal");
	CHECK(info.si_uid, 65534, "is of that user");
	cb = signalling(request(fd, bytes, 100, 0), SIGUSR1, 3);
	CHECK(outcome_of_write(&cb), 100, "a write");
	CHECK(wait_for(SIGUSR1, &info), 3, "its signal");
	CHECK(info.si_uid, 65534, "is of that user");
}

static int leaves(const char *what)
{
	(void)what;
	return 7;
}

static void execution(void)
{
	CHECK(status_of(start_errand("execs", "")), 0, "a program that was executed beside requests works");
}

const struct errand errands[] = {
	{ "exits-with-writes", exits_with_writes },
	{ "returns-with-writes", returns_with_writes },
	{ "exits-with-direct-writes", exits_with_direct_writes },
	{ "writes-at-exit", writes_at_exit },
	{ "exits-with-waiting", exits_with_waiting },
	{ "last-thread-leaves", last_thread_leaves },
	{ "main-thread-leaves", main_thread_leaves },
	{ "execs", execs },
	{ "works", works },
	{ "leaves", leaves },
	{ "counts-descriptors", counts_descriptors },
	{ 0 },
};

const struct fact process_facts[] = {
	{ "processes", "a child of one that has used it works", child_of_a_user, BETTER, 0 },
	{ "processes", "a child of one that has not", child_of_nobody, SAME, 0 },
	{ "processes", "a grandchild works", grandchild, BETTER, 0 },
	{ "processes", "a child's copies of requests say ECANCELED", copies, BETTER, 0 },
	{ "processes", "a child that leaves", child_leaves, SAME, 0 },
	{ "processes", "vfork", vforked, SAME, 0 },
	{ "processes", "fork beside busy threads", fork_beside_threads, BETTER, 60 },
	{ "processes", "nothing is lost at exit", nothing_is_lost, BETTER, 60 },
	{ "processes", "no direct write is lost at exit", nothing_direct_is_lost, BETTER, 60 },
	{ "processes", "exit does not wait for what waits", exit_does_not_wait, SAME, 0 },
	{ "processes", "the last thread ends", last_thread, SAME, 0 },
	{ "processes", "the main thread ends", main_thread_ends, SAME, 0 },
	{ "processes", "exec", execution, SAME, 0 },
	{ "processes", "nothing is inherited by exec", nothing_is_inherited, SAME, 0 },
	{ "processes", "another user", another_user, SAME, 0 },
	{ 0 },
};
