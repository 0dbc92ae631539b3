/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loads the library, or a plug-in that contains it, uses it and closes it, again and again. Prints whether it is
 * gone then.
 *
 * usage: unloading FILE
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <dlfcn.h>
#include <libaio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_loaded(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024];
	int found = 0;

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, name) != NULL;
	EXPECT_EQ(fclose(maps), 0);
	return found;
}

static void use(void *library, int fd)
{
	int (*setup)(int, io_context_t *) = (__typeof__(setup))dlsym(library, "io_setup");
	int (*submit)(io_context_t, long, struct iocb **) = (__typeof__(submit))dlsym(library, "io_submit");
	int (*getevents)(io_context_t, long, long, struct io_event *, struct timespec *) =
		(__typeof__(getevents))dlsym(library, "io_getevents");
	int (*destroy)(io_context_t) = (__typeof__(destroy))dlsym(library, "io_destroy");
	struct iocb iocb, *iocbs[] = { &iocb };
	struct io_event event;
	io_context_t ctx = NULL;

	EXPECT(setup && submit && getevents && destroy);
	EXPECT_EQ(setup(8, &ctx), 0);
	for (int turn = 0; turn < 4; turn++) {
		/* The threads engine has a helper do it. */
		io_prep_fsync(&iocb, fd);
		EXPECT_EQ(submit(ctx, 1, iocbs), 1);
		EXPECT_EQ(getevents(ctx, 1, 1, &event, NULL), 1);
		EXPECT_EQ((long)event.res, 0);
	}
	EXPECT_EQ(destroy(ctx), 0);
}

int main(int argc, char **argv)
{
	char name[] = "unloading.XXXXXX", *file;
	int fd = mkstemp(name), stays = 0;

	start_watchdog();
	EXPECT_EQ(argc, 2);
	EXPECT_EQ(unlink(name), 0);
	file = realpath(argv[1], NULL);
	for (int turn = 0; turn < 20; turn++) {
		void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

		if (!library)
			fprintf(stderr, "%s\n", dlerror());
		EXPECT(library);
		use(library, fd);
		EXPECT_EQ(dlclose(library), 0);
		stays += is_loaded(file);
		usleep(turn * 100);
	}
	/* A helper ends after a second without work. */
	usleep(1500000);
	EXPECT(stays == 0 || stays == 20);
	puts(stays ? "stays" : "gone");
	return 0;
}
