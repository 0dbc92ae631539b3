/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Times direct reads of 4 KiB at random offsets, one at a time: through libaio, or compiled with -DPOSIX by aio_read and
 * aio_suspend, or with -DSOLARIS by aioread and aiowait.
 *
 * usage: spinning FILE SECONDS [in-vain]
 *
 * in-vain: waits of a millisecond for what does not come, instead. Prints the median and the mean time of one, and its
 * processor time, in microseconds.
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(POSIX)
#include <aio.h>
#elif defined(SOLARIS)
#include <sys/asynch.h>
#else
#include <libaio.h>
#endif

#include "../../c-tests/harness/expect.h"

enum { BLOCK = 4096, MOST = 10000000 };

static int file;
static char *buffer;

#if defined(POSIX)
static void read_at(off_t offset)
{
	struct aiocb cb = { .aio_fildes = file, .aio_buf = buffer, .aio_nbytes = BLOCK, .aio_offset = offset };
	const struct aiocb *list[] = { &cb };

	EXPECT(aio_read(&cb) == 0 && aio_suspend(list, 1, NULL) == 0 && aio_return(&cb) == BLOCK);
}
#elif defined(SOLARIS)
static void read_at(off_t offset)
{
	aio_result_t result;

	EXPECT(aioread(file, buffer, BLOCK, offset, SEEK_SET, &result) == 0);
	EXPECT(aiowait(NULL) == &result && result.aio_return == BLOCK);
}
#else
static io_context_t ctx;

static void read_at(off_t offset)
{
	struct iocb cb, *list[] = { &cb };
	struct io_event event;

	io_prep_pread(&cb, file, buffer, BLOCK, offset);
	EXPECT(io_submit(ctx, 1, list) == 1 && io_getevents(ctx, 1, 1, &event, NULL) == 1 && event.res == BLOCK);
}

static void wait_in_vain(off_t nothing)
{
	static struct timespec millisecond = { 0, 1000000 };
	struct io_event event;

	(void)nothing;
	EXPECT(io_getevents(ctx, 1, 1, &event, &millisecond) == 0);
}
#endif

static double processor_time(void)
{
	struct rusage usage;

	EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int compare(const void *one, const void *other)
{
	float a = *(const float *)one, b = *(const float *)other;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	static float times[MOST];
	struct stat status;
	unsigned seed = 1;
	void (*what)(off_t) = read_at;
	long done = 0;

	EXPECT(argc >= 3);
	file = open(argv[1], O_RDONLY | O_DIRECT);
	EXPECT(file >= 0 && fstat(file, &status) == 0 && status.st_size >= BLOCK);
	EXPECT(posix_memalign((void **)&buffer, BLOCK, BLOCK) == 0);
#if !defined(POSIX) && !defined(SOLARIS)
	EXPECT(io_setup(4, &ctx) == 0);
	if (argc > 3)
		what = wait_in_vain;
#endif
	for (int i = 0; i < 100; i++)
		read_at(0);
	double used = processor_time(), start = now(), last = start, seconds = atof(argv[2]);
	while (last - start < seconds && done < MOST) {
		seed = seed * 1103515245 + 12345;
		what((off_t)((seed >> 4) % (status.st_size / BLOCK)) * BLOCK);
		double end = now();
		times[done++] = (float)((end - last) * 1e6);
		last = end;
	}
	used = processor_time() - used;
	qsort(times, done, sizeof(*times), compare);
	printf("%.2f %.2f %.2f\n", times[done / 2], (last - start) * 1e6 / done, used / done);
	return 0;
}
