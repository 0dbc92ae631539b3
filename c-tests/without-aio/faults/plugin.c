/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A plug-in that contains libaio.a, loaded and unloaded while helpers and the poller are there: no thread may
 * run code that is gone, nor may quick_exit; which finishes what a plug-in that is still there has queued. With PLUGIN
 * this is the plug-in. usage: plugin PLUG-IN
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

/* Writes the blocks of a pass, and does not wait for it. */
void begin(int fd, char *memory, int count, long pass)
{
	static struct iocb cbs[64];
	io_context_t ctx = NULL;

	EXPECT_EQ(AIO(io_setup(count, &ctx)), 0);
	for (int i = 0; i < count; i++) {
		struct iocb *list = &cbs[i];

		mark(memory + BLOCK * i, i, pass);
		io_prep_pwrite(list, fd, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
		EXPECT_EQ(AIO(io_submit(ctx, 1, &list)), 1);
	}
}
#else
#include <dlfcn.h>

#include "transfers.h"

static void *loaded(const char *path, const char *function, void *called)
{
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!plugin)
		fprintf(stderr, "%s\n", dlerror());
	EXPECT(plugin);
	*(void **)called = dlsym(plugin, function);
	EXPECT(*(void **)called);
	return plugin;
}

/* The process ends while blocks are written, by a plug-in that stays or goes before. */
static void end_quickly(const char *path, int stays)
{
	enum { COUNT = 64 };
	int fd = direct_file(COUNT);
	char *memory = blocks(COUNT), *found = blocks(COUNT);
	pid_t child = fork();

	EXPECT(child >= 0);
	if (child == 0) {
		void (*begin)(int, char *, int, long);
		void *plugin = loaded(path, "begin", &begin);

		begin(fd, memory, COUNT, 7);
		if (!stays) {
			EXPECT_EQ(dlclose(plugin), 0);
			EXPECT(!dlopen(path, RTLD_NOW | RTLD_NOLOAD));
		}
		quick_exit(0);
	}
	EXPECT_EQ(status_within(child, 20), 0);
	EXPECT_EQ(pread(fd, found, BLOCK * COUNT, 0), BLOCK * COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_EQ(pass_of(found + BLOCK * i, i), 7);
	close(fd);
	printf("all is written at quick_exit with the plug-in %s\n", stays ? "there" : "gone");
}

int main(int argc, char **argv)
{
	int fd = direct_file(64), pipes[2];
	char *memory = blocks(16);

	start_watchdog();
	EXPECT(argc > 1);
	for (int i = 0; i < 20; i++) {
		int (*use)(int, int, char *, int);
		void *plugin = loaded(argv[1], "use", &use);

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
	for (int stays = 0; stays < 2; stays++)
		end_quickly(argv[1], stays);
	puts("loaded and unloaded 20 times, with helpers, with polls, with a context left");
	return 0;
}
#endif
