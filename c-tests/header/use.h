/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Uses every item of <libaio.h>, in C and in C++, and checks the flags' values. */
#ifndef USE_H
#define USE_H

/* An array of size -1 is an error in every version of both languages. */
#define VALUE(name, value) typedef char use_##name[(name) == (value) ? 1 : -1]
VALUE(RWF_HIPRI, 0x1);
VALUE(RWF_DSYNC, 0x2);
VALUE(RWF_SYNC, 0x4);
VALUE(RWF_NOWAIT, 0x8);
VALUE(RWF_APPEND, 0x10);
VALUE(RWF_NOAPPEND, 0x20);
VALUE(RWF_ATOMIC, 0x40);
VALUE(RWF_DONTCACHE, 0x80);
VALUE(RWF_NOSIGNAL, 0x100);
VALUE(IOCB_FLAG_RESFD, 1);
VALUE(IOCB_FLAG_IOPRIO, 2);

static inline void use_callback(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	(void)ctx;
	(void)iocb;
	(void)res;
	(void)res2;
}

static struct timespec *use_timeout; /* null, which each language writes in its own way */
static sigset_t *use_mask;

/* Everything is called; whoever links this brings the functions. */
static inline int use_everything(io_context_t ctx, struct iocb *iocb, const struct iovec *iov)
{
	struct iocb *list[1];
	struct io_event event;
	char buf[8];
	int sum = 0, all, some;

	/* as a program writes them: combined, and chosen */
	all = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND |
	      RWF_ATOMIC | RWF_DONTCACHE | RWF_NOSIGNAL;
	some = iov ? RWF_NOWAIT : 0;
	switch (some) {
	case RWF_NOWAIT:
		some |= RWF_DSYNC;
		break;
	default:
		break;
	}

	io_prep_pread(iocb, 0, buf, sizeof(buf), 0);
	io_prep_pwrite(iocb, 0, buf, sizeof(buf), 0);
	io_prep_preadv(iocb, 0, iov, 1, 0);
	io_prep_pwritev(iocb, 0, iov, 1, 0);
	io_prep_preadv2(iocb, 0, iov, 1, 0, all);
	io_prep_pwritev2(iocb, 0, iov, 1, 0, some);
	io_prep_poll(iocb, 0, 1);
	io_prep_fsync(iocb, 0);
	io_prep_fdsync(iocb, 0);
	io_set_callback(iocb, use_callback);
	io_set_eventfd(iocb, 1);
	iocb->u.c.flags |= IOCB_FLAG_IOPRIO;
	list[0] = iocb;
	sum += io_poll(ctx, iocb, use_callback, 0, 1);
	sum += io_fsync(ctx, iocb, use_callback, 0);
	sum += io_fdsync(ctx, iocb, use_callback, 0);
	sum += io_setup(1, &ctx);
	sum += io_destroy(ctx);
	sum += io_submit(ctx, 1, list);
	sum += io_cancel(ctx, iocb, &event);
	sum += io_getevents(ctx, 0, 1, &event, use_timeout);
	sum += io_pgetevents(ctx, 0, 1, &event, use_timeout, use_mask);
	sum += io_queue_init(1, &ctx);
	sum += io_queue_run(ctx);
	sum += io_queue_release(ctx);
	return sum;
}

#endif
