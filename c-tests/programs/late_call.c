/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * A call with the handle of a context that is gone reaches the kernel while another thread makes a context at the same
 * address. It gets EINVAL, and no event of a context that the library takes events from by itself.
 *
 * A filter hands both threads' system calls to a third one, which lets them go on in the order that matters.
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

static atomic_int listener = -1, late_calls, is_made;
static atomic_long setups;
static volatile pid_t caller_id;
static io_context_t gone;

/* Every system call of both threads from here on that makes a context, moves a ring or asks for events. */
static void hand_over_system_calls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_getevents, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_pgetevents_time64, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_setup, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mremap, 1, 0),
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

/* The late call goes on when the maker has one context and is about to do more about it, or has done all. */
static void *put_in_order(void *unused)
{
	uint64_t late = 0;

	while (listener < 0)
		usleep(1000);
	for (;;) {
		struct pollfd ready = { .fd = listener, .events = POLLIN };
		struct seccomp_notif call = { 0 };

		poll(&ready, 1, 1);
		if (late && is_made) {
			let_go_on(late);
			late = 0;
		}
		if (!(ready.revents & POLLIN))
			continue;
		EXPECT_EQ(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), 0);
		if ((pid_t)call.pid == caller_id) {
			late = call.id;
			late_calls++;
			continue;
		}
		if (setups++ == 1 && late) {
			let_go_on(late);
			late = 0;
			wait_asleep(getpid(), caller_id);
		}
		let_go_on(call.id);
	}
	return unused;
}

static void *call_late(void *result)
{
	struct timespec a_while = { 20, 0 };
	struct io_event events[4];

	caller_id = (pid_t)syscall(SYS_gettid);
	*(int *)result = io_getevents(gone, 1, 4, events, &a_while);
	return NULL;
}

/* `is_known`: the library made the context that is gone. */
static void try_with(int is_known)
{
	struct timespec at_once = { 0, 0 };
	struct io_event events[4];
	io_context_t ctx = NULL;
	pthread_t caller;
	int got = 0;

	gone = NULL;
	if (is_known)
		EXPECT_EQ(io_setup(4, &gone), 0);
	else
		EXPECT_EQ(syscall(SYS_io_setup, 4, &gone), 0);
	late_calls = is_made = 0;
	EXPECT_EQ(pthread_create(&caller, NULL, call_late, &got), 0);
	while (!late_calls)
		usleep(1000);
	if (is_known)
		EXPECT_EQ(io_destroy(gone), 0);
	else
		EXPECT_EQ(syscall(SYS_io_destroy, gone), 0);
	setups = 0;
	EXPECT_EQ(io_setup(4, &ctx), 0);
	is_made = 1;
	wait_asleep(getpid(), caller_id);
	EXPECT(ctx != gone);
	EXPECT_EQ(setups, 2);
	make_events(ctx, 1, 2);
	EXPECT_EQ(io_getevents(ctx, 1, 4, events, &at_once), 2);
	expect_made(events, 1, 2);
	EXPECT_EQ(pthread_join(caller, NULL), 0);
	EXPECT_EQ(got, -EINVAL);
	EXPECT_EQ(io_destroy(ctx), 0);
}

int main(void)
{
	const char *reaping = getenv("LIBAIO_REAP");
	pthread_t orderer;

	if (reaping && !strcmp(reaping, "syscall"))
		SKIP("nothing is taken from the ring with LIBAIO_REAP=syscall");
	start_watchdog();
	EXPECT_EQ(pthread_create(&orderer, NULL, put_in_order, NULL), 0);
	hand_over_system_calls();
	/* Those that it did not make first: after the others it knows their addresses. */
	for (int is_known = 0; is_known <= 1; is_known++) {
		for (int turn = 0; turn < 3; turn++)
			try_with(is_known);
	}
	return 0;
}
