/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program whose references have no version, because it was linked with a library without versions:
 * itself, compiled with STUB. It must get the functions that the header declares.
 */

#ifdef STUB
#define FUNCTION(name) void name(void); void name(void) { }
FUNCTION(io_setup) FUNCTION(io_destroy) FUNCTION(io_submit) FUNCTION(io_cancel) FUNCTION(io_getevents)
FUNCTION(io_pgetevents) FUNCTION(io_queue_init) FUNCTION(io_queue_run) FUNCTION(io_queue_release)
FUNCTION(io_queue_wait) FUNCTION(io_getevents_time64) FUNCTION(io_pgetevents_time64)
#else

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int io_queue_wait(io_context_t ctx, struct timespec *timeout);

static int wrong;

static void is_version(void *library, const char *name, void (*function)(void), const char *version)
{
	if ((void *)function != dlvsym(library, name, version)) {
		printf("%s is not %s@%s\n", name, name, version);
		wrong = 1;
	}
}
#define IS_VERSION(name, version) is_version(library, #name, (void (*)(void))name, version)

int main(void)
{
	void *library = dlopen("libaio.so.1", RTLD_NOW | RTLD_NOLOAD);
	io_context_t ctx = NULL;
	struct iocb iocb, *iocbs[1] = { &iocb };
	struct io_event event;
	struct timespec zero = { 0, 0 };
	int fd = open("/dev/null", O_WRONLY), taken;

	alarm(60);
	if (!library || fd < 0)
		return 2;
	IS_VERSION(io_setup, "LIBAIO_0.4");
	IS_VERSION(io_destroy, "LIBAIO_0.4");
	IS_VERSION(io_submit, "LIBAIO_0.1");
	IS_VERSION(io_cancel, "LIBAIO_0.4");
#ifdef _TIME_BITS
	is_version(library, "io_getevents_time64", (void (*)(void))io_getevents, "LIBAIO_0.6");
	is_version(library, "io_pgetevents_time64", (void (*)(void))io_pgetevents, "LIBAIO_0.6");
#else
	IS_VERSION(io_getevents, "LIBAIO_0.4");
	IS_VERSION(io_pgetevents, "LIBAIO_0.5");
#endif
	IS_VERSION(io_queue_init, "LIBAIO_0.1");
	IS_VERSION(io_queue_run, "LIBAIO_0.1");
	IS_VERSION(io_queue_release, "LIBAIO_0.1");
	IS_VERSION(io_queue_wait, "LIBAIO_0.4");

	taken = io_setup(1, &ctx);
	if (taken == -ENOSYS) /* as under qemu-user */
		return wrong;
	if (taken != 0)
		return 2;
	io_prep_pwrite(&iocb, fd, "", 1, 0);
	if (io_submit(ctx, 1, iocbs) != 1)
		return 2;
	taken = io_getevents(ctx, 1, 1, &event, &zero);
	if (taken != 1 || event.res != 1) {
		printf("io_getevents gave %d\n", taken);
		wrong = 1;
	}
	return wrong || io_destroy(ctx) != 0;
}
#endif
