/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a check is. A group of checks runs in a process of its own, so one that hangs or crashes
 * takes only its group along. Each check says what the kernel does; the value seen is compared.
 */
#ifndef CHECK_H
#define CHECK_H

#include <libaio.h>

/* What a check needs, and what is not itself checked: the group ends where it is not so. */
#define EXPECT_FAILED give_up
void give_up(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
#include "../harness/expect.h"

struct group {
	const char *section; /* of docs/kernel-aio.md, as in 1.3 */
	const char *title;
	void (*run)(void);
	unsigned seconds; /* after which it hangs; 0: the usual */
	/* Why a library that reads the ring itself may crash here: it is said, and no failure. */
	const char *may_crash;
};

/* The value seen must be the value wanted. What follows is the name, as for printf. */
#define CHECK(got, want, ...) \
	check_values(NULL, __FILE__, __LINE__, (long long)(got), (long long)(want), __VA_ARGS__)

/* The same for what only the kernel's own implementation can have, with the reason. */
#define CHECK_KERNEL_ONLY(reason, got, want, ...) \
	check_values((reason), __FILE__, __LINE__, (long long)(got), (long long)(want), __VA_ARGS__)

/* The same for what io_submit has done when it returns, unless LIBAIO_SUBMIT=async leaves it to helpers. */
#define CHECK_INSIDE(got, want, ...) CHECK_KERNEL_ONLY(not_inside, got, want, __VA_ARGS__)

/* A check that cannot run here. */
#define SKIP_CHECK(reason, ...) skip_check((reason), __VA_ARGS__)

/*
 * Values beside counts and -errno: io_submit itself failed, a request was taken but no event came,
 * an event came with wrong fields.
 */
#define SYNC(error) (-1000000LL - (error))
#define NO_EVENT (-2000000LL)
#define WRONG_EVENT (-3000000LL)

/* Seconds after which what should come does not come; a machine may be busy. */
#define PATIENCE 10

/* The library is the C one: where it crashes or differs, the kernel is asked directly. */
extern int on_referee;
/* And it is Debian 13's, whose io_getevents makes the system call of io_pgetevents. */
extern int on_debian_13;
/* With LIBAIO_SUBMIT=async, why a check may differ; NULL without. */
extern const char *not_inside, *starts_helper;
/* The directory for files. */
extern const char *directory;
/* How this program was started, to start it again. */
extern const char *self;

void check_values(const char *only_kernel, const char *file, int line, long long got,
		  long long want, const char *name, ...) __attribute__((format(printf, 6, 7)));
void skip_check(const char *reason, const char *name, ...) __attribute__((format(printf, 2, 3)));

/* After an exec: whether a context of the old program is gone. process.c */
int after_exec(const char *address);

/* The tables, each ended by a group without a title. */
extern const struct group setup_groups[], destroy_groups[], submit_groups[], transfer_groups[],
	fsync_groups[], poll_groups[], files_groups[], order_groups[], eventfd_groups[],
	getevents_groups[], timeout_groups[], signal_groups[], waiter_groups[], cancel_groups[],
	ring_groups[], mapping_groups[], process_groups[], thread_groups[];

#endif
