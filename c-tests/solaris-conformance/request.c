/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "request.h"

aio_result_t *got;
const struct timeval at_once;

long long started(int value, const char *call)
{
	if (value == 0 && errno != ERRNO_SENTINEL)
		give_up(__FILE__, __LINE__, "%s gave 0 and changed errno to %d", call, errno);
	EXPECT(value == 0 || value == -1);
	return value == 0 ? 0 : SYNC(errno);
}

void read_at(int fd, volatile void *bytes, int count, off_t offset, aio_result_t *result)
{
	EXPECT(STARTED(aioread(fd, (char *)(uintptr_t)bytes, count, offset, SEEK_SET, result)) == 0);
}

void write_at(int fd, const volatile void *bytes, int count, off_t offset, aio_result_t *result)
{
	EXPECT(STARTED(aiowrite(fd, (const char *)(uintptr_t)bytes, count, offset, SEEK_SET, result)) == 0);
}

long long waited(const struct timeval *timeout)
{
	errno = ERRNO_SENTINEL;
	got = aiowait(timeout);
	if (got == FAILED)
		return -errno;
	if (errno != ERRNO_SENTINEL)
		give_up(__FILE__, __LINE__, "aiowait gave %p and changed errno to %d", (void *)got, errno);
	return got ? GOT : NOTHING;
}

aio_result_t *next(void)
{
	double until = now() + patience;

	for (;;) {
		double left = until - now();
		struct timeval time = { 0, 0 };

		if (left > 0)
			time = (struct timeval){ (time_t)left, (long)((left - (double)(time_t)left) * 1e6) };
		aio_result_t *result = aiowait(&time);
		if (result != FAILED || errno != EINTR)
			return result;
	}
}

static ssize_t value_of(const aio_result_t *result)
{
	return __atomic_load_n(&result->aio_return, __ATOMIC_ACQUIRE);
}

long long result_of(const aio_result_t *result)
{
	ssize_t value = value_of(result);

	if (result->aio_errno == 0)
		return value;
	return value == -1 ? -(long long)result->aio_errno : WRONG_RETURN;
}

long long outcome(const aio_result_t *result)
{
	aio_result_t *found = next();

	return found == result ? result_of(result) : found == NULL ? NEVER : ANOTHER;
}

int ends(const aio_result_t *result)
{
	return EVENTUALLY(value_of(result) != AIO_INPROGRESS);
}

int stays(const aio_result_t *result)
{
	ssize_t before = value_of(result);
	int error = result->aio_errno;

	pause_for(0.05);
	return value_of(result) == before && result->aio_errno == error;
}

aio_result_t *waiting_read(int *writer)
{
	aio_result_t *result = calloc(1, sizeof(*result));
	char *byte = calloc(1, 1);
	struct ends p = new_pipe();

	EXPECT(result && byte);
	result->aio_return = AIO_INPROGRESS;
	*writer = p.writer;
	read_at(p.reader, byte, 1, 0, result);
	return result;
}

int uncached_file(size_t size)
{
	int fd = direct_file(size, 0);

	EXPECT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	return fd;
}

void collect_all(void)
{
	aio_result_t *result;

	while ((result = next()) != FAILED)
		EXPECT(result != NULL);
	EXPECT(errno == EINVAL);
}

static void cleaned(void *argument)
{
	((struct collector *)argument)->cleaned = 1;
}

static void *collects(void *argument)
{
	struct collector *c = argument;
	double begin = now();

	pthread_cleanup_push(cleaned, c);
	c->thread_id = gettid();
	aio_result_t *result = aiowait(c->timeout);
	c->said = result == FAILED ? -errno : result ? GOT : NOTHING;
	c->got = result;
	c->seconds = now() - begin;
	c->done = 1;
	pthread_cleanup_pop(0);
	return NULL;
}

void start_collector(struct collector *c)
{
	c->said = NEVER;
	EXPECT(pthread_create(&c->thread, NULL, collects, c) == 0);
	while (!c->thread_id)
		pause_for(0.0002);
	wait_asleep(getpid(), c->thread_id);
}

long long end_collector(struct collector *c)
{
	if (!EVENTUALLY(c->done))
		return NEVER;
	EXPECT(pthread_join(c->thread, NULL) == 0);
	return c->said;
}

int still_waits(struct collector *c)
{
	pause_for(0.05);
	return !c->done;
}

bool has_threads_only(void)
{
	const char *engine = getenv("SOLARISAIO_ENGINE");

	return engine && !strcmp(engine, "threads");
}
