/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the programs of Solaris AIO use. */
#ifndef SOLARIS_AIO_H
#define SOLARIS_AIO_H

#include <sys/asynch.h>
#include <sys/time.h>

#include "blocks.h"

#define FAILED ((aio_result_t *)-1)

static const struct timeval at_once;

/* Begins a program. */
static inline void begin(void)
{
	begin_with("aioread");
}

/* aiowait's next structure, waiting so long; what interrupts it does not count. */
static inline aio_result_t *next_within(double seconds)
{
	double end = now() + seconds;
	struct timeval time;
	aio_result_t *result;

	do {
		double left = end - now();

		time.tv_sec = left > 0 ? (time_t)left : 0;
		time.tv_usec = left > 0 ? (suseconds_t)((left - (double)time.tv_sec) * 1e6) : 0;
		result = aiowait(&time);
	} while (result == FAILED && errno == EINTR);
	return result;
}

/* The next structure is this one, with this error and this value. */
#define FINISHES(structure, error, value)                                                  \
	do {                                                                               \
		aio_result_t *wanted_ = (structure), *next_ = next_within(patience());     \
		if (next_ != wanted_)                                                      \
			EXPECT_FAILED(__FILE__, __LINE__, "aiowait gives %p (errno %d), wanted %s = %p", (void *)next_, errno, \
				      #structure, (void *)wanted_);                        \
		EXPECT_EQ(wanted_->aio_errno, (error));                                    \
		EXPECT_EQ(wanted_->aio_return, (value));                                   \
	} while (0)

/* Nothing is outstanding. */
static inline void expect_nothing(void)
{
	EXPECT(aiowait(&at_once) == FAILED && errno == EINVAL);
}

/* The structure has changed from AIO_INPROGRESS within this time, by itself. */
static inline bool ends_within(const aio_result_t *result, double seconds)
{
	double end = now() + seconds;

	while (__atomic_load_n(&result->aio_return, __ATOMIC_ACQUIRE) == AIO_INPROGRESS) {
		if (now() > end)
			return false;
		usleep(200);
	}
	return true;
}

static inline void read_block(int fd, char *memory, int block, aio_result_t *result)
{
	*result = (aio_result_t){ AIO_INPROGRESS, 77 };
	EXPECT_EQ(aioread(fd, memory, BLOCK, (off_t)BLOCK * block, SEEK_SET, result), 0);
}

static inline void write_block(int fd, const char *memory, int block, aio_result_t *result)
{
	*result = (aio_result_t){ AIO_INPROGRESS, 77 };
	EXPECT_EQ(aiowrite(fd, memory, BLOCK, (off_t)BLOCK * block, SEEK_SET, result), 0);
}

/* Collects as many blocks, whatever comes besides. */
static inline void collect_blocks(int count)
{
	for (int i = 0; i < count; i++) {
		aio_result_t *result = next_within(patience());

		if (!result || result == FAILED)
			EXPECT_FAILED(__FILE__, __LINE__, "%d of %d requests ended, then aiowait gives %p (errno %d)", i, count, (void *)result, errno);
		EXPECT_EQ(result->aio_errno, 0);
		EXPECT_EQ(result->aio_return, BLOCK);
	}
}

/* Writes blocks 0 to count - 1 of this pass, collects all, reads them and looks at them. */
static inline void write_and_read(int fd, char *memory, int count, int pass)
{
	aio_result_t results[count];

	for (int i = 0; i < count; i++) {
		mark(memory + BLOCK * i, i, pass);
		write_block(fd, memory + BLOCK * i, i, &results[i]);
	}
	collect_blocks(count);
	memset(memory, 0, (size_t)BLOCK * count);
	for (int i = 0; i < count; i++)
		read_block(fd, memory + BLOCK * i, i, &results[i]);
	collect_blocks(count);
	for (int i = 0; i < count; i++)
		EXPECT_EQ(pass_of(memory + BLOCK * i, i), pass);
}

/* The read of an empty pipe, of one byte; its other end. */
static inline int read_pipe(aio_result_t *result, char *byte)
{
	int ends[2];

	EXPECT_EQ(pipe(ends), 0);
	*result = (aio_result_t){ AIO_INPROGRESS, 77 };
	EXPECT_EQ(aioread(ends[0], byte, 1, 0, SEEK_SET, result), 0);
	return ends[1];
}

/* A byte through a pipe: its read waits first. */
static inline void use_pipe(void)
{
	aio_result_t result;
	char byte = 0;
	int to = read_pipe(&result, &byte);

	EXPECT_EQ(write(to, "x", 1), 1);
	FINISHES(&result, 0, 1);
	EXPECT_EQ(byte, 'x');
	close(to);
}

#endif
