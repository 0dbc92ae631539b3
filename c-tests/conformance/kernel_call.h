/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Where the C library differs from the kernel (it looks into the ring, or reads the timeout, itself,
 * and crashes on some bad addresses: libaio(7), DIFFERENCES), the referee is the kernel. These are
 * the library's calls, and on the referee the system calls.
 */
#ifndef KERNEL_CALL_H
#define KERNEL_CALL_H

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "request.h"

static inline long kernel_getevents(io_context_t ctx, long min, long nr, struct io_event *events,
				    struct timespec *timeout)
{
	if (!on_referee)
		return AIO(io_getevents(ctx, min, nr, events, timeout));
	long got = syscall(SYS_io_getevents, ctx, min, nr, events, timeout);
	return got < 0 ? -errno : got;
}

static inline long kernel_pgetevents(io_context_t ctx, long min, long nr, struct io_event *events,
				     struct timespec *timeout, sigset_t *mask)
{
	const struct {
		unsigned long mask, size;
	} argument = { (unsigned long)mask, 8 };

	if (!on_referee)
		return AIO(io_pgetevents(ctx, min, nr, events, timeout, mask));
	long got = syscall(SYS_io_pgetevents, ctx, min, nr, events, timeout, &argument);
	return got < 0 ? -errno : got;
}

#endif
