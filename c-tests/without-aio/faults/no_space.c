/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A file system that fills up. usage: no_space DIRECTORY [direct], where the directory lies on a small one.
 * Every write ends with the bytes that it wrote or with ENOSPC, and what was reported as written is there.
 */
#include "transfers.h"

enum { COUNT = 4096, DEPTH = 64 };

int main(int argc, char **argv)
{
	char path[4096];
	int flags = argc > 2 ? O_DIRECT : 0, whole = 0, none = 0;
	static struct iocb cbs[COUNT];
	static long results[COUNT];
	struct io_event events[DEPTH];
	io_context_t ctx = NULL;
	char *memory = blocks(DEPTH);

	start_watchdog();
	if (argc < 2)
		SKIP("which directory?");
	snprintf(path, sizeof(path), "%s/fill", argv[1]);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
	if (fd < 0 && errno == EINVAL)
		SKIP("no O_DIRECT there");
	EXPECT(fd >= 0);
	EXPECT_EQ(AIO(io_setup(DEPTH, &ctx)), 0);
	for (int first = 0; first < COUNT; first += DEPTH) {
		struct iocb *list[DEPTH];
		for (int i = 0; i < DEPTH; i++) {
			mark(memory + BLOCK * i, first + i, 7);
			list[i] = &cbs[first + i];
			io_prep_pwrite(list[i], fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * (first + i));
		}
		EXPECT_EQ(AIO(io_submit(ctx, DEPTH, list)), DEPTH);
		EXPECT_EQ(AIO(io_getevents(ctx, DEPTH, DEPTH, events, NULL)), DEPTH);
		for (int i = 0; i < DEPTH; i++)
			results[events[i].obj - cbs] = RES(events[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		if (results[i] == -ENOSPC) {
			none++;
			continue;
		}
		EXPECT(results[i] > 0 && results[i] <= BLOCK);
		char *block = memory;
		long got = pread(fd, block, BLOCK, (off_t)BLOCK * i);
		EXPECT(got >= results[i]);
		if (results[i] == BLOCK) {
			whole++;
			EXPECT_EQ(pass_of(block, i), 7);
		}
	}
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	unlink(path);
	printf("%s: %d blocks written and there, %d answered with ENOSPC\n", flags ? "O_DIRECT" : "buffered", whole, none);
	EXPECT(whole > 0 && none > 0);
	return 0;
}
