/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Real I/O where the kernel has no AIO: the library carries it out without. Run under the launcher beside
 * this, and under qemu-user. `file_io -c` says what io_setup answers, and no more.
 */
#include <libaio.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "../harness/expect.h"

enum { BLOCK = 4096, BLOCKS = 64 };

static io_context_t ctx;
static char *written, *found;

/* The kernel's own rings are mapped from a file of this name. */
static int is_kernels(const void *ring)
{
	char line[512];
	unsigned long start, end;
	int is = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)ring >= start &&
		    (unsigned long)ring < end)
			is = strstr(line, "[aio]") != NULL;
	}
	fclose(maps);
	return is;
}

static void fill(unsigned seed)
{
	for (int i = 0; i < BLOCK * BLOCKS; i++) {
		seed = seed * 1103515245 + 12345;
		written[i] = seed >> 16;
	}
}

/*
 * qemu-user swaps the bytes of what is written to an eventfd where the orders differ, but not for a duplicate
 * that fcntl made.
 */
static int duplicates_count_rightly(void)
{
	int efd = eventfd(0, 0), duplicate = fcntl(efd, F_DUPFD_CLOEXEC, 0);
	eventfd_t count = 0;

	EXPECT(duplicate >= 0);
	EXPECT_EQ(eventfd_write(duplicate, 1), 0);
	EXPECT_EQ(eventfd_read(efd, &count), 0);
	close(duplicate);
	close(efd);
	return count == 1;
}

/* Submits all and waits for all; each must give `result`. An eventfd counts them. */
static void run(struct iocb *cbs, int count, long result, int efd)
{
	struct iocb *list[BLOCKS];
	struct io_event events[BLOCKS];
	char seen[BLOCKS] = { 0 };
	eventfd_t counted = 0, some;

	for (int i = 0; i < count; i++) {
		list[i] = &cbs[i];
		if (efd >= 0)
			io_set_eventfd(list[i], efd);
	}
	EXPECT_EQ(AIO(io_submit(ctx, count, list)), count);
	EXPECT_EQ(AIO(io_getevents(ctx, count, count, events, NULL)), count);
	for (int i = 0; i < count; i++) {
		long at = events[i].obj - cbs;
		EXPECT(at >= 0 && at < count && !seen[at]);
		seen[at] = 1;
		EXPECT_EQ(RES(events[i]), result);
	}
	while (efd >= 0 && counted < (eventfd_t)count) {
		EXPECT_EQ(eventfd_read(efd, &some), 0);
		counted += some;
	}
	EXPECT_EQ(counted, efd >= 0 ? count : 0);
}

static void write_and_read(int fd, int efd, unsigned seed)
{
	struct iocb cbs[BLOCKS];

	fill(seed);
	memset(found, 0, BLOCK * BLOCKS);
	for (int i = 0; i < BLOCKS; i++)
		io_prep_pwrite(&cbs[i], fd, written + BLOCK * i, BLOCK, BLOCK * (long long)i);
	run(cbs, BLOCKS, BLOCK, efd);
	io_prep_fsync(&cbs[0], fd);
	io_prep_fdsync(&cbs[1], fd);
	run(cbs, 2, 0, efd);
	/* What the file has, by another way; then by ours. */
	EXPECT_EQ(pread(fd, found, BLOCK * BLOCKS, 0), BLOCK * BLOCKS);
	EXPECT_EQ(memcmp(written, found, BLOCK * BLOCKS), 0);
	memset(found, 0, BLOCK * BLOCKS);
	for (int i = 0; i < BLOCKS; i++) {
		struct iovec two[2] = { { found + BLOCK * i, BLOCK / 2 },
					{ found + BLOCK * i + BLOCK / 2, BLOCK / 2 } };
		static struct iovec vectors[BLOCKS][2];
		memcpy(vectors[i], two, sizeof(two));
		io_prep_preadv(&cbs[i], fd, vectors[i], 2, BLOCK * (long long)i);
	}
	run(cbs, BLOCKS, BLOCK, efd);
	EXPECT_EQ(memcmp(written, found, BLOCK * BLOCKS), 0);
}

static void *write_later(void *fd)
{
	usleep(50000);
	EXPECT_EQ(write(*(int *)fd, "x", 1), 1);
	return NULL;
}

static void wait_for_pipe(int efd)
{
	struct iocb cb;
	int pipes[2];
	pthread_t writer;

	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(pthread_create(&writer, NULL, write_later, &pipes[1]), 0);
	io_prep_poll(&cb, pipes[0], POLLIN);
	/* All that a pipe wakes its waiters for. */
	run(&cb, 1, POLLIN | POLLRDNORM, efd);
	EXPECT_EQ(pthread_join(writer, NULL), 0);
	close(pipes[0]);
	close(pipes[1]);
}

static void fork_with_context(void)
{
	struct io_event event;
	struct timespec at_once = { 0, 0 };
	int status;
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		io_context_t own = NULL;
		start_watchdog();
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, &at_once)), -EINVAL);
		EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
		EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
		EXPECT_EQ(AIO(io_setup(BLOCKS, &own)), 0);
		io_context_t parents = ctx;
		ctx = own;
		/* In the caller: qemu-user itself cannot start a thread in a child of many threads. */
		int fd = temp_file(0);
		struct iocb cb;
		io_prep_pwrite(&cb, fd, written, BLOCK, BLOCK);
		run(&cb, 1, BLOCK, -1);
		io_prep_pread(&cb, fd, found, BLOCK, BLOCK);
		found[0] = ~written[0];
		run(&cb, 1, BLOCK, -1);
		EXPECT_EQ(memcmp(written, found, BLOCK), 0);
		EXPECT_EQ(AIO(io_destroy(parents)), -EINVAL);
		EXPECT_EQ(AIO(io_destroy(own)), 0);
		exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	/* The child took nothing away. */
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, &event, &at_once)), 0);
}

int main(int argc, char **argv)
{
	start_watchdog();
	setvbuf(stdout, NULL, _IONBF, 0);
	long result = AIO(io_setup(BLOCKS, &ctx));
	if (argc > 1 && strcmp(argv[1], "-c") == 0) {
		printf("io_setup: %s\n", result == 0 ? is_kernels(ctx) ? "kernel" : "threads" : strerrorname_np(-result));
		return 0;
	}
	EXPECT_EQ(result, 0);
	EXPECT(!is_kernels(ctx));

	int efd = eventfd(0, 0);
	EXPECT(efd >= 0);
	if (!duplicates_count_rightly()) {
		puts("without eventfds: here a duplicate does not count rightly");
		efd = -1;
	}
	EXPECT_EQ(posix_memalign((void **)&written, BLOCK, BLOCK * BLOCKS), 0);
	EXPECT_EQ(posix_memalign((void **)&found, BLOCK, BLOCK * BLOCKS), 0);
	int buffered = temp_file(0), direct = temp_file(O_DIRECT);
	EXPECT(buffered >= 0);
	write_and_read(buffered, efd, 1);
	EXPECT(direct >= 0);
	write_and_read(direct, efd, 2);
	wait_for_pipe(efd);
	fork_with_context();
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
	puts("buffered, O_DIRECT, fsync, fdsync, poll, eventfd, fork, io_destroy: right");
	return 0;
}
