/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: either, it is never unloaded */
/*
 * A plug-in is linked with the library, which is loaded and unloaded with it while requests are in flight: what was accepted is carried
 * out, or the library stays. Nothing crashes when its threads go on, and the next time it works again.
 */
#include "../harness/posix_aio.h"

enum { COUNT = 32, ROUNDS = 12 };

static void load_and_unload(const char *path)
{
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), ends[2], lasts = 0;
	char *memory = blocks(COUNT), *found = blocks(COUNT), got;
	/* They stay when the library goes. */
	static struct aiocb cbs[COUNT], waiting;

	EXPECT_EQ(pipe(ends), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

		if (!library)
			EXPECT_FAILED(__FILE__, __LINE__, "%s", dlerror());
		int (*writes)(struct aiocb *) = (__typeof__(writes))dlsym(library, "aio_write");
		int (*reads)(struct aiocb *) = (__typeof__(reads))dlsym(library, "aio_read");
		int (*error)(const struct aiocb *) = (__typeof__(error))dlsym(library, "aio_error");
		EXPECT(writes && reads && error && reads != aio_read);
		EXPECT_EQ(reads(prepare(&waiting, ends[0], &got, 1, 0)), 0);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			prepare(&cbs[i], round % 2 ? buffered : direct, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			EXPECT_EQ(writes(&cbs[i]), 0);
		}
		double end = now() + patience();
		/* Half of the times all is done, but for the read that waits. */
		for (int i = 0; round % 4 >= 2 && i < COUNT; i++)
			while (error(&cbs[i]) == EINPROGRESS && now() < end)
				usleep(100);
		EXPECT_EQ(dlclose(library), 0);
		void *again = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
		if (again) {
			lasts++;
			dlclose(again);
		}
		for (int lost = COUNT; lost;) {
			lost = 0;
			EXPECT_EQ(pread(buffered, found, BLOCK * COUNT, 0), BLOCK * COUNT);
			for (int i = 0; i < COUNT; i++)
				lost += pass_of(found + BLOCK * i, i) != round;
			if (lost && now() > end)
				EXPECT_FAILED(__FILE__, __LINE__, "round %d: %d writes are lost", round, lost);
			usleep(1000);
		}
		/* Threads that were idle leave now. */
		usleep(round % 3 ? 1000 : 1500000);
	}
	printf("%d times unloaded with requests in flight; %d times it stayed\n", ROUNDS, lasts);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		setvbuf(stdout, NULL, _IONBF, 0);
		alarm(3 * patience());
		load_and_unload(argv[1]);
		return 0;
	}
	begin();
	if (!is_ours())
		SKIP("there is no library to unload");
	/* Not preloaded any more. */
	EXPECT_EQ(unsetenv("LD_PRELOAD"), 0);
	execl("/proc/self/exe", "unload", getenv("LIBRARY"), NULL);
	abort();
}
