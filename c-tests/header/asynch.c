/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Uses everything of <sys/asynch.h>, in C and in C++, beside another header (OTHER) if there is one, in the order that
 * ASYNCH_FIRST says. BITS: what a long has.
 */
#if defined(OTHER) && !defined(ASYNCH_FIRST)
#include OTHER
#endif
#include <sys/asynch.h>
#if defined(OTHER) && defined(ASYNCH_FIRST)
#include OTHER
#endif
#include <stddef.h>

/* An array of size -1 is an error in every version of both languages. */
#define HOLDS(name, condition) typedef char holds_##name[(condition) ? 1 : -1]
HOLDS(bits, sizeof(long) == BITS / 8);
HOLDS(size, sizeof(aio_result_t) == 2 * sizeof(long));
HOLDS(return_first, offsetof(struct aio_result_t, aio_return) == 0);
HOLDS(return_size, sizeof(((aio_result_t *)0)->aio_return) == sizeof(long));
HOLDS(errno_second, offsetof(struct aio_result_t, aio_errno) == sizeof(long));
HOLDS(errno_size, sizeof(((aio_result_t *)0)->aio_errno) == sizeof(int));
HOLDS(in_progress, AIO_INPROGRESS == -2 && 1 - AIO_INPROGRESS == 3);
HOLDS(most, MAXASYNCHIO == 200);

int use(int fd, char *buffer, const char *from, off_t offset, const struct timeval *timeout);
int use(int fd, char *buffer, const char *from, off_t offset, const struct timeval *timeout)
{
	static aio_result_t results[2];
	struct aio_result_t *first = &results[0];
	int sum = 0;

	first->aio_return = AIO_INPROGRESS;
	sum += aioread(fd, buffer, 1, offset, 0, first);
	sum += aiowrite(fd, from, 1, offset, 1, &results[1]);
	while (first->aio_return == AIO_INPROGRESS)
		if (aiowait(timeout) == first)
			sum += first->aio_errno;
	sum += aiocancel(&results[1]);
	sum += aioread64(fd, buffer, 1, offset, 2, first);
	sum += aiowrite64(fd, from, 1, offset, 2, first);
	return sum;
}
