/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a C++ program makes of the header. names.c calls it. */
#include <sys/asynch.h>
#include <sys/time.h>
#include <unistd.h>

static_assert(AIO_INPROGRESS == -2, "a constant expression");

extern "C" {
int plus_reads(int fd, char *bytes, int count, aio_result_t *result);
aio_result_t *plus_waits(long seconds);
int plus_writes_and_cancels(int fd, const char *bytes, int count, aio_result_t *result);
}

int plus_reads(int fd, char *bytes, int count, aio_result_t *result)
{
	return aioread(fd, bytes, count, 0, SEEK_SET, result);
}

aio_result_t *plus_waits(long seconds)
{
	const timeval time = { seconds, 0 };

	return aiowait(&time);
}

int plus_writes_and_cancels(int fd, const char *bytes, int count, aio_result_t *result)
{
	return aiowrite(fd, bytes, count, 0, SEEK_SET, result) + aiocancel(result);
}
