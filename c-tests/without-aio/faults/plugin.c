/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A plug-in that contains libaio.a, loaded and unloaded while helpers and the poller are there: no thread may
 * run code that is gone. With PLUGIN this is the plug-in. usage: plugin PLUG-IN
 */
#ifdef PLUGIN
#include <poll.h>

#include "transfers.h"

int use(int fd, int pipe, char *memory, int destroys)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };

	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);
	write_and_check(ctx, fd, memory, 0, 16, 1);
	io_prep_poll(&cb, pipe, POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	return destroys ? io_destroy(ctx) : 0;
}
#else
#include <dlfcn.h>

#include "transfers.h"

int main(int argc, char **argv)
{
	int fd = direct_file(64), pipes[2];
	char *memory = blocks(16);

	start_watchdog();
	EXPECT(argc > 1);
	for (int i = 0; i < 20; i++) {
		void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		if (!plugin)
			fprintf(stderr, "%s\n", dlerror());
		EXPECT(plugin);
		int (*use)(int, int, char *, int) = (__typeof__(use))dlsym(plugin, "use");
		EXPECT(use);
		EXPECT_EQ(pipe(pipes), 0);
		EXPECT_EQ(use(fd, pipes[0], memory, i % 4 != 3), 0);
		usleep(i * 1000);
		EXPECT_EQ(dlclose(plugin), 0);
		EXPECT_EQ(write(pipes[1], "x", 1), 1);
		usleep(i % 5 == 4 ? 1500000 : 1000);
		close(pipes[0]);
		close(pipes[1]);
	}
	sleep(2);
	EXPECT_EQ(threads(), 1);
	puts("loaded and unloaded 20 times, with helpers, with polls, with a context left");
	return 0;
}
#endif
