/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Times one use of POSIX AIO on whatever library the program is given: reads of 4 KiB at random offsets, and whole
 * files read from the beginning to the end.
 *
 * usage: posix-rows ROW FILE SECONDS
 *
 * Prints one line: requests per second, microseconds of processor time per request and context switches per
 * request, of all threads.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "../../c-tests/harness/expect.h"

enum { BLOCK = 4096, MOST = 32, LONG_BLOCK = 65536 };

static double until;
static long blocks;

static int goes_on(void)
{
	return now() < until;
}

struct request {
	struct aiocb cb;
	unsigned seed;
	int in_flight;
};
static struct request requests[MOST];

/* Requests with buffers of their own; no notification. */
static void prepare(struct request *request, int count, int fd, size_t length)
{
	for (int i = 0; i < count; i++) {
		void *buffer;

		EXPECT(posix_memalign(&buffer, BLOCK, length) == 0);
		memset(&request[i], 0, sizeof request[i]);
		request[i].cb.aio_fildes = fd;
		request[i].cb.aio_buf = buffer;
		request[i].cb.aio_nbytes = length;
		request[i].cb.aio_lio_opcode = LIO_READ;
		request[i].cb.aio_sigevent.sigev_notify = SIGEV_NONE;
		request[i].seed = (unsigned)(size_t)&request[i] ^ (unsigned)time(NULL);
	}
}

static void somewhere(struct request *request)
{
	request->seed = request->seed * 1103515245 + 12345;
	request->cb.aio_offset = (off_t)((request->seed >> 4) % blocks) * BLOCK;
}

static void begin(struct request *request)
{
	somewhere(request);
	request->in_flight = 1;
	EXPECT_EQ(aio_read(&request->cb), 0);
}

static void end(struct request *request)
{
	EXPECT_EQ(aio_error(&request->cb), 0);
	EXPECT_EQ(aio_return(&request->cb), request->cb.aio_nbytes);
	request->in_flight = 0;
}

static void wait_for(struct request *request)
{
	const struct aiocb *list[] = { &request->cb };

	while (aio_error(&request->cb) == EINPROGRESS)
		EXPECT(aio_suspend(list, 1, NULL) == 0 || errno == EINTR);
	end(request);
}

/* One at a time. */
static long one(struct request *request)
{
	long done = 0;

	for (; goes_on(); done++) {
		begin(request);
		wait_for(request);
	}
	return done;
}

static long suspend_1(int fd)
{
	prepare(requests, 1, fd, BLOCK);
	return one(requests);
}

/* 32 in flight; aio_suspend waits for any of them. */
static long suspend_32(int fd)
{
	const struct aiocb *list[MOST];
	long done = 0;
	int left = MOST;

	prepare(requests, MOST, fd, BLOCK);
	for (int i = 0; i < MOST; i++) {
		list[i] = &requests[i].cb;
		begin(&requests[i]);
	}
	while (left) {
		EXPECT(aio_suspend(list, MOST, NULL) == 0 || errno == EINTR);
		for (int i = 0; i < MOST; i++) {
			if (!requests[i].in_flight || aio_error(&requests[i].cb) == EINPROGRESS)
				continue;
			end(&requests[i]);
			done++;
			if (goes_on()) {
				begin(&requests[i]);
			} else {
				list[i] = NULL;
				left--;
			}
		}
	}
	return done;
}

static long list_32(int fd)
{
	struct aiocb *list[MOST];
	long done = 0;

	prepare(requests, MOST, fd, BLOCK);
	for (int i = 0; i < MOST; i++)
		list[i] = &requests[i].cb;
	for (; goes_on(); done += MOST) {
		for (int i = 0; i < MOST; i++)
			somewhere(&requests[i]);
		EXPECT_EQ(lio_listio(LIO_WAIT, list, MOST, NULL), 0);
		for (int i = 0; i < MOST; i++)
			end(&requests[i]);
	}
	return done;
}

/* 32 in flight, and nothing but aio_error asks for them. */
static long poll_32(int fd)
{
	long done = 0;
	int left = MOST;

	prepare(requests, MOST, fd, BLOCK);
	for (int i = 0; i < MOST; i++)
		begin(&requests[i]);
	while (left) {
		for (int i = 0; i < MOST; i++) {
			if (!requests[i].in_flight || aio_error(&requests[i].cb) == EINPROGRESS)
				continue;
			end(&requests[i]);
			done++;
			if (goes_on())
				begin(&requests[i]);
			else
				left--;
		}
	}
	return done;
}

/* 32 in flight; each one's signal brings its address. */
static long signal_32(int fd)
{
	sigset_t set;
	siginfo_t information;
	long done = 0;
	int left = MOST;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	EXPECT_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	prepare(requests, MOST, fd, BLOCK);
	for (int i = 0; i < MOST; i++) {
		requests[i].cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
		requests[i].cb.aio_sigevent.sigev_signo = SIGRTMIN;
		requests[i].cb.aio_sigevent.sigev_value.sival_ptr = &requests[i];
		begin(&requests[i]);
	}
	while (left) {
		if (sigwaitinfo(&set, &information) < 0) {
			EXPECT_EQ(errno, EINTR);
			continue;
		}
		struct request *request = information.si_value.sival_ptr;
		end(request);
		done++;
		if (goes_on())
			begin(request);
		else
			left--;
	}
	return done;
}

static long called;
static sem_t ended;

static void call(union sigval value)
{
	struct request *request = value.sival_ptr;

	end(request);
	__atomic_add_fetch(&called, 1, __ATOMIC_RELAXED);
	if (goes_on())
		begin(request);
	else
		sem_post(&ended);
}

/* 32 in flight; the thread that is told of one begins the next. */
static long thread_32(int fd)
{
	sem_init(&ended, 0, 0);
	prepare(requests, MOST, fd, BLOCK);
	for (int i = 0; i < MOST; i++) {
		requests[i].cb.aio_sigevent.sigev_notify = SIGEV_THREAD;
		requests[i].cb.aio_sigevent.sigev_notify_function = call;
		requests[i].cb.aio_sigevent.sigev_value.sival_ptr = &requests[i];
		begin(&requests[i]);
	}
	for (int i = 0; i < MOST; i++)
		while (sem_wait(&ended) != 0)
			EXPECT_EQ(errno, EINTR);
	return called;
}

static void *one_of_many(void *argument)
{
	return (void *)one(argument);
}

/* Threads that each read and wait, all on one descriptor. */
static long threads(int fd, int count)
{
	pthread_t thread[MOST];
	void *done;
	long all = 0;

	prepare(requests, count, fd, BLOCK);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(pthread_create(&thread[i], NULL, one_of_many, &requests[i]), 0);
	for (int i = 0; i < count; i++) {
		EXPECT_EQ(pthread_join(thread[i], &done), 0);
		all += (long)done;
	}
	return all;
}

static long threads_4(int fd)
{
	return threads(fd, 4);
}

static long threads_8(int fd)
{
	return threads(fd, 8);
}

/* The file from the beginning to the end, 32 blocks ahead, as often as there is time; it is dropped from the page
   cache before. */
static long sequential(int fd, int length)
{
	struct stat status;
	long done = 0;

	EXPECT_EQ(fstat(fd, &status), 0);
	prepare(requests, MOST, fd, length);
	do {
		long count = status.st_size / length, begun = 0;

		EXPECT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
		for (long ended = 0; ended < count; ended++) {
			for (; begun < count && begun < ended + MOST; begun++) {
				struct request *request = &requests[begun % MOST];

				request->cb.aio_offset = (off_t)begun * length;
				request->in_flight = 1;
				EXPECT_EQ(aio_read(&request->cb), 0);
			}
			wait_for(&requests[ended % MOST]);
			done++;
		}
	} while (goes_on());
	return done;
}

static long sequential_4(int fd)
{
	return sequential(fd, BLOCK);
}

static long sequential_64(int fd)
{
	return sequential(fd, LONG_BLOCK);
}

/* What the page cache shall have before the time begins. */
static void warm(int fd)
{
	static char buffer[LONG_BLOCK];
	ssize_t got;
	off_t offset = 0;

	while ((got = pread(fd, buffer, sizeof buffer, offset)) > 0)
		offset += got;
	EXPECT_EQ(got, 0);
}

static const struct row {
	const char *name;
	long (*run)(int fd);
	int flags;
	int is_cached;
} rows[] = {
	{ "suspend-1", suspend_1, O_DIRECT, 0 },
	{ "suspend-32", suspend_32, O_DIRECT, 0 },
	{ "list-32", list_32, O_DIRECT, 0 },
	{ "poll-32", poll_32, O_DIRECT, 0 },
	{ "signal-32", signal_32, O_DIRECT, 0 },
	{ "thread-32", thread_32, O_DIRECT, 0 },
	{ "threads-4", threads_4, O_DIRECT, 0 },
	{ "threads-8", threads_8, O_DIRECT, 0 },
	{ "cache-1", suspend_1, 0, 1 },
	{ "cache-32", suspend_32, 0, 1 },
	{ "sequential-4", sequential_4, 0, 0 },
	{ "sequential-64", sequential_64, 0, 0 },
};

static double processor(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e6 + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	const struct row *row = rows;
	const struct row *last = rows + sizeof rows / sizeof *rows;
	struct rusage before, after;
	struct stat status;

	EXPECT_EQ(argc, 4);
	while (row < last && strcmp(row->name, argv[1]) != 0)
		row++;
	EXPECT(row < last);
	int fd = open(argv[2], O_RDONLY | row->flags);
	EXPECT(fd >= 0 && fstat(fd, &status) == 0);
	blocks = status.st_size / BLOCK;
	EXPECT(blocks > 0);
	if (row->is_cached)
		warm(fd);

	EXPECT_EQ(getrusage(RUSAGE_SELF, &before), 0);
	double start = now();
	until = start + atof(argv[3]);
	long done = row->run(fd);
	double time = now() - start;
	EXPECT_EQ(getrusage(RUSAGE_SELF, &after), 0);
	EXPECT(done > 0);
	printf("%.1f %.3f %.3f\n", done / time, (processor(&after) - processor(&before)) / done,
	       (double)(after.ru_nvcsw + after.ru_nivcsw - before.ru_nvcsw - before.ru_nivcsw) / done);
	return 0;
}
