/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "request.h"

struct aiocb request(int fd, const volatile void *bytes, size_t count, long long offset)
{
	struct aiocb cb;

	memset(&cb, 0, sizeof(cb));
	cb.aio_fildes = fd;
	cb.aio_buf = (void *)(uintptr_t)bytes;
	cb.aio_nbytes = count;
	cb.aio_offset = (off_t)offset;
	cb.aio_sigevent.sigev_notify = SIGEV_NONE;
	EXPECT_EQ(cb.aio_offset, offset);
	return cb;
}

struct aiocb signalling(struct aiocb cb, int signal, int value)
{
	cb.aio_sigevent.sigev_notify = SIGEV_SIGNAL;
	cb.aio_sigevent.sigev_signo = signal;
	cb.aio_sigevent.sigev_value.sival_int = value;
	return cb;
}

static long long started(int got, const char *call)
{
	if (got == 0 && errno != ERRNO_SENTINEL)
		give_up(__FILE__, __LINE__, "%s gave 0 and changed errno to %d", call, errno);
	EXPECT(got == 0 || got == -1);
	return got == 0 ? 0 : SYNC(errno);
}

long long start_read(struct aiocb *cb)
{
	errno = ERRNO_SENTINEL;
	return started(aio_read(cb), "aio_read");
}

long long start_write(struct aiocb *cb)
{
	errno = ERRNO_SENTINEL;
	return started(aio_write(cb), "aio_write");
}

long long start_fsync(int operation, struct aiocb *cb)
{
	errno = ERRNO_SENTINEL;
	return started(aio_fsync(operation, cb), "aio_fsync");
}

long long result_of(struct aiocb *cb)
{
	int error = aio_error(cb);

	if (error == EINPROGRESS)
		return IN_PROGRESS;
	ssize_t got = aio_return(cb);
	if (error == 0)
		return got;
	return got == -1 ? -(long long)error : WRONG_RETURN;
}

long long end_of(struct aiocb *cb)
{
	(void)EVENTUALLY(aio_error(cb) != EINPROGRESS);
	return result_of(cb);
}

long long outcome_of_read(struct aiocb *cb)
{
	long long got = start_read(cb);

	return got ? got : end_of(cb);
}

long long outcome_of_write(struct aiocb *cb)
{
	long long got = start_write(cb);

	return got ? got : end_of(cb);
}

long long outcome_of_fsync(int operation, struct aiocb *cb)
{
	long long got = start_fsync(operation, cb);

	return got ? got : end_of(cb);
}

int stays_in_progress(struct aiocb *cb)
{
	pause_for(0.05);
	return aio_error(cb) == EINPROGRESS;
}

struct aiocb *waiting_read(int *writer)
{
	struct aiocb *cb = calloc(1, sizeof(*cb));
	char *byte = calloc(1, 1);
	struct ends p = new_pipe();

	EXPECT(cb && byte);
	*cb = request(p.reader, byte, 1, 0);
	*writer = p.writer;
	EXPECT(start_read(cb) == 0);
	return cb;
}
