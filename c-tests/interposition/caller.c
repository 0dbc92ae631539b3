/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls every function that calls another one of the library, the 2002 ones included.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <libaio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int io_queue_wait(io_context_t ctx, struct timespec *timeout);

static void *from_2002(const char *name)
{
	void *library = dlopen("libaio.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *function = library ? dlvsym(library, name, "LIBAIO_0.1") : NULL;

	if (!function)
		printf("no %s@LIBAIO_0.1\n", name);
	return function;
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb iocb;
	struct io_event event;
	struct timespec zero = { 0, 0 };
	int (*cancel)(io_context_t, struct iocb *);
	int (*getevents)(io_context_t, long, struct io_event *, const struct timespec *);
	int (*wait)(io_context_t, const struct timespec *);

	memset(&iocb, 0, sizeof(iocb));
	printf("io_queue_init %d\n", io_queue_init(3, &ctx));
	printf("io_queue_run %d\n", io_queue_run(ctx));
	printf("io_queue_wait %d\n", io_queue_wait(ctx, &zero));
	cancel = (int (*)(io_context_t, struct iocb *))from_2002("io_cancel");
	printf("old io_cancel %d\n", cancel(ctx, &iocb));
	getevents = (int (*)(io_context_t, long, struct io_event *, const struct timespec *))
		from_2002("io_getevents");
	printf("old io_getevents %d\n", getevents(ctx, 1, &event, &zero));
	wait = (int (*)(io_context_t, const struct timespec *))from_2002("io_queue_wait");
	printf("old io_queue_wait %d %d\n", wait(ctx, &zero), wait(ctx, NULL));
	printf("io_queue_release %d\n", io_queue_release(ctx));
	return 0;
}
