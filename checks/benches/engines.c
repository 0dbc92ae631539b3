/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Times the engine that LIBAIO_ENGINE names: one write to /dev/null submitted and reaped, and direct
 * reads of 4 KiB at random offsets, one at a time and 32 in flight.
 *
 * usage: engines FILE        prints "null NANOSECONDS", "direct-1 MICROSECONDS", "direct-32 IOPS"
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, MOST = 32 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void require(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "engines: %s failed\n", what);
	exit(1);
}

static double null_writes(io_context_t ctx)
{
	enum { ROUNDS = 200000 };
	static char buffer[BLOCK];
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int fd = open("/dev/null", O_WRONLY);

	require(fd >= 0, "opening /dev/null");
	io_prep_pwrite(&cb, fd, buffer, BLOCK, 0);
	double start = now();
	for (int i = 0; i < ROUNDS; i++)
		require(io_submit(ctx, 1, list) == 1 && io_getevents(ctx, 1, 1, &event, NULL) == 1 &&
				event.res == BLOCK, "a write");
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

	require(fd >= 0 && fstat(fd, &status) == 0 && status.st_size >= BLOCK, "opening the file with O_DIRECT");
	require(posix_memalign(&buffers, BLOCK, MOST * BLOCK) == 0, "posix_memalign");
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
			require(io_submit(ctx, idle, list) == idle, "io_submit");
			idle = 0;
		}
		if (idle == depth)
			break;
		int got = io_getevents(ctx, 1, MOST, events, NULL);
		require(got > 0, "io_getevents");
		for (int i = 0; i < got; i++) {
			require(events[i].res == BLOCK, "a read");
			list[idle++] = events[i].obj;
		}
		done += got;
	}
	double rate = done / (now() - start);
	free(buffers);
	close(fd);
	return rate;
}

int main(int argc, char **argv)
{
	io_context_t ctx = NULL;

	require(argc == 2, "reading the arguments");
	require(io_setup(64, &ctx) == 0, "io_setup");
	printf("null %.1f\n", null_writes(ctx));
	printf("direct-1 %.2f\n", 1e6 / direct_reads(ctx, argv[1], 1, 1));
	printf("direct-32 %.0f\n", direct_reads(ctx, argv[1], 32, 1));
	return io_destroy(ctx) != 0;
}
