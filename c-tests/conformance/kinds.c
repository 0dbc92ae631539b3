/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "kinds.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static const char *const names[KINDS] = {
	[BUFFERED] = "buffered file",
	[BUFFERED_READ] = "buffered file, O_RDONLY",
	[BUFFERED_WRITE] = "buffered file, O_WRONLY",
	[BUFFERED_APPEND] = "buffered file, O_APPEND",
	[DIRECT] = "O_DIRECT file",
	[MEMFD] = "memfd",
	[TMPFS] = "file on tmpfs",
	[CLOSED] = "closed fd",
	[MINUS_ONE] = "fd -1",
	[PATH] = "O_PATH",
	[DIRECTORY] = "directory",
	[EPOLL] = "epoll",
	[INOTIFY] = "inotify",
	[PIDFD] = "pidfd",
	[PROC_STAT] = "/proc/self/stat",
	[PROC_MAPS] = "/proc/self/maps",
	[PROC_MEM] = "/proc/self/mem",
	[KMSG] = "/dev/kmsg",
	[SYSFS] = "a file in /sys",
	[NULL_DEVICE] = "/dev/null",
	[ZERO_DEVICE] = "/dev/zero",
	[FULL_DEVICE] = "/dev/full",
	[RANDOM_DEVICE] = "/dev/urandom",
	[PIPE_EMPTY] = "empty pipe",
	[PIPE_READABLE] = "pipe with 3 bytes",
	[PIPE_HUNG] = "pipe without a writer",
	[PIPE_WRITABLE] = "pipe, the end that writes",
	[PIPE_FULL] = "full pipe",
	[PIPE_BROKEN] = "pipe without a reader",
	[SOCKET_EMPTY] = "socket without data",
	[SOCKET_READABLE] = "socket with 3 bytes",
	[SOCKET_BROKEN] = "socket without a peer",
	[SOCKET_UNCONNECTED] = "socket that is not connected",
	[EVENTFD_ZERO] = "eventfd 0",
	[EVENTFD_SEVEN] = "eventfd 7",
	[TIMERFD] = "timerfd",
	[TIMERFD_EXPIRED] = "timerfd that has expired",
	[SIGNALFD] = "signalfd",
	[PTY] = "pty slave",
	[PTY_READABLE] = "pty slave with 3 bytes",
};

const char *kind_name(enum kind kind)
{
	return names[kind];
}

int new_file(int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/conformance-XXXXXX", directory);
	int made = mkstemp(path);
	if (made < 0)
		return -1;
	int fd = open(path, O_RDWR | flags);
	unlink(path);
	close(made);
	return fd;
}

int full_file(int flags)
{
	static unsigned char bytes[FILE_SIZE];
	char path[4096];

	for (size_t i = 0; i < FILE_SIZE; i++)
		bytes[i] = pattern(i);
	snprintf(path, sizeof(path), "%s/conformance-XXXXXX", directory);
	int made = mkstemp(path);
	if (made < 0)
		return -1;
	EXPECT(write(made, bytes, FILE_SIZE) == FILE_SIZE);
	/* On the disk, and nowhere else: with RWF_NOWAIT O_DIRECT does not wait for the cache. */
	if (flags & O_DIRECT)
		EXPECT(fdatasync(made) == 0 &&
			posix_fadvise(made, 0, 0, POSIX_FADV_DONTNEED) == 0);
	int fd = open(path, flags);
	unlink(path);
	close(made);
	return fd;
}

static int pipe_end(int end, int bytes, int close_other)
{
	static char fill[65536];
	int fds[2];

	EXPECT(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
	if (bytes > 0)
		EXPECT(write(fds[1], "abc", (size_t)bytes) == bytes);
	while (bytes < 0 && write(fds[1], fill, sizeof(fill)) > 0)
		;
	if (close_other)
		close(fds[!end]);
	return fds[end];
}

static int socket_end(int bytes, int close_other)
{
	int fds[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	if (bytes > 0)
		EXPECT(write(fds[1], "abc", (size_t)bytes) == bytes);
	if (close_other)
		close(fds[1]);
	return fds[0];
}

static int timer(long nanoseconds)
{
	struct itimerspec spec = { .it_value.tv_nsec = nanoseconds };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0 && nanoseconds) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		EXPECT(timerfd_settime(fd, 0, &spec, NULL) == 0);
		EXPECT(poll(&ready, 1, PATIENCE * 1000) == 1);
	}
	return fd;
}

static int pty(int bytes)
{
	struct termios raw;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		return -1;
	EXPECT(tcgetattr(slave, &raw) == 0);
	cfmakeraw(&raw);
	EXPECT(tcsetattr(slave, TCSANOW, &raw) == 0);
	EXPECT(fcntl(slave, F_SETFL, O_NONBLOCK) == 0);
	if (bytes) {
		struct pollfd ready = { .fd = slave, .events = POLLIN };

		EXPECT(write(master, "abc", (size_t)bytes) == bytes);
		EXPECT(poll(&ready, 1, PATIENCE * 1000) == 1);
	}
	return slave;
}

int open_kind(enum kind kind)
{
	static const unsigned char zeros[FILE_SIZE];
	struct statfs file_system;
	sigset_t signals;
	int fd;

	switch (kind) {
	case BUFFERED:
		return full_file(O_RDWR);
	case BUFFERED_READ:
		return full_file(O_RDONLY);
	case BUFFERED_WRITE:
		return full_file(O_WRONLY);
	case BUFFERED_APPEND:
		return full_file(O_RDWR | O_APPEND);
	case DIRECT:
		return full_file(O_RDWR | O_DIRECT);
	case MEMFD:
		fd = memfd_create("conformance", MFD_CLOEXEC);
		if (fd >= 0)
			EXPECT(write(fd, zeros, FILE_SIZE) == FILE_SIZE);
		return fd;
	case TMPFS:
		fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
		/* In a chroot it may be a directory of the disk. */
		if (fd >= 0 && (fstatfs(fd, &file_system) != 0 || file_system.f_type != TMPFS_MAGIC)) {
			close(fd);
			errno = ENOENT;
			return -1;
		}
		if (fd >= 0)
			EXPECT(write(fd, zeros, FILE_SIZE) == FILE_SIZE);
		return fd;
	case CLOSED:
		/* Far above the others, so that nothing else takes the number. */
		EXPECT(fcntl(1000, F_GETFD) == -1);
		return 1000;
	case MINUS_ONE:
		return -1;
	case PATH:
		return open("/", O_PATH);
	case DIRECTORY:
		return open("/", O_RDONLY | O_DIRECTORY);
	case EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case INOTIFY:
		return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	case PIDFD:
		return (int)syscall(SYS_pidfd_open, getpid(), 0);
	case PROC_STAT:
		return open("/proc/self/stat", O_RDONLY);
	case PROC_MAPS:
		return open("/proc/self/maps", O_RDONLY);
	case PROC_MEM:
		return open("/proc/self/mem", O_RDWR);
	case KMSG:
		return open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	case SYSFS:
		return open("/sys/kernel/uevent_seqnum", O_RDONLY);
	case NULL_DEVICE:
		return open("/dev/null", O_RDWR);
	case ZERO_DEVICE:
		return open("/dev/zero", O_RDWR);
	case FULL_DEVICE:
		return open("/dev/full", O_RDWR);
	case RANDOM_DEVICE:
		return open("/dev/urandom", O_RDONLY);
	case PIPE_EMPTY:
		return pipe_end(0, 0, 0);
	case PIPE_READABLE:
		return pipe_end(0, 3, 0);
	case PIPE_HUNG:
		return pipe_end(0, 0, 1);
	case PIPE_WRITABLE:
		return pipe_end(1, 0, 0);
	case PIPE_FULL:
		return pipe_end(1, -1, 0);
	case PIPE_BROKEN:
		return pipe_end(1, 0, 1);
	case SOCKET_EMPTY:
		return socket_end(0, 0);
	case SOCKET_READABLE:
		return socket_end(3, 0);
	case SOCKET_BROKEN:
		return socket_end(0, 1);
	case SOCKET_UNCONNECTED:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	case EVENTFD_ZERO:
		return eventfd(0, EFD_NONBLOCK);
	case EVENTFD_SEVEN:
		return eventfd(7, EFD_NONBLOCK);
	case TIMERFD:
		return timer(0);
	case TIMERFD_EXPIRED:
		return timer(1);
	case SIGNALFD:
		sigemptyset(&signals);
		sigaddset(&signals, SIGUSR2);
		return signalfd(-1, &signals, SFD_NONBLOCK);
	case PTY:
		return pty(0);
	case PTY_READABLE:
		return pty(3);
	case KINDS:
		break;
	}
	abort();
}
