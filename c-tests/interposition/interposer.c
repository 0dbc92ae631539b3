/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Preloaded: says which call it sees, and passes it on.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <libaio.h>
#include <stdio.h>

/* The next definition after this object, which is the library's. */
#define NEXT(function, version) ((__typeof__(&function))dlvsym(RTLD_NEXT, #function, version))

int io_setup(int maxevents, io_context_t *ctxp)
{
	printf("interposed io_setup(%d)\n", maxevents);
	return NEXT(io_setup, "LIBAIO_0.4")(maxevents, ctxp);
}

int io_destroy(io_context_t ctx)
{
	printf("interposed io_destroy\n");
	return NEXT(io_destroy, "LIBAIO_0.4")(ctx);
}

int io_cancel(io_context_t ctx, struct iocb *iocb, struct io_event *event)
{
	printf("interposed io_cancel(event %s)\n", event ? "given" : "null");
	return NEXT(io_cancel, "LIBAIO_0.4")(ctx, iocb, event);
}

int io_getevents(io_context_t ctx, long min_nr, long nr, struct io_event *events,
		 struct timespec *timeout)
{
	printf("interposed io_getevents(%ld, %ld, events %s, timeout %s)\n", min_nr, nr,
	       events ? "given" : "null", timeout ? "given" : "null");
	return NEXT(io_getevents, "LIBAIO_0.4")(ctx, min_nr, nr, events, timeout);
}
