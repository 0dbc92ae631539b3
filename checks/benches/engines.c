/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Times the engine that LIBAIO_ENGINE names: one write to /dev/null submitted and reaped, and direct
 * reads of 4 KiB at random offsets, one at a time and 32 in flight. Or, with LIBAIO_ENGINE=auto,spill, the write on a
 * context of the kernel's, before and after another context went over to threads because fs.aio-max-nr was used up.
 *
 * usage: engines FILE        prints "null NANOSECONDS", "direct-1 MICROSECONDS", "direct-32 IOPS"
 *        engines             prints "before NANOSECONDS", "after NANOSECONDS"
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../c-tests/harness/expect.h"

enum { BLOCK = 4096, MOST = 32 };

static double null_writes(io_context_t ctx)
{
	enum { ROUNDS = 200000 };
	static char buffer[BLOCK];
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int fd = open("/dev/null", O_WRONLY);

	EXPECT(fd >= 0);
	io_prep_pwrite(&cb, fd, buffer, BLOCK, 0);
	double start = now();
	for (int i = 0; i < ROUNDS; i++)
		EXPECT(io_submit(ctx, 1, list) == 1 && io_getevents(ctx, 1, 1, &event, NULL) == 1 &&
				event.res == BLOCK);
	close(fd);
	return (now() - start) / ROUNDS * 1e9;
}

/* Reads for so many seconds with `depth` in flight; returns reads per second. */
static double direct_reads(io_context_t ctx, const char *path, int depth, double seconds)
{
	struct iocb cb[MOST], *list[MOST];
	struct io_event events[MOST];
	struct stat status;
	void *buffers;
	unsigned seed = 1;
	long done = 0;
	int fd = open(path, O_RDONLY | O_DIRECT), idle = depth;

	EXPECT(fd >= 0 && fstat(fd, &status) == 0 && status.st_size >= BLOCK);
	EXPECT(posix_memalign(&buffers, BLOCK, MOST * BLOCK) == 0);
	for (int i = 0; i < depth; i++)
		list[i] = &cb[i];
	double start = now();
	while (idle < depth || now() - start < seconds) {
		int goes_on = now() - start < seconds;
		for (int i = 0; goes_on && i < idle; i++) {
			seed = seed * 1103515245 + 12345;
			io_prep_pread(list[i], fd, (char *)buffers + (list[i] - cb) * BLOCK, BLOCK,
				      (long long)((seed >> 4) % (status.st_size / BLOCK)) * BLOCK);
		}
		if (goes_on && idle) {
			EXPECT(io_submit(ctx, idle, list) == idle);
			idle = 0;
		}
		if (idle == depth)
			break;
		int got = io_getevents(ctx, 1, MOST, events, NULL);
		EXPECT(got > 0);
		for (int i = 0; i < got; i++) {
			EXPECT(events[i].res == BLOCK);
			list[idle++] = events[i].obj;
		}
		done += got;
	}
	double rate = done / (now() - start);
	free(buffers);
	close(fd);
	return rate;
}

/* Takes what the system has left for contexts; they go with the process. */
static void use_up(void)
{
	for (int size = 1 << 15; size; size /= 2) {
		unsigned long taken;

		do {
			taken = 0;
		} while (syscall(SYS_io_setup, size, &taken) == 0);
		EXPECT(errno == EAGAIN);
	}
}

static int spill(void)
{
	io_context_t kernels = NULL, served = NULL;

	EXPECT(io_setup(64, &kernels) == 0);
	null_writes(kernels);
	printf("before %.1f\n", null_writes(kernels));
	use_up();
	EXPECT(io_setup(64, &served) == 0);
	printf("after %.1f\n", null_writes(kernels));
	/* It is one of those that are not the kernel's. */
	EXPECT(syscall(SYS_io_destroy, served) == -1 && errno == EINVAL);
	return io_destroy(served) != 0 || io_destroy(kernels) != 0;
}

int main(int argc, char **argv)
{
	io_context_t ctx = NULL;

	if (argc == 1)
		return spill();
	EXPECT(argc == 2);
	EXPECT(io_setup(64, &ctx) == 0);
	printf("null %.1f\n", null_writes(ctx));
	printf("direct-1 %.2f\n", 1e6 / direct_reads(ctx, argv[1], 1, 1));
	printf("direct-32 %.0f\n", direct_reads(ctx, argv[1], 32, 1));
	return io_destroy(ctx) != 0;
}
