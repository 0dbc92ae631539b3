/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libaio.h - Linux native asynchronous I/O: queue requests, collect their results.
 *
 * Source and binary compatible with libaio 0.3.113. Every function returns a count, 0 or a
 * negative errno value; errno itself is never changed. Any thread may call any function.
 *
 * Where a rule comes from, in brackets: a manual page, [aio.c] = the kernel's fs/aio.c,
 * [aio_abi.h] = its include/uapi/linux/aio_abi.h, [0.3.113] = the C library.
 *
 * <linux/aio_abi.h> defines its own struct iocb and struct io_event. To use both headers in one
 * file, write `#define iocb kernel_iocb` and `#define io_event kernel_io_event` before including
 * that one, and #undef them after it.
 */
#ifndef __LIBAIO_H
#define __LIBAIO_H

#include <sys/types.h>
#include <string.h>
#include <signal.h>
#include <sys/select.h> /* sigset_t, which a strict -std=c99 leaves out of <signal.h> */

/*
 * The kernel's structures have 64-bit slots whatever the size of a pointer [aio_abi.h]:
 *   LIBAIO_SLOT(decl, pad)        one pointer or long in a slot, the rest filled with `pad`
 *   LIBAIO_PAIR(type, low, high)  two 32-bit fields in a slot, `low` in its low half
 */
#if defined(__BYTE_ORDER__) && defined(__SIZEOF_LONG__)
#define LIBAIO_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#define LIBAIO_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#define LIBAIO_LONG __SIZEOF_LONG__
#elif defined(SWIG) /* it has neither, follows no #include, and asks only for names and types */
#define LIBAIO_LITTLE 1
#define LIBAIO_BIG 0
#define LIBAIO_LONG 8
#else /* an older compiler: ask the C library */
#include <endian.h>
#include <limits.h>
#define LIBAIO_LITTLE (__BYTE_ORDER == __LITTLE_ENDIAN)
#define LIBAIO_BIG (__BYTE_ORDER == __BIG_ENDIAN)
#define LIBAIO_LONG (ULONG_MAX == 0xffffffffUL ? 4 : 8)
#endif

#if LIBAIO_LITTLE && LIBAIO_LONG == 8
#define LIBAIO_SLOT(decl, pad) decl
#define LIBAIO_PAIR(type, low, high) type low, high
#elif LIBAIO_LITTLE && LIBAIO_LONG == 4
#define LIBAIO_SLOT(decl, pad) decl; unsigned pad
#define LIBAIO_PAIR(type, low, high) type low; unsigned high
#elif LIBAIO_BIG && LIBAIO_LONG == 8
#define LIBAIO_SLOT(decl, pad) decl
#define LIBAIO_PAIR(type, low, high) unsigned high; type low
#elif LIBAIO_BIG && LIBAIO_LONG == 4
#define LIBAIO_SLOT(decl, pad) unsigned pad; decl
#define LIBAIO_PAIR(type, low, high) unsigned high; type low
#else
#error "libaio.h: unknown byte order or size of long"
#endif

/*
 * A 32-bit program compiled with _TIME_BITS=64 has a struct timespec of 64 bits, and with musl every
 * one has (its headers say _REDIR_TIME64). Its calls go to io_getevents_time64 and
 * io_pgetevents_time64, as with Debian 13's header.
 */
#if LIBAIO_LONG == 4 && \
	((defined(_TIME_BITS) && _TIME_BITS == 64) || (defined(_REDIR_TIME64) && _REDIR_TIME64))
#define LIBAIO_TIMEOUT_OF(name) __asm__(#name "_time64")
#else
#define LIBAIO_TIMEOUT_OF(name)
#endif

/* A conversion that neither C nor C++ compilers warn about. */
#ifdef __cplusplus
#define LIBAIO_CAST(type, value) static_cast<type>(value)
#else
#define LIBAIO_CAST(type, value) ((type)(value))
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct timespec;
struct sockaddr;
struct iovec;

/* A context: made by io_setup, ended by io_destroy. Set it to 0 before io_setup. */
typedef struct io_context *io_context_t;

/* What to do: iocb.aio_lio_opcode [aio_abi.h]. */
typedef enum io_iocb_cmd {
	IO_CMD_PREAD = 0,
	IO_CMD_PWRITE = 1,

	IO_CMD_FSYNC = 2,  /* Linux 4.18 */
	IO_CMD_FDSYNC = 3, /* Linux 4.18 */

	IO_CMD_POLL = 5, /* Linux 4.19 */
	IO_CMD_NOOP = 6, /* always -EINVAL [aio.c] */
	IO_CMD_PREADV = 7,
	IO_CMD_PWRITEV = 8,
} io_iocb_cmd_t;

/* IO_CMD_POLL: `events` as in poll(2). The result is the set of events that are ready. */
struct io_iocb_poll {
	LIBAIO_PAIR(int, events, __pad1);
};

/* No operation uses it [aio.c]. */
struct io_iocb_sockaddr {
	LIBAIO_SLOT(struct sockaddr *addr, __pad1);
	LIBAIO_SLOT(unsigned long len, __pad2); /* bytes */
};

/* IO_CMD_PREAD, IO_CMD_PWRITE; the flags are for every operation. The result is in bytes. */
struct io_iocb_common {
	LIBAIO_SLOT(void *buf, __pad1); /* the caller's; keep it until the event comes */
	LIBAIO_SLOT(unsigned long nbytes, __pad2);
	long long offset; /* bytes from the start of the file */
	long long __pad3; /* 0, or io_submit gives -EINVAL [aio.c] */
	unsigned flags;   /* IOCB_FLAG_* */
	unsigned resfd;   /* an eventfd, if flags has IOCB_FLAG_RESFD */
};

/* IO_CMD_PREADV, IO_CMD_PWRITEV. The result is in bytes. */
struct io_iocb_vector {
	/* the caller's; the array may go after io_submit, its buffers after the event [aio.c] */
	LIBAIO_SLOT(const struct iovec *vec, __pad1);
	LIBAIO_SLOT(unsigned long nr, __pad2); /* elements of vec */
	long long offset;                      /* bytes from the start of the file */
};

/* One request: the caller's memory. io_submit copies it; io_event.obj is its address. */
struct iocb {
	LIBAIO_SLOT(void *data, __pad1);          /* the caller's, handed back in io_event.data */
	LIBAIO_PAIR(unsigned, key, aio_rw_flags); /* key: the kernel's; aio_rw_flags: RWF_* */

	short aio_lio_opcode; /* enum io_iocb_cmd */
	short aio_reqprio;    /* if u.c.flags has IOCB_FLAG_IOPRIO */
	int aio_fildes;       /* may be closed once io_submit has taken the request */

	union {
		struct io_iocb_common c;
		struct io_iocb_vector v;
		struct io_iocb_poll poll;
		struct io_iocb_sockaddr saddr;
	} u;
};

/* One completion. `res` holds a signed result: (long)res is a count or a negative errno value. */
struct io_event {
	LIBAIO_SLOT(void *data, __pad1);       /* iocb.data at io_submit */
	LIBAIO_SLOT(struct iocb *obj, __pad2); /* which request */
	LIBAIO_SLOT(unsigned long res, __pad3);
	LIBAIO_SLOT(unsigned long res2, __pad4); /* 0 [aio.c] */
};

/* A signal mask as the io_pgetevents system call takes it [aio_abi.h]; programs need neither. */
struct io_sigset {
	unsigned long ss;     /* address of the mask */
	unsigned long ss_len; /* bytes */
};

/* The same, for a 32-bit program on a 64-bit kernel. */
struct io_sigset_compat {
	LIBAIO_SLOT(unsigned long ss, __ss_pad);
	unsigned long ss_len;
};

/* What io_queue_run calls for each event; res and res2 are those of the event. */
typedef void (*io_callback_t)(io_context_t ctx, struct iocb *iocb, long res, long res2);

/* io_setup with *ctxp set to 0 first; maxevents < 1 gives -EINVAL. io_queue_init(3) */
extern int io_queue_init(int maxevents, io_context_t *ctxp);

/* The same as io_destroy. io_queue_release(3) */
extern int io_queue_release(io_context_t ctx);

/*
 * Takes every event that is ready, without waiting, and calls the function in its `data` field,
 * which io_set_callback must have put there. 0, or what io_getevents gave. io_queue_run(3)
 */
extern int io_queue_run(io_context_t ctx);

/*
 * Makes a context for at least maxevents requests under way; *ctxp must be 0. Gives 0, -EFAULT,
 * -ENOMEM, -ENOSYS, -EINVAL (*ctxp not 0, maxevents not possible), or -EAGAIN (over the system's
 * limit, /proc/sys/fs/aio-max-nr). io_setup(2)
 */
extern int io_setup(int maxevents, io_context_t *ctxp);

/*
 * Cancels what can be cancelled, waits for the rest, ends the context; events not yet taken are
 * lost. 0 or -EINVAL (no such context). io_destroy(2)
 */
extern int io_destroy(io_context_t ctx);

/*
 * Queues ios[0] to ios[nr - 1]; gives how many were queued, fewer if one was refused. If the first
 * was refused: -EAGAIN (context full), -EBADF, -EFAULT, -EINVAL, -EOPNOTSUPP or -EPERM. The array
 * and the iocbs may go afterwards. May block where O_DIRECT is not in use. io_submit(2)
 */
extern int io_submit(io_context_t ctx, long nr, struct iocb *ios[]);

/*
 * Tries to cancel a request, found by its address. -EINPROGRESS: being cancelled, its event comes
 * by io_getevents; -EINVAL: cannot be, or not found; -EFAULT. evt is not filled in [aio.c].
 * io_cancel(2)
 */
extern int io_cancel(io_context_t ctx, struct iocb *iocb, struct io_event *evt);

/*
 * Takes up to nr events, waiting until min_nr have come or the timeout is over (it is relative;
 * NULL: no limit; not updated). Gives how many were taken, or -EFAULT, -EINTR (a signal, and no
 * event), -EINVAL (no such context, or not 0 <= min_nr <= nr). io_getevents(2)
 */
extern int io_getevents(io_context_t ctx, long min_nr, long nr, struct io_event *events,
			struct timespec *timeout) LIBAIO_TIMEOUT_OF(io_getevents);

/* io_getevents with this signal mask (NULL: as it is) while waiting. Linux 4.18; io_getevents(2) */
extern int io_pgetevents(io_context_t ctx, long min_nr, long nr, struct io_event *events,
			 struct timespec *timeout, sigset_t *sigmask)
	LIBAIO_TIMEOUT_OF(io_pgetevents);

/* For io_queue_run: sets iocb->data to cb. After io_prep_*, which clears it. io_set_callback(3) */
static inline void io_set_callback(struct iocb *iocb, io_callback_t cb)
{
	/* ISO C converts no function pointer to void *; copying its bytes is the same on Linux. */
	memcpy(&iocb->data, &cb, sizeof(iocb->data));
}

/*
 * io_prep_*: fill in a request; what is not named becomes 0. They check nothing, io_submit does.
 *
 * pread, pwrite: `count` bytes at `offset`, bytes from the start of the file. io_prep_pread(3)
 */
static inline void io_prep_pread(struct iocb *iocb, int fd, void *buf, size_t count,
				 long long offset)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_PREAD;
	iocb->aio_fildes = fd;
	iocb->u.c.buf = buf;
	iocb->u.c.nbytes = count;
	iocb->u.c.offset = offset;
}

static inline void io_prep_pwrite(struct iocb *iocb, int fd, void *buf, size_t count,
				  long long offset)
{
	io_prep_pread(iocb, fd, buf, count, offset);
	iocb->aio_lio_opcode = IO_CMD_PWRITE;
}

/* preadv, pwritev: `iovcnt` elements of `iov`; the 2 forms also take RWF_* flags. readv(2) */
static inline void io_prep_preadv2(struct iocb *iocb, int fd, const struct iovec *iov, int iovcnt,
				   long long offset, int flags)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_PREADV;
	iocb->aio_fildes = fd;
	iocb->aio_rw_flags = LIBAIO_CAST(unsigned, flags);
	iocb->u.v.vec = iov;
	iocb->u.v.nr = LIBAIO_CAST(unsigned long, iovcnt);
	iocb->u.v.offset = offset;
}

static inline void io_prep_pwritev2(struct iocb *iocb, int fd, const struct iovec *iov, int iovcnt,
				    long long offset, int flags)
{
	io_prep_preadv2(iocb, fd, iov, iovcnt, offset, flags);
	iocb->aio_lio_opcode = IO_CMD_PWRITEV;
}

static inline void io_prep_preadv(struct iocb *iocb, int fd, const struct iovec *iov, int iovcnt,
				  long long offset)
{
	io_prep_preadv2(iocb, fd, iov, iovcnt, offset, 0);
}

static inline void io_prep_pwritev(struct iocb *iocb, int fd, const struct iovec *iov, int iovcnt,
				   long long offset)
{
	io_prep_pwritev2(iocb, fd, iov, iovcnt, offset, 0);
}

/* poll: one event when any of `events`, as in poll(2), is ready; then it is over. [aio.c] */
static inline void io_prep_poll(struct iocb *iocb, int fd, int events)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_POLL;
	iocb->aio_fildes = fd;
	iocb->u.poll.events = events;
}

/* fsync, fdsync: as fsync(2), fdatasync(2), for what completed before. io_prep_fsync(3) */
static inline void io_prep_fsync(struct iocb *iocb, int fd)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_FSYNC;
	iocb->aio_fildes = fd;
}

static inline void io_prep_fdsync(struct iocb *iocb, int fd)
{
	io_prep_fsync(iocb, fd);
	iocb->aio_lio_opcode = IO_CMD_FDSYNC;
}

/* io_poll, io_fsync, io_fdsync: prepare, set the callback, submit; give what io_submit gives. */
static inline int io_poll(io_context_t ctx, struct iocb *iocb, io_callback_t cb, int fd, int events)
{
	io_prep_poll(iocb, fd, events);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

static inline int io_fsync(io_context_t ctx, struct iocb *iocb, io_callback_t cb, int fd)
{
	io_prep_fsync(iocb, fd);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

static inline int io_fdsync(io_context_t ctx, struct iocb *iocb, io_callback_t cb, int fd)
{
	io_prep_fdsync(iocb, fd);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

/* Adds 1 to this eventfd(2) when the request completes. After io_prep_*. [aio_abi.h] */
static inline void io_set_eventfd(struct iocb *iocb, int eventfd)
{
	iocb->u.c.flags |= 1U << 0; /* IOCB_FLAG_RESFD */
	iocb->u.c.resfd = LIBAIO_CAST(unsigned, eventfd);
}

#ifdef __cplusplus
}
#endif

#undef LIBAIO_LITTLE
#undef LIBAIO_BIG
#undef LIBAIO_LONG
#undef LIBAIO_SLOT
#undef LIBAIO_PAIR
#undef LIBAIO_TIMEOUT_OF
#undef LIBAIO_CAST

/*
 * Flags (an addition to 0.3.113). <sys/uio.h>, <linux/fs.h> and <linux/aio_abi.h> define the same
 * macros, each in its own spelling and unguarded. Compilers let that pass between system headers,
 * so what follows is one, wherever this file is installed.
 */
#if defined(__GNUC__) && defined(__INCLUDE_LEVEL__) && __INCLUDE_LEVEL__ > 0
#pragma GCC system_header
#endif

/* For iocb.aio_rw_flags, as in preadv2(2); an unknown one gives -EOPNOTSUPP. Since Linux: */
#ifndef RWF_HIPRI
#define RWF_HIPRI 0x00000001 /* 4.13: high priority; no effect here [aio.c] */
#endif
#ifndef RWF_DSYNC
#define RWF_DSYNC 0x00000002 /* 4.13: this write as with O_DSYNC */
#endif
#ifndef RWF_SYNC
#define RWF_SYNC 0x00000004 /* 4.13: this write as with O_SYNC */
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008 /* 4.13: result -EAGAIN rather than block */
#endif
#ifndef RWF_APPEND
#define RWF_APPEND 0x00000010 /* 4.16: this write as with O_APPEND */
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x00000020 /* 6.9: obey the offset in spite of O_APPEND */
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x00000040 /* 6.11: all of this write or none of it */
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080 /* 6.14: drop from the page cache afterwards */
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 /* 6.18: no SIGPIPE */
#endif

/* For iocb.u.c.flags [aio_abi.h]. */
#ifndef IOCB_FLAG_RESFD
#define IOCB_FLAG_RESFD (1 << 0) /* u.c.resfd is an eventfd to signal at completion */
#endif
#ifndef IOCB_FLAG_IOPRIO
#define IOCB_FLAG_IOPRIO (1 << 1) /* 4.18: aio_reqprio is a priority as in ioprio_set(2) */
#endif

#endif /* __LIBAIO_H */
