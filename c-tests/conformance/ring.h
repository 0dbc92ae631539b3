/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ring behind the handle. No header declares it, but QEMU, fio and others rely on it. */
#ifndef RING_H
#define RING_H

#include <libaio.h>
#include <stdatomic.h>

struct ring {
	unsigned id;
	unsigned nr;
	_Atomic unsigned head; /* moved by whoever takes events */
	_Atomic unsigned tail; /* moved with each completion */
	unsigned magic;
	unsigned compat_features;
	unsigned incompat_features;
	unsigned header_length;
	struct io_event events[];
};

static inline struct ring *ring_of(io_context_t ctx)
{
	return (struct ring *)ctx;
}

#endif
