/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The size, alignment and every offset of every structure, for both byte orders and word sizes.
 * BITS (32 or 64) and ORDER (1234: little, 4321: big) come from the command line, so that they do
 * not depend on what the header finds out for itself.
 */
#include <libaio.h>
#include <stddef.h>

#if ORDER == 1234
#define LOW 0
#define HIGH 4
#elif ORDER == 4321
#define LOW 4
#define HIGH 0
#else
#error "define ORDER"
#endif

/* where in a 64-bit slot a pointer or long lies, and its padding if there is any */
#if BITS == 64
#define WORD 0
#elif BITS == 32
#define WORD LOW
#define PAD HIGH
#else
#error "define BITS"
#endif

#define FIELD(structure, field, offset, size)                                                      \
	_Static_assert(offsetof(structure, field) == (offset), #structure "." #field " offset");   \
	_Static_assert(sizeof(((structure *)0)->field) == (size), #structure "." #field " size")

/* The alignment is that of the widest member; it differs by target (i386, m68k). */
#define WHOLE(structure, size, widest)                                                             \
	_Static_assert(sizeof(structure) == (size), #structure " size");                           \
	_Static_assert(_Alignof(structure) == _Alignof(struct { widest member; }),                 \
		       #structure " alignment")

_Static_assert(sizeof(long) == BITS / 8 && sizeof(void *) == BITS / 8, "BITS");
_Static_assert(sizeof(int) == 4 && sizeof(short) == 2 && sizeof(long long) == 8, "integers");
_Static_assert(sizeof(io_context_t) == BITS / 8, "io_context_t");
_Static_assert(sizeof(io_callback_t) == BITS / 8, "io_callback_t");

WHOLE(struct io_iocb_poll, 8, int);
FIELD(struct io_iocb_poll, events, LOW, 4);
FIELD(struct io_iocb_poll, __pad1, HIGH, 4);

WHOLE(struct io_iocb_sockaddr, 16, long);
FIELD(struct io_iocb_sockaddr, addr, 0 + WORD, BITS / 8);
FIELD(struct io_iocb_sockaddr, len, 8 + WORD, BITS / 8);

WHOLE(struct io_iocb_common, 40, long long);
FIELD(struct io_iocb_common, buf, 0 + WORD, BITS / 8);
FIELD(struct io_iocb_common, nbytes, 8 + WORD, BITS / 8);
FIELD(struct io_iocb_common, offset, 16, 8);
FIELD(struct io_iocb_common, __pad3, 24, 8);
FIELD(struct io_iocb_common, flags, 32, 4);
FIELD(struct io_iocb_common, resfd, 36, 4);

WHOLE(struct io_iocb_vector, 24, long long);
FIELD(struct io_iocb_vector, vec, 0 + WORD, BITS / 8);
FIELD(struct io_iocb_vector, nr, 8 + WORD, BITS / 8);
FIELD(struct io_iocb_vector, offset, 16, 8);

WHOLE(struct iocb, 64, long long);
FIELD(struct iocb, data, 0 + WORD, BITS / 8);
FIELD(struct iocb, key, 8 + LOW, 4);
FIELD(struct iocb, aio_rw_flags, 8 + HIGH, 4);
FIELD(struct iocb, aio_lio_opcode, 16, 2);
FIELD(struct iocb, aio_reqprio, 18, 2);
FIELD(struct iocb, aio_fildes, 20, 4);
FIELD(struct iocb, u, 24, 40);
FIELD(struct iocb, u.c, 24, 40);
FIELD(struct iocb, u.v, 24, 24);
FIELD(struct iocb, u.poll, 24, 8);
FIELD(struct iocb, u.saddr, 24, 16);

WHOLE(struct io_event, 32, long);
FIELD(struct io_event, data, 0 + WORD, BITS / 8);
FIELD(struct io_event, obj, 8 + WORD, BITS / 8);
FIELD(struct io_event, res, 16 + WORD, BITS / 8);
FIELD(struct io_event, res2, 24 + WORD, BITS / 8);

WHOLE(struct io_sigset, BITS / 4, long);
FIELD(struct io_sigset, ss, 0, BITS / 8);
FIELD(struct io_sigset, ss_len, BITS / 8, BITS / 8);

WHOLE(struct io_sigset_compat, 8 + BITS / 8, long);
FIELD(struct io_sigset_compat, ss, 0 + WORD, BITS / 8);
FIELD(struct io_sigset_compat, ss_len, 8, BITS / 8);

#ifdef PAD
FIELD(struct io_iocb_sockaddr, __pad1, 0 + PAD, 4);
FIELD(struct io_iocb_sockaddr, __pad2, 8 + PAD, 4);
FIELD(struct io_iocb_common, __pad1, 0 + PAD, 4);
FIELD(struct io_iocb_common, __pad2, 8 + PAD, 4);
FIELD(struct io_iocb_vector, __pad1, 0 + PAD, 4);
FIELD(struct io_iocb_vector, __pad2, 8 + PAD, 4);
FIELD(struct iocb, __pad1, 0 + PAD, 4);
FIELD(struct io_event, __pad1, 0 + PAD, 4);
FIELD(struct io_event, __pad2, 8 + PAD, 4);
FIELD(struct io_event, __pad3, 16 + PAD, 4);
FIELD(struct io_event, __pad4, 24 + PAD, 4);
FIELD(struct io_sigset_compat, __ss_pad, 0 + PAD, 4);
#endif

_Static_assert(IO_CMD_PREAD == 0 && IO_CMD_PWRITE == 1, "read and write");
_Static_assert(IO_CMD_FSYNC == 2 && IO_CMD_FDSYNC == 3, "fsync");
_Static_assert(IO_CMD_POLL == 5 && IO_CMD_NOOP == 6, "poll");
_Static_assert(IO_CMD_PREADV == 7 && IO_CMD_PWRITEV == 8, "vectors");
_Static_assert(sizeof(io_iocb_cmd_t) == sizeof(enum io_iocb_cmd), "io_iocb_cmd_t");
