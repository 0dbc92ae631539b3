/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * <libaio.h> and another header (OTHER), in the order that LIBAIO_FIRST says. The kernel's own
 * struct iocb and struct io_event are renamed, as <libaio.h> tells programs to.
 */
#ifdef LIBAIO_FIRST
#include <libaio.h>
#endif

#define iocb kernel_iocb
#define io_event kernel_io_event
#include OTHER
#undef iocb
#undef io_event

#ifndef LIBAIO_FIRST
#include <libaio.h>
#endif

#include "use.h"

int order(io_context_t ctx, struct iocb *iocb, const struct iovec *iov);
int order(io_context_t ctx, struct iocb *iocb, const struct iovec *iov)
{
	return use_everything(ctx, iocb, iov);
}
