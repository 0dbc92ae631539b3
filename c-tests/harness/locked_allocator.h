/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An allocator of the program's own with one lock, and a thread that holds it in each of ROUNDS, between `held` and `done`. */
#ifndef LOCKED_ALLOCATOR_H
#define LOCKED_ALLOCATOR_H

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
	*__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long asked;

#define LOCKED(call)                                                                       \
	({                                                                                 \
		pthread_mutex_lock(&lock);                                                 \
		asked++;                                                                   \
		void *got_ = (call);                                                       \
		pthread_mutex_unlock(&lock);                                               \
		got_;                                                                      \
	})

void *malloc(size_t size)
{
	return LOCKED(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return LOCKED(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	return LOCKED(__libc_realloc(old, size));
}

void *memalign(size_t alignment, size_t size)
{
	return LOCKED(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
	*to = memalign(alignment, size);
	return *to ? 0 : ENOMEM;
}

void free(void *old)
{
	pthread_mutex_lock(&lock);
	__libc_free(old);
	pthread_mutex_unlock(&lock);
}

static pthread_barrier_t held, done;

static void *hold(void *unused)
{
	(void)unused;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&held);
		pthread_mutex_lock(&lock);
		pthread_barrier_wait(&held);
		pthread_barrier_wait(&done);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

#endif
