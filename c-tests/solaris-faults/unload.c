/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A plug-in loads the library and unloads it while requests are in flight: what was accepted is carried out, or the library
 * stays. Nothing crashes when its threads go on, and the next time it works again.
 */
#include "../harness/solaris_aio.h"

enum { COUNT = 32, ROUNDS = 6 };

/* This program is not linked with it, so that it goes. */
int main(void)
{
	static aio_result_t results[COUNT], waiting;
	int ends[2], stays = 0;
	char got;

	alarm(3 * patience());
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR);
	char *memory = blocks(COUNT), *found = blocks(COUNT);
	EXPECT_EQ(pipe(ends), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		void *library = dlopen(getenv("LIBRARY"), RTLD_NOW | RTLD_LOCAL);

		if (!library)
			EXPECT_FAILED(__FILE__, __LINE__, "%s", dlerror());
		int (*writes)(int, const char *, int, off_t, int, aio_result_t *) = (__typeof__(writes))dlsym(library, "aiowrite");
		int (*reads)(int, char *, int, off_t, int, aio_result_t *) = (__typeof__(reads))dlsym(library, "aioread");
		aio_result_t *(*waits)(const struct timeval *) = (__typeof__(waits))dlsym(library, "aiowait");
		EXPECT(writes && reads && waits);
		waiting.aio_return = AIO_INPROGRESS;
		/* If it stayed, the one of before waits still. */
		EXPECT(reads(ends[0], &got, 1, 0, SEEK_SET, &waiting) == 0 || errno == EINVAL);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			results[i] = (aio_result_t){ AIO_INPROGRESS, 77 };
			EXPECT_EQ(writes(round % 2 ? buffered : direct, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i, SEEK_SET, &results[i]), 0);
		}
		for (int i = 0; round % 3 && i < COUNT; i++)
			EXPECT(waits(NULL) != FAILED);
		EXPECT_EQ(dlclose(library), 0);
		double end = now() + patience();
		for (int lost = COUNT; lost;) {
			lost = 0;
			EXPECT_EQ(pread(buffered, found, BLOCK * COUNT, 0), BLOCK * COUNT);
			for (int i = 0; i < COUNT; i++)
				lost += pass_of(found + BLOCK * i, i) != round;
			if (lost && now() > end)
				EXPECT_FAILED(__FILE__, __LINE__, "round %d: %d writes are lost", round, lost);
			usleep(1000);
		}
		void *again = dlopen(getenv("LIBRARY"), RTLD_NOW | RTLD_NOLOAD);
		if (again) {
			stays++;
			waits = (__typeof__(waits))dlsym(again, "aiowait");
			/* So that its structures are free. */
			for (int i = 0; round % 3 == 0 && i < COUNT; i++)
				EXPECT(waits(NULL) != FAILED);
			dlclose(again);
		}
		/* Threads that were idle leave now. */
		usleep(round % 3 ? 1000 : 1500000);
	}
	printf("%d times unloaded with requests in flight; %d times it stayed\n", ROUNDS, stays);
	return 0;
}
