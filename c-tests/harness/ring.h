/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ring behind the handle, as the kernel lays it out. No header declares it, but programs such
 * as QEMU and fio rely on it.
 */
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

#define RING_MAGIC 0xa10a10a1u

static inline struct ring *ring_of(io_context_t ctx)
{
	return (struct ring *)ctx;
}

#endif
