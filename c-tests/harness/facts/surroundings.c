/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "surroundings.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

void pause_for(double seconds)
{
	struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (nanosleep(&t, &t) != 0)
		;
}

size_t right_bytes(const void *bytes, size_t count, size_t from)
{
	size_t right = 0;

	for (size_t i = 0; i < count; i++)
		right += ((const unsigned char *)bytes)[i] == pattern(from + i);
	return right;
}

static void fill_file(int fd, size_t size)
{
	static unsigned char bytes[FILE_SIZE];

	for (size_t done = 0; done < size;) {
		size_t part = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

		for (size_t i = 0; i < part; i++)
			bytes[i] = pattern(done + i);
		EXPECT(pwrite(fd, bytes, part, (off_t)done) == (ssize_t)part);
		done += part;
	}
}

int named_file(char *path, size_t size, int flags)
{
	snprintf(path, PATH_SIZE, "%s/file-XXXXXX", directory);
	int made = mkstemp(path);

	EXPECT(made >= 0);
	fill_file(made, size);
	/* What is written back already does not slow the direct requests of a fact. */
	if (flags & O_DIRECT)
		EXPECT(fsync(made) == 0);
	int access = flags & O_ACCMODE ? flags & O_ACCMODE : O_RDWR;
	int fd = open(path, access | O_LARGEFILE | (flags & ~O_ACCMODE));
	if (fd < 0 && (flags & O_DIRECT)) {
		unlink(path);
		skip_fact("the file system refuses O_DIRECT");
	}
	EXPECT(fd >= 0);
	close(made);
	return fd;
}

int file_of(size_t size, int flags)
{
	char path[PATH_SIZE];
	int fd = named_file(path, size, flags);

	EXPECT(unlink(path) == 0);
	return fd;
}

int direct_file(size_t size, int flags)
{
	return file_of(size, flags | O_DIRECT);
}

char *pages(size_t bytes)
{
	char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(start != MAP_FAILED);
	return start;
}

void *hole(void)
{
	char *start = pages(PAGE);

	/* Not unmapped: the next mapping could take its place. */
	EXPECT(mprotect(start, PAGE, PROT_NONE) == 0);
	return start;
}

struct ends new_pipe(void)
{
	int fds[2];

	EXPECT(pipe(fds) == 0);
	return (struct ends){ fds[0], fds[1] };
}

struct ends new_sockets(int type)
{
	int fds[2];

	EXPECT(socketpair(AF_UNIX, type, 0, fds) == 0);
	return (struct ends){ fds[0], fds[1] };
}

size_t fill(int fd)
{
	static const char bytes[PAGE];
	size_t filled = 0;
	ssize_t got;
	int flags = fcntl(fd, F_GETFL);

	EXPECT(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
	for (size_t part = sizeof(bytes); part; part = part == 1 ? 0 : 1) {
		while ((got = write(fd, bytes, part)) > 0)
			filled += (size_t)got;
		EXPECT(got == -1 && errno == EAGAIN);
	}
	EXPECT(fcntl(fd, F_SETFL, flags) == 0);
	return filled;
}

int status_of(pid_t child)
{
	int status = 0;

	EXPECT(child > 0);
	if (!EVENTUALLY(waitpid(child, &status, WNOHANG) == child)) {
		kill(child, SIGKILL);
		EXPECT(waitpid(child, &status, 0) == child);
		return 2000;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

pid_t start_errand(const char *name, const char *argument)
{
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		execl(self, self, "--do", name, argument, (char *)NULL);
		_exit(98);
	}
	return child;
}

void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	EXPECT(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

static int wait_at_most(int signal, siginfo_t *info, double seconds)
{
	sigset_t set;
	siginfo_t own;
	double until = now() + seconds;

	if (!info)
		info = &own;
	sigemptyset(&set);
	sigaddset(&set, signal);
	for (;;) {
		double left = until - now();
		struct timespec time = { 0, 0 };

		if (left > 0)
			time = (struct timespec){ (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
		if (sigtimedwait(&set, info, &time) == signal)
			return info->si_value.sival_int;
		if (errno == EAGAIN)
			return -1;
	}
}

int wait_for(int signal, siginfo_t *info)
{
	return wait_at_most(signal, info, patience);
}

int none_comes(int signal)
{
	siginfo_t info;

	info.si_signo = 0;
	wait_at_most(signal, &info, 0.1);
	return info.si_signo != signal;
}

atomic_int handled;

static void count(int number)
{
	(void)number;
	handled++;
}

void count_signal(int signal, int flags)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = flags };

	EXPECT(sigaction(signal, &action, NULL) == 0);
}
