/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * A call with the handle of a context that is gone reaches the kernel when another context was made: it gets nothing that
 * somebody else gets too. If the library made the one that is gone, no context comes to its address while the call is on
 * its way. If it did not, one may; then the kernel alone gives out its events, while the call goes on, and later if the
 * library cannot tell when that ends.
 *
 * A filter hands both threads' system calls to a third one, which holds the call back and counts the others.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <libaio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../harness/asleep.h"
#include "../harness/made_events.h"

#ifndef SYS_io_pgetevents_time64 /* 32-bit architectures have it */
#define SYS_io_pgetevents_time64 SYS_io_pgetevents
#endif

static atomic_int listener = -1, late_calls, may_go_on;
static atomic_long asked;
static volatile pid_t caller_id;
static io_context_t gone;

/* Every system call of this thread, and those that it makes, that asks for events from here on. */
static void hand_over_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_getevents, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_pgetevents, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_pgetevents_time64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0)
		SKIP("system calls cannot be handed to another thread here (seccomp_unotify, Linux 5.5)");
}

static void let_go_on(uint64_t id)
{
	struct seccomp_notif_resp answer = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	EXPECT_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
}

static void *put_in_order(void *unused)
{
	uint64_t late = 0;

	while (listener < 0)
		usleep(1000);
	for (;;) {
		struct pollfd ready = { .fd = listener, .events = POLLIN };
		struct seccomp_notif call = { 0 };

		poll(&ready, 1, 1);
		if (late && may_go_on) {
			let_go_on(late);
			late = 0;
			may_go_on = 0;
		}
		if (!(ready.revents & POLLIN))
			continue;
		EXPECT_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
		if ((pid_t)call.pid == caller_id && !late_calls) {
			late = call.id;
			late_calls++;
			continue;
		}
		/* On 32 bits one that was refused may be followed by another, which asks why. */
		asked += (pid_t)call.pid != caller_id;
		let_go_on(call.id);
	}
	return unused;
}

static void *call_late(void *result)
{
	struct timespec a_while = { 20, 0 };
	struct io_event event;

	caller_id = (pid_t)syscall(SYS_gettid);
	*(int *)result = io_getevents(gone, 1, 1, &event, &a_while);
	if (*(int *)result == 1)
		expect_made(&event, 1, 1);
	return NULL;
}

/* So many events, numbered from `first` on, for which the kernel is asked so many times. */
static void expect_events(io_context_t ctx, uintptr_t first, int count, int times)
{
	static struct timespec at_once;
	static struct io_event events[4];
	long before = asked;

	EXPECT_EQ(io_getevents(ctx, 1, 4, events, &at_once), count);
	expect_made(events, first, count);
	EXPECT_EQ(asked - before, times);
}

/* The context that is gone: made past the library, at an address that it knows or not; or made by it. */
enum made { PAST_IT, PAST_IT_AGAIN, BY_IT };

static void try_with(enum made made)
{
	io_context_t ctx = NULL;
	pthread_t caller;
	int got = 0;

	gone = NULL;
	if (made == BY_IT)
		EXPECT_EQ(io_setup(4, &gone), 0);
	else
		EXPECT_EQ(syscall(SYS_io_setup, 4, &gone), 0);
	late_calls = 0;
	EXPECT_EQ(pthread_create(&caller, NULL, call_late, &got), 0);
	while (!late_calls)
		usleep(1000);
	if (made == BY_IT)
		EXPECT_EQ(io_destroy(gone), 0);
	else
		EXPECT_EQ(syscall(SYS_io_destroy, gone), 0);
	EXPECT_EQ(io_setup(4, &ctx), 0);
	EXPECT_EQ(ctx == gone, made != BY_IT);
	make_events(ctx, 0, 1);
	expect_events(ctx, 0, 1, made == BY_IT ? 0 : 1);
	may_go_on = 1;
	while (may_go_on)
		usleep(1000);
	wait_asleep(getpid(), caller_id);
	make_events(ctx, 1, 2);
	EXPECT_EQ(pthread_join(caller, NULL), 0);
	if (made == BY_IT) {
		EXPECT_EQ(got, -EINVAL);
		expect_events(ctx, 1, 2, 0);
	} else {
		/* In the C library too: the new context has its handle. */
		EXPECT_EQ(got, 1);
		expect_events(ctx, 2, 1, made == PAST_IT ? 1 : 0);
	}
	EXPECT_EQ(io_destroy(ctx), 0);
}

int main(void)
{
	const char *reaping = getenv("LIBAIO_REAP");
	io_context_t first = NULL;
	pthread_t orderer;

	if (reaping && !strcmp(reaping, "syscall"))
		SKIP("nothing is taken from the ring with LIBAIO_REAP=syscall");
	start_watchdog();
	EXPECT_EQ(pthread_create(&orderer, NULL, put_in_order, NULL), 0);
	hand_over_system_calls();
	/* The process's first two calls are system calls, whatever they find. This context keeps its address. */
	EXPECT_EQ(io_setup(4, &first), 0);
	for (int call = 0; call < 3; call++) {
		make_events(first, call, 1);
		expect_events(first, call, 1, call < 2 ? 1 : 0);
	}
	try_with(PAST_IT);
	for (int turn = 0; turn < 3; turn++)
		try_with(PAST_IT_AGAIN);
	for (int turn = 0; turn < 3; turn++)
		try_with(BY_IT);
	return 0;
}
