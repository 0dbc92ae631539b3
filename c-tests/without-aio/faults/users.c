/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What helper threads must not change for the process: setuid reaches them, they leave room for
 * unshare(CLONE_NEWUSER) when idle, record locks stay, and SIGPIPE and SIGXFSZ come to the thread that submits.
 */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "transfers.h"

static volatile sig_atomic_t signals, on_submitter;
static pid_t submitter;

static void count(int number)
{
	(void)number;
	signals++;
	on_submitter += gettid() == submitter;
}

/* One block written through the library: its result. */
static long written(io_context_t ctx, int fd, char *block, long long offset)
{
	struct iocb cb, *list[] = { &cb };
	struct io_event event;

	io_prep_pwrite(&cb, fd, block, BLOCK, offset);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	return RES(event);
}

static void expect_ids(unsigned id)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int seen = 0;

	EXPECT(tasks);
	while ((task = readdir(tasks))) {
		char path[300], line[200];
		unsigned real, effective;
		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		FILE *status = fopen(path, "r");
		EXPECT(status);
		while (fgets(line, sizeof(line), status)) {
			if (sscanf(line, "Uid: %u %u", &real, &effective) == 2) {
				EXPECT(real == id && effective == id);
				seen++;
			}
		}
		fclose(status);
	}
	closedir(tasks);
	EXPECT(seen > 1);
}

/* Whether another process could lock the first byte. */
static int is_locked(int fd)
{
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
		EXPECT_EQ(fcntl(fd, F_GETLK, &lock), 0);
		_exit(lock.l_type == F_UNLCK);
	}
	return status_within(child, 5) == 0;
}

int main(void)
{
	int fd = direct_file(64), buffered = temp_file(0), pipes[2];
	char *memory = blocks(32);
	io_context_t ctx = NULL;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	start_watchdog();
	submitter = gettid();
	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);

	EXPECT(fcntl(fd, F_SETLK, &lock) == 0 && fcntl(buffered, F_SETLK, &lock) == 0);
	EXPECT(is_locked(fd) && is_locked(buffered));
	write_and_check(ctx, fd, memory, 0, 32, 1);
	write_and_check(ctx, buffered, memory, 0, 32, 1);
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	io_prep_fsync(&cb, fd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	/* The helpers are still there, and after they have gone. */
	EXPECT(is_locked(fd) && is_locked(buffered));
	EXPECT(threads() > 1);
	sleep(3);
	EXPECT_EQ(threads(), 1);
	EXPECT(is_locked(fd) && is_locked(buffered));
	puts("record locks stay");

	EXPECT_EQ(pipe(pipes), 0);
	close(pipes[0]);
	signal(SIGPIPE, count);
	EXPECT_EQ(written(ctx, pipes[1], memory, 0), -EPIPE);
	EXPECT(signals == 1 && on_submitter == 1);
	struct rlimit before, small;
	EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = BLOCK * 32;
	signal(SIGXFSZ, count);
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
	EXPECT_EQ(written(ctx, buffered, memory, BLOCK * 32), -EFBIG);
	EXPECT(signals == 2 && on_submitter == 2);
	/* Direct: the error comes, and the signal, if any, to the submitter. */
	EXPECT_EQ(written(ctx, fd, memory, BLOCK * 32), -EFBIG);
	EXPECT(signals == on_submitter);
	int direct = signals - 2;
	EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
	printf("SIGPIPE and SIGXFSZ come to the submitter; %d for O_DIRECT\n", direct);

	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		io_context_t own = NULL;
		start_watchdog();
		EXPECT_EQ(AIO(io_setup(64, &own)), 0);
		write_and_check(own, fd, memory, 0, 32, 2);
		EXPECT(threads() > 1);
		/* EINVAL: there are other threads. */
		EXPECT(unshare(CLONE_NEWUSER) == -1 && errno == EINVAL);
		sleep(3);
		if (unshare(CLONE_NEWUSER) != 0) {
			EXPECT(errno == EPERM || errno == ENOSPC || errno == EUSERS);
			_exit(77);
		}
		write_and_check(own, fd, memory, 0, 32, 3);
		_exit(0);
	}
	int status = status_within(child, 20);
	EXPECT(status == 0 || status == 77 << 8);
	puts(status ? "unshare(CLONE_NEWUSER): this machine forbids it" : "unshare(CLONE_NEWUSER) when idle");

	write_and_check(ctx, fd, memory, 0, 32, 4);
	if (geteuid() != 0)
		SKIP("setuid: only root can test it");
	EXPECT(threads() > 1);
	EXPECT_EQ(setuid(65534), 0);
	expect_ids(65534);
	write_and_check(ctx, fd, memory, 0, 32, 5);
	puts("setuid reaches the helpers");
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
