/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: right */
/*
 * The program has four MiB of thread-local storage, which every stack of a thread has to hold besides: requests of every
 * kind, and notifications of every kind, work as ever.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "../harness/posix_aio.h"

enum { COUNT = 16, LARGE = 4 << 20 };

static __thread char large[LARGE] = { 1 };
static atomic_int signals, called;

static void came(int number)
{
	(void)number;
	signals++;
}

static void call(union sigval value)
{
	(void)value;
	for (int i = 0; i < LARGE; i += 4096)
		EXPECT_EQ(large[i], i == 0);
	memset(large, 2, sizeof(large));
	called++;
}

static void use(int direct, int buffered, char *memory, pthread_attr_t *attributes)
{
	struct aiocb cbs[COUNT];
	double end = now() + patience();

	write_and_read(direct, memory, COUNT, 1);
	write_and_read(buffered, memory, COUNT, 2);
	use_pipe();
	for (int thread = 0; thread < 2; thread++) {
		signals = called = 0;
		for (int i = 0; i < COUNT; i++) {
			prepare(&cbs[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			cbs[i].aio_sigevent.sigev_notify = thread ? SIGEV_THREAD : SIGEV_SIGNAL;
			cbs[i].aio_sigevent.sigev_signo = SIGRTMIN;
			if (thread) {
				cbs[i].aio_sigevent.sigev_notify_function = call;
				cbs[i].aio_sigevent.sigev_notify_attributes = attributes;
			}
			EXPECT_EQ(aio_write(&cbs[i]), 0);
		}
		for (int i = 0; i < COUNT; i++)
			FINISHES(&cbs[i], 0, BLOCK);
		while ((thread ? called : signals) < COUNT) {
			if (now() > end)
				EXPECT_FAILED(__FILE__, __LINE__, "%d of %d %s came", thread ? called : signals, COUNT,
					      thread ? "calls" : "signals");
			usleep(1000);
		}
	}
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT);
	pthread_attr_t attributes;

	EXPECT(signal(SIGRTMIN, came) != SIG_ERR);
	use(direct, buffered, memory, NULL);
	EXPECT_EQ(pthread_attr_init(&attributes), 0);
	EXPECT_EQ(pthread_attr_setstacksize(&attributes, 8 << 20), 0);
	EXPECT_EQ(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
	use(direct, buffered, memory, &attributes);
	EXPECT_EQ(large[0], 1);
	puts("four MiB of thread-local storage");
	return 0;
}
