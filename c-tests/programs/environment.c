/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * The environment is read when the library is loaded, before any constructor of the program, and not later: then
 * another thread may be changing it.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <errno.h>
#include <libaio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static io_context_t early;

__attribute__((constructor(102))) static void set_up(void)
{
	if (getenv("LIBAIO_ENGINE"))
		EXPECT_EQ(io_setup(1, &early), 0);
}

/* Whether the kernel made the context. */
static int is_kernels(io_context_t ctx)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int found = 0;

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strtoul(line, NULL, 16) == (unsigned long)ctx && strstr(line, "[aio]");
	EXPECT_EQ(fclose(maps), 0);
	return found;
}

int main(int argc, char **argv)
{
	char engine[] = "LIBAIO_ENGINE=threads", *changed[] = { engine, NULL }, **old = environ;
	char *bad = (char *)8;
	io_context_t ctx = NULL;

	start_watchdog();
	if (argc == 1 && !early) {
		environ = changed;
		EXPECT_EQ(io_setup(1, &ctx), 0);
		EXPECT(is_kernels(ctx));
		EXPECT_EQ(io_destroy(ctx), 0);
		environ = &bad;
		ctx = NULL;
		EXPECT_EQ(io_setup(1, &ctx), 0);
		environ = old;
		EXPECT_EQ(putenv(engine), 0);
		execl("/proc/self/exe", argv[0], "threads", NULL);
		EXPECT_EQ(errno, 0);
	}
	EXPECT(!is_kernels(early));
	environ = &bad;
	EXPECT_EQ(io_setup(1, &ctx), 0);
	environ = old;
	EXPECT(!is_kernels(ctx));
	return 0;
}
