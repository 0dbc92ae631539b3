/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * Reads of descriptors of every kind wait until there is something, and get it: eventfd, timerfd, signalfd, inotify, a
 * pseudo-terminal, a datagram, a socket of the network, /dev/zero and /dev/null.
 */
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <termios.h>

#include "../harness/posix_aio.h"

static char got[4096] __attribute__((aligned(8)));
static struct aiocb cb;

static void read_waits(int fd, size_t size)
{
	memset(got, 0, sizeof(got));
	EXPECT_EQ(aio_read(prepare(&cb, fd, got, size, 0)), 0);
	EXPECT_EQ(error_within(&cb, 0.02), EINPROGRESS);
}

static void eventfds(void)
{
	int fd = eventfd(0, 0);
	uint64_t value = 5, huge = UINT64_MAX - 1;

	read_waits(fd, 8);
	EXPECT_EQ(write(fd, &value, 8), 8);
	FINISHES(&cb, 0, 8);
	EXPECT_EQ(*(uint64_t *)got, 5);
	EXPECT_EQ(aio_read(prepare(&cb, fd, got, 4, 0)), 0);
	FINISHES(&cb, EINVAL, -1);
	/* A write that waits. */
	EXPECT_EQ(write(fd, &huge, 8), 8);
	EXPECT_EQ(aio_write(prepare(&cb, fd, &value, 8, 0)), 0);
	EXPECT_EQ(error_within(&cb, 0.02), EINPROGRESS);
	EXPECT_EQ(read(fd, got, 8), 8);
	FINISHES(&cb, 0, 8);
	EXPECT_EQ(read(fd, got, 8), 8);
	EXPECT_EQ(*(uint64_t *)got, 5);
	close(fd);
	fd = eventfd(0, EFD_NONBLOCK);
	EXPECT_EQ(aio_read(prepare(&cb, fd, got, 8, 0)), 0);
	FINISHES(&cb, EAGAIN, -1);
	close(fd);
}

static void timerfds(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec soon = { .it_value = { 0, 50000000 } };

	read_waits(fd, 8);
	EXPECT_EQ(timerfd_settime(fd, 0, &soon, NULL), 0);
	FINISHES(&cb, 0, 8);
	EXPECT_EQ(*(uint64_t *)got, 1);
	close(fd);
}

static void signalfds(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	EXPECT_EQ(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
	int fd = signalfd(-1, &mask, 0);
	read_waits(fd, sizeof(struct signalfd_siginfo));
	EXPECT_EQ(kill(getpid(), SIGUSR2), 0);
	FINISHES(&cb, 0, sizeof(struct signalfd_siginfo));
	EXPECT_EQ(((struct signalfd_siginfo *)got)->ssi_signo, SIGUSR2);
	close(fd);
}

static void inotifies(void)
{
	int fd = inotify_init();

	EXPECT(inotify_add_watch(fd, ".", IN_CREATE) >= 0);
	read_waits(fd, sizeof(got));
	int made = open("made", O_CREAT | O_WRONLY, 0600);
	EXPECT(made >= 0);
	EXPECT(error_within(&cb, patience()) == 0);
	EXPECT(aio_return(&cb) > 0);
	EXPECT(((struct inotify_event *)got)->mask & IN_CREATE);
	close(made);
	unlink("made");
	close(fd);
}

static void terminals(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char line[] = "a line\n";

	if (master < 0) {
		puts("there are no pseudo-terminals");
		return;
	}
	EXPECT(grantpt(master) == 0 && unlockpt(master) == 0);
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	EXPECT(terminal >= 0);
	struct termios how;
	EXPECT_EQ(tcgetattr(terminal, &how), 0);
	how.c_lflag &= ~ECHO;
	how.c_oflag &= ~OPOST;
	EXPECT_EQ(tcsetattr(terminal, TCSANOW, &how), 0);
	read_waits(terminal, sizeof(got));
	/* Half a line is none. */
	EXPECT_EQ(write(master, line, 3), 3);
	EXPECT_EQ(error_within(&cb, 0.02), EINPROGRESS);
	EXPECT_EQ(write(master, line + 3, 4), 4);
	FINISHES(&cb, 0, 7);
	EXPECT_EQ(memcmp(got, line, 7), 0);
	read_waits(master, sizeof(got));
	EXPECT_EQ(write(terminal, line, 7), 7);
	FINISHES(&cb, 0, 7);
	EXPECT_EQ(memcmp(got, line, 7), 0);
	EXPECT_EQ(aio_write(prepare(&cb, terminal, line, 7, 0)), 0);
	FINISHES(&cb, 0, 7);
	EXPECT_EQ(read(master, got, sizeof(got)), 7);
	close(terminal);
	close(master);
}

static void datagrams(void)
{
	int ends[2];

	EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	read_waits(ends[0], sizeof(got));
	EXPECT_EQ(aio_write(prepare(&(struct aiocb){ 0 }, ends[1], "datagram", 8, 0)), 0);
	FINISHES(&cb, 0, 8);
	EXPECT_EQ(memcmp(got, "datagram", 8), 0);
	/* What does not fit is cut off, and an empty one is one. */
	EXPECT_EQ(send(ends[1], "123456", 6, 0), 6);
	EXPECT_EQ(send(ends[1], "", 0, 0), 0);
	EXPECT_EQ(aio_read(prepare(&cb, ends[0], got, 3, 0)), 0);
	FINISHES(&cb, 0, 3);
	EXPECT_EQ(aio_read(prepare(&cb, ends[0], got, 3, 0)), 0);
	FINISHES(&cb, 0, 0);
	close(ends[0]);
	close(ends[1]);
}

static void network(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int listens = socket(AF_INET, SOCK_STREAM, 0), calls = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listens, (struct sockaddr *)&address, size) != 0) {
		puts("there is no network");
		return;
	}
	EXPECT_EQ(getsockname(listens, (struct sockaddr *)&address, &size), 0);
	EXPECT_EQ(listen(listens, 1), 0);
	EXPECT_EQ(connect(calls, (struct sockaddr *)&address, size), 0);
	int called = accept(listens, NULL, NULL);
	EXPECT(called >= 0);
	read_waits(called, sizeof(got));
	EXPECT_EQ(send(calls, "hello", 5, 0), 5);
	FINISHES(&cb, 0, 5);
	read_waits(called, sizeof(got));
	EXPECT_EQ(shutdown(calls, SHUT_WR), 0);
	FINISHES(&cb, 0, 0);
	/* A listening socket is none to read from. */
	EXPECT_EQ(aio_read(prepare(&cb, listens, got, 1, 0)), 0);
	FINISHES(&cb, ENOTCONN, -1);
	close(called);
	close(calls);
	close(listens);
}

static void devices(void)
{
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR), directory = open(".", O_RDONLY);

	EXPECT(zero >= 0 && null >= 0 && directory >= 0);
	got[0] = 1;
	EXPECT_EQ(aio_read(prepare(&cb, zero, got, 100, 0)), 0);
	FINISHES(&cb, 0, 100);
	EXPECT_EQ(got[0], 0);
	EXPECT_EQ(aio_write(prepare(&cb, null, got, 100, 0)), 0);
	FINISHES(&cb, 0, 100);
	EXPECT_EQ(aio_read(prepare(&cb, null, got, 100, 0)), 0);
	FINISHES(&cb, 0, 0);
	EXPECT_EQ(aio_read(prepare(&cb, directory, got, 100, 0)), 0);
	FINISHES(&cb, EISDIR, -1);
	close(zero);
	close(null);
	close(directory);
}

int main(void)
{
	begin();
	for (int round = 0; round < 3; round++) {
		eventfds();
		timerfds();
		signalfds();
		inotifies();
		terminals();
		datagrams();
		network();
		devices();
	}
	puts("eventfd, timerfd, signalfd, inotify, terminals, datagrams, TCP and devices");
	return 0;
}
