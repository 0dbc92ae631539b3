/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program that has a way of its own where the kernel refuses AIO, because it does not get its events through
 * the library: MariaDB makes the system call itself, QEMU reads the ring. It must get the kernel's error.
 *
 * Prints what io_setup gives, by its name, with an own way or with contexts that the library serves.
 *
 *   -DREFERS      it refers to io_setup and io_submit
 *   -DCOLLECTS    it refers to io_getevents, which it does not call
 *   -DOWN         that is a function of its own
 *   -DFIRST       it calls its own io_setup, not a plug-in's
 *   -DPLUGIN      not a program, but an object with the same references
 *
 * usage: own_way [PLUGIN...]    opens the plug-ins first; the library is opened if nothing refers to it
 */
#include <dlfcn.h>
#include <err.h>
#include <libaio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../harness/expect.h"

#ifdef REFERS
int (*plugin_setup)(int, io_context_t *) = io_setup;
int (*plugin_submit)(io_context_t, long, struct iocb **) = io_submit;
#endif
#ifdef OWN
int io_getevents(io_context_t ctx, long min_nr, long nr, struct io_event *events, struct timespec *timeout)
{
	return (int)syscall(SYS_io_getevents, ctx, min_nr, nr, events, timeout);
}
#endif
#ifdef COLLECTS
int (*plugin_collect)(io_context_t, long, long, struct io_event *, struct timespec *) = io_getevents;
#endif

#ifndef PLUGIN
int main(int argc, char **argv)
{
	int (*setup)(int, io_context_t *) = NULL;
	io_context_t ctx = NULL;

#ifdef REFERS
	setup = plugin_setup;
#endif
#ifndef STATIC
	for (int i = 1; i < argc; i++) {
		void *plugin = dlopen(argv[i], RTLD_NOW);

		if (!plugin)
			errx(2, "%s", dlerror());
		int (**theirs)(int, io_context_t *) = dlsym(plugin, "plugin_setup");

#ifdef FIRST
		(void)theirs;
#else
		if (theirs)
			setup = *theirs;
#endif
	}
	if (!setup) {
		void *library = dlopen("libaio.so.1", RTLD_NOW);

		if (!library)
			errx(2, "%s", dlerror());
		setup = (int (*)(int, io_context_t *))dlsym(library, "io_setup");
	}
#endif
	(void)argc, (void)argv;
	int got = setup(8, &ctx);

	puts(got == 0 ? "served" : got == -ENOSYS ? "ENOSYS" : got == -EPERM ? "EPERM" : got == -EAGAIN ? "EAGAIN" : "?");
	return 0;
}
#endif
