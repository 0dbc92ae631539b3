/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Small reads of a file that is in the page cache, by two threads, as fast as they go: each is accepted, is complete exactly
 * once, and has the bytes of its place. Now and then there is a list, with direct ones, and a write.
 *
 * usage: counting REQUESTS
 */
#include <pthread.h>
#include <sched.h>

#include "../harness/posix_aio.h"

enum { THREADS = 2, BLOCKS = 64, SIZE = 64, DEPTH = 8 };

struct thread {
	pthread_t id;
	int number;
	long requests, complete, slow;
};

static int direct, buffered;

#define FAIL(...) EXPECT_FAILED(__FILE__, __LINE__, __VA_ARGS__)

static void look(struct thread *self, struct aiocb *cb, int size)
{
	const uint32_t *words = (const uint32_t *)cb->aio_buf;
	uint32_t place = cb->aio_offset;
	int error = aio_error(cb);

	if (error == EINPROGRESS) {
		self->slow++;
		if (self->slow % 3)
			error = error_within(cb, patience());
		else
			for (double end = now() + patience(); (error = aio_error(cb)) == EINPROGRESS && now() < end;)
				sched_yield();
	}
	if (error != 0)
		FAIL("request %ld of thread %d: error %d", self->complete, self->number, error);
	ssize_t value = aio_return(cb);
	if (value != size)
		FAIL("request %ld of thread %d: %zd bytes, wanted %d", self->complete, self->number, value, size);
	for (int i = 0; i < size / 4; i++)
		if (words[i] != place + 4 * i)
			FAIL("request %ld of thread %d: byte %u has the bytes of %u", self->complete, self->number,
			     place + 4 * i, words[i]);
	self->complete++;
}

static void *work(void *argument)
{
	struct thread *self = argument;
	char *memory = blocks(DEPTH);
	struct aiocb cbs[DEPTH], *list[DEPTH];
	uint32_t seed = 1 + self->number;

	for (int i = 0; i < DEPTH; i++)
		list[i] = prepare(&cbs[i], buffered, memory + BLOCK * i, SIZE, 0);
	for (long round = 0; self->complete < self->requests; round++) {
		bool special = round % 128 == 127;
		int depth = 1 + round % DEPTH, size = special ? BLOCK : SIZE;

		for (int i = 0; i < depth; i++) {
			seed = seed * 1664525 + 1013904223;
			cbs[i].aio_fildes = special && i % 2 ? direct : buffered;
			cbs[i].aio_offset = (seed >> 8) % (BLOCKS * BLOCK / size) * size;
			cbs[i].aio_nbytes = size;
			cbs[i].aio_lio_opcode = LIO_READ;
			*(uint32_t *)(memory + BLOCK * i) = ~0U;
			if (!special && aio_read(&cbs[i]) != 0)
				FAIL("aio_read: errno %d", errno);
		}
		if (special && lio_listio(round % 256 == 127 ? LIO_WAIT : LIO_NOWAIT, list, depth, NULL) != 0)
			FAIL("lio_listio: errno %d", errno);
		for (int i = 0; i < depth; i++)
			look(self, &cbs[i], size);
		if (special) {
			/* The same bytes again. */
			if (aio_write(&cbs[0]) != 0)
				FAIL("aio_write: errno %d", errno);
			look(self, &cbs[0], size);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	begin();
	static struct thread threads[THREADS];
	char *memory = blocks(BLOCKS);
	long requests = argc > 1 ? atol(argv[1]) : 1000000, complete = 0, slow = 0;
	double start;

	/* Slow machines, and the C library, need more. */
	alarm(60 + requests / 20000);
	direct = file_of(BLOCKS, O_DIRECT);
	buffered = reopen(direct, O_RDWR);
	for (uint32_t i = 0; i < BLOCKS * BLOCK / 4; i++)
		((uint32_t *)memory)[i] = 4 * i;
	EXPECT_EQ(pwrite(buffered, memory, BLOCKS * BLOCK, 0), BLOCKS * BLOCK);
	EXPECT_EQ(fsync(buffered), 0);
	start = now();
	for (int i = 0; i < THREADS; i++) {
		threads[i].number = i;
		threads[i].requests = requests / THREADS;
		EXPECT_EQ(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		EXPECT_EQ(pthread_join(threads[i].id, NULL), 0);
		complete += threads[i].complete;
		slow += threads[i].slow;
	}
	EXPECT(complete >= requests / THREADS * THREADS);
	printf("%ld requests, each complete once, %ld of them not in the call; %.1f s\n", complete, slow, now() - start);
	return 0;
}
