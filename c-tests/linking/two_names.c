/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program that asks for the library by one name, and with PLUGIN the library of its own that asks
 * for it by another. Both must get the same functions, from a file that is mapped once.
 */

#include <errno.h>
#include <libaio.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct functions {
	int (*setup)(int, io_context_t *);
	int (*getevents)(io_context_t, long, long, struct io_event *, struct timespec *);
	int (*pgetevents)(io_context_t, long, long, struct io_event *, struct timespec *, sigset_t *);
	int (*run)(io_context_t);
};
struct functions plugin_functions(void);
#ifdef PLUGIN
struct functions plugin_functions(void)
#else
static struct functions own_functions(void)
#endif
{
	return (struct functions){ io_setup, io_getevents, io_pgetevents, io_queue_run };
}

#ifndef PLUGIN
/* How many files that are called libaio are mapped in this process. */
static int libraries(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096], device[64];
	unsigned long inode, seen[8];
	int count = 0;

	if (!maps)
		return -1;
	while (fgets(line, sizeof(line), maps) && count < 8) {
		char *slash = strrchr(line, '/');
		int known = 0;

		if (!slash || !strstr(slash, "libaio") ||
		    sscanf(line, "%*s %*s %*s %63s %lu", device, &inode) != 2)
			continue;
		for (int i = 0; i < count; i++)
			known |= seen[i] == inode;
		if (!known) {
			printf("%s", line);
			seen[count++] = inode;
		}
	}
	fclose(maps);
	return count;
}

int main(void)
{
	struct functions own = own_functions(), other = plugin_functions();
	io_context_t ctx = NULL;
	struct iocb iocb, *iocbs[1] = { &iocb };
	struct io_event event;
	char byte = 0;
	int fd = open("/dev/null", O_WRONLY), made;

	if (own.setup != other.setup || own.getevents != other.getevents ||
	    own.pgetevents != other.pgetevents || own.run != other.run) {
		printf("two libraries: io_setup is at %p and %p\n", (void *)own.setup, (void *)other.setup);
		return 1;
	}
	if (libraries() != 1)
		return 1;
	/* What one name makes, the other knows. */
	made = own.setup(1, &ctx);
	if (made == -ENOSYS) /* as under qemu-user */
		return 0;
	if (fd < 0 || made != 0)
		return 1;
	io_prep_pwrite(&iocb, fd, &byte, 1, 0);
	if (io_submit(ctx, 1, iocbs) != 1 || other.getevents(ctx, 1, 1, &event, NULL) != 1)
		return 1;
	return event.res != 1 || io_destroy(ctx) != 0;
}
#endif
