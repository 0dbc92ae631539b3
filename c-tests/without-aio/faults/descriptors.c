/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Descriptors belong to the program. It closes all of them while requests and polls are in flight, as daemons do,
 * and gives every number to a file, pipe, socket, eventfd or epoll of its own: nothing of the library's gets into
 * these, takes from them or closes them, every event comes, and contexts go on working. So they do when it closes the
 * library's sockets while the first thread begins: there are threads later. And where there may be few descriptors, as
 * many requests with an eventfd as io_setup was asked for are in flight at once.
 *
 * usage: descriptors [no-pins]
 *
 * With "no-pins", where the place allows nothing that holds a file, requests of closed files may end with -EBADF,
 * and their eventfd may not count.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "reopened.h"
#include "transfers.h"

enum { LIMIT = 256, WRITES = 64, POLLS = 16, FSYNCS = 4, ALL = WRITES + POLLS + FSYNCS, MANY = 2000 };
enum way { CLOSEFROM, CLOSE_RANGE, CLOSE, WAYS };
enum kind { NONE, EMPTY_FILE, PIPE, SOCKET, EVENTFD, EPOLL };

static bool no_pins;
/* The parent's: the child takes no part in keeping them open. */
static int file, count_fd, pipes[2];
static char *memory;
/* Shared: the child has closed everything, and uses the numbers for what it likes. */
static volatile int *closed;

static void limit_descriptors(int count)
{
	struct rlimit few = { count, count };

	EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void close_all(enum way way)
{
	switch (way) {
	case CLOSEFROM:
		closefrom(3);
		return;
	case CLOSE_RANGE:
		EXPECT_EQ(close_range(3, ~0u, 0), 0);
		return;
	default:
		for (int fd = 3; fd < LIMIT; fd++)
			close(fd);
	}
}

struct own {
	enum kind kind;
	ino_t inode;
};
static struct own owns[LIMIT];

static void note(int fd, enum kind kind)
{
	struct stat status;

	EXPECT(fd >= 3 && fd < LIMIT);
	EXPECT_EQ(fstat(fd, &status), 0);
	owns[fd] = (struct own){ kind, status.st_ino };
}

/* Uses every number there is. */
static void open_own(void)
{
	for (;;) {
		int fd = memfd_create("own", 0), two[2];

		if (fd < 0)
			break;
		note(fd, EMPTY_FILE);
		if ((fd = eventfd(0, EFD_NONBLOCK)) >= 0)
			note(fd, EVENTFD);
		if ((fd = epoll_create1(0)) >= 0)
			note(fd, EPOLL);
		if (pipe2(two, O_NONBLOCK) == 0)
			note(two[0], PIPE), note(two[1], PIPE);
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two) == 0)
			note(two[0], SOCKET), note(two[1], SOCKET);
	}
	EXPECT_EQ(errno, EMFILE);
}

/* How many files an epoll watches, as /proc tells. */
static int watched(int epoll)
{
	char path[64], line[256];
	int count = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
	FILE *info = fopen(path, "r");
	EXPECT(info);
	while (fgets(line, sizeof(line), info))
		count += strncmp(line, "tfd:", 4) == 0;
	fclose(info);
	return count;
}

/* What the program has under these numbers is what it put there, and nobody has used it. */
static void expect_own(int first)
{
	for (int fd = first; fd < LIMIT; fd++) {
		struct stat status;
		eventfd_t value;
		int pending;

		if (owns[fd].kind == NONE)
			continue;
		if (fstat(fd, &status) != 0)
			EXPECT_FAILED(__FILE__, __LINE__, "descriptor %d was closed", fd);
		EXPECT_EQ(status.st_ino, owns[fd].inode);
		switch (owns[fd].kind) {
		case EMPTY_FILE:
			if (status.st_size != 0)
				EXPECT_FAILED(__FILE__, __LINE__, "%ld bytes were written to file %d", (long)status.st_size, fd);
			break;
		case EVENTFD:
			EXPECT(eventfd_read(fd, &value) == -1 && errno == EAGAIN);
			break;
		case EPOLL:
			EXPECT_EQ(watched(fd), 0);
			break;
		default:
			EXPECT_EQ(ioctl(fd, FIONREAD, &pending), 0);
			EXPECT_EQ(pending, 0);
		}
	}
}

static void expect_end(const struct io_event *event, const struct iocb *cbs)
{
	int at = event->obj - cbs;
	bool polls = at < POLLS, writes = at >= POLLS && at < POLLS + WRITES;

	EXPECT(at >= 0 && at < ALL);
	if (no_pins && !polls && RES(*event) == -EBADF)
		return;
	if (polls)
		EXPECT(RES(*event) > 0 && RES(*event) & POLLIN);
	else
		EXPECT_EQ(RES(*event), writes ? BLOCK : 0);
}

static void child(enum way way)
{
	static struct iocb cbs[ALL], *list[ALL];
	static struct io_event events[ALL];
	struct timespec patience = { 10, 0 }, second = { 1, 0 };
	io_context_t ctx = NULL;
	int fd;

	start_watchdog();
	limit_descriptors(LIMIT);
	EXPECT_EQ(AIO(io_setup(ALL, &ctx)), 0);
	for (int i = 0; i < ALL; i++) {
		list[i] = &cbs[i];
		if (i < POLLS) {
			io_prep_poll(&cbs[i], pipes[0], POLLIN);
		} else if (i < POLLS + WRITES) {
			int number = i - POLLS;

			mark(memory + BLOCK * number, number, way + 1);
			io_prep_pwrite(&cbs[i], file, memory + BLOCK * number, BLOCK, (long long)BLOCK * number);
		} else {
			io_prep_fsync(&cbs[i], file);
		}
		io_set_eventfd(&cbs[i], count_fd);
	}
	EXPECT_EQ(AIO(io_submit(ctx, ALL, list)), ALL);
	close_all(way);
	open_own();
	*closed = 1;
	EXPECT_EQ(AIO(io_getevents(ctx, ALL, ALL, events, &patience)), ALL);
	for (int i = 0; i < ALL; i++)
		expect_end(&events[i], cbs);
	/* The program gives back the lowest numbers. */
	enum { LOWEST = 64 };
	EXPECT_EQ(close_range(3, LOWEST - 1, 0), 0);
	expect_own(LOWEST);

	/* On the old context and on a new one. */
	for (int i = 0; i < 2; i++) {
		int two[2];

		fd = reopened_of(getppid(), file, O_RDWR | O_DIRECT);
		write_and_check(ctx, fd, memory + BLOCK * WRITES, 0, 32, WAYS + 1);
		EXPECT_EQ(pipe(two), 0);
		io_prep_poll(&cbs[0], two[0], POLLIN);
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
		EXPECT_EQ(write(two[1], "x", 1), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &second)), 1);
		close(two[0]);
		close(two[1]);
		close(fd);
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
		expect_own(LOWEST);
		ctx = NULL;
		EXPECT_EQ(AIO(io_setup(ALL, &ctx)), 0);
	}
	if (way == CLOSE) {
		/* When the library's threads have nothing to do any more. */
		sleep(2);
		expect_own(LOWEST);
	}
	exit(0);
}

static void closes_everything(enum way way)
{
	eventfd_t count = 0;

	*closed = 0;
	pid_t process = fork();
	EXPECT(process >= 0);
	if (process == 0)
		child(way);
	double end = now() + 10;
	while (!*closed && now() < end)
		usleep(1000);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(status_within(process, 30), 0);
	char byte;
	EXPECT_EQ(read(pipes[0], &byte, 1), 1);
	EXPECT(eventfd_read(count_fd, &count) == 0 || no_pins);
	if (!no_pins)
		EXPECT_EQ(count, ALL);
}

/* Whether all sockets are closed when the next thread is started. */
static bool closes_sockets;

/* What the library starts its threads with. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
	__typeof__(pthread_create) *next = (__typeof__(next))dlsym(RTLD_NEXT, "pthread_create");
	struct stat status;

	EXPECT(next);
	for (int fd = 3; closes_sockets && fd < LIMIT; fd++)
		if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
			close(fd);
	closes_sockets = false;
	return next(thread, attributes, function, argument);
}

/* In a process of its own, which has no threads yet. */
static void closes_a_beginning(void)
{
	io_context_t ctx = NULL;

	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	closes_sockets = true;
	write_and_check(ctx, file, memory, 0, 8, 1);
	bool has_tried = !closes_sockets;
	closes_sockets = false;
	int before = threads();
	write_and_check(ctx, file, memory, 0, 8, 2);
	EXPECT(!has_tried || threads() > before);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	exit(0);
}

/* In a process of its own, which may have few. */
static void many_requests(void)
{
	static struct iocb cbs[MANY], *list[MANY];
	static struct io_event events[MANY];
	io_context_t ctx = NULL;
	eventfd_t count;

	limit_descriptors(64);
	EXPECT_EQ(AIO(io_setup(MANY, &ctx)), 0);
	for (int i = 0; i < MANY; i++) {
		list[i] = &cbs[i];
		io_prep_pread(&cbs[i], file, memory, BLOCK, (long long)BLOCK * (i % WRITES));
		io_set_eventfd(&cbs[i], count_fd);
	}
	EXPECT_EQ(AIO(io_submit(ctx, MANY, list)), MANY);
	int fd = open("/dev/null", O_RDONLY);
	EXPECT(fd >= 0);
	EXPECT_EQ(AIO(io_getevents(ctx, MANY, MANY, events, NULL)), MANY);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(RES(events[i]), BLOCK);
	EXPECT(eventfd_read(count_fd, &count) == 0 && count == MANY);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	exit(0);
}

int main(int argc, char **argv)
{
	start_watchdog();
	/* Else the children print it again. */
	setvbuf(stdout, NULL, _IONBF, 0);
	no_pins = argc > 1 && strcmp(argv[1], "no-pins") == 0;
	file = direct_file(WRITES);
	memory = blocks(2 * WRITES);
	closed = (volatile int *)blocks(1);
	count_fd = eventfd(0, EFD_NONBLOCK);
	EXPECT(count_fd >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	for (int round = 0; round < 2 * WAYS; round++)
		closes_everything(round % WAYS);
	static void (*const others[])(void) = { closes_a_beginning, many_requests };
	for (int i = 0; i < 2; i++) {
		pid_t process = fork();

		EXPECT(process >= 0);
		if (process == 0)
			others[i]();
		EXPECT_EQ(status_within(process, 30), 0);
	}
	printf("%d times everything was closed with %d requests in flight; %d at once with 64 descriptors\n", 2 * WAYS, ALL,
	       MANY);
	return 0;
}
