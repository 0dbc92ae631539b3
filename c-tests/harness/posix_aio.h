/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs of POSIX AIO use. They are compiled for the C library and run on it as they are, or with ours
 * preloaded.
 */
#ifndef POSIX_AIO_H
#define POSIX_AIO_H

#include <aio.h>

#include "blocks.h"

/* Begins a program. */
static inline void begin(void)
{
	begin_with("aio_read");
}

/* Makes a request without a notification. */
static inline struct aiocb *prepare(struct aiocb *cb, int fd, void *buffer, size_t size, off_t offset)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_fildes = fd;
	cb->aio_buf = buffer;
	cb->aio_nbytes = size;
	cb->aio_offset = offset;
	cb->aio_sigevent.sigev_notify = SIGEV_NONE;
	return cb;
}

/* Waits for so long, and gives the request's error: EINPROGRESS if it is not complete. */
static inline int error_within(struct aiocb *cb, double seconds)
{
	const struct aiocb *list[] = { cb };
	struct timespec slice = { 0, 100000000 };
	double end = now() + seconds;
	int error;

	while ((error = aio_error(cb)) == EINPROGRESS && now() < end) {
		if (aio_suspend(list, 1, &slice) != 0 && errno != EAGAIN && errno != EINTR)
			EXPECT_FAILED(__FILE__, __LINE__, "aio_suspend: errno is %d", errno);
	}
	return error;
}

/* The request ends soon with this error, and then with this return value. */
#define FINISHES(cb, error, value)                                                         \
	do {                                                                               \
		struct aiocb *cb_ = (cb);                                                  \
		int error_ = error_within(cb_, patience()), wanted_error_ = (error);       \
		if (error_ != wanted_error_)                                               \
			EXPECT_FAILED(__FILE__, __LINE__, "%s ends with error %d (%s), wanted %d", #cb, error_, \
				      strerror(error_), wanted_error_);                    \
		EXPECT_EQ(aio_return(cb_), (value));                                       \
	} while (0)

/* Writes blocks 0 to count - 1 of this pass by requests, waits for all, reads them by requests and looks at them. */
static inline void write_and_read(int fd, char *memory, int count, int pass)
{
	struct aiocb cbs[count];

	for (int i = 0; i < count; i++) {
		mark(memory + BLOCK * i, i, pass);
		EXPECT_EQ(aio_write(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	}
	for (int i = 0; i < count; i++)
		FINISHES(&cbs[i], 0, BLOCK);
	memset(memory, 0, (size_t)BLOCK * count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(aio_read(prepare(&cbs[i], fd, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i)), 0);
	for (int i = 0; i < count; i++) {
		FINISHES(&cbs[i], 0, BLOCK);
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), pass);
	}
}

/* A byte through a pipe: its read waits first. */
static inline void use_pipe(void)
{
	struct aiocb reads, writes;
	char got = 0, sent = 'x';
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	EXPECT_EQ(aio_read(prepare(&reads, ends[0], &got, 1, 0)), 0);
	EXPECT_EQ(aio_write(prepare(&writes, ends[1], &sent, 1, 0)), 0);
	FINISHES(&writes, 0, 1);
	FINISHES(&reads, 0, 1);
	EXPECT_EQ(got, 'x');
	close(ends[0]);
	close(ends[1]);
}

#endif
