/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Seccomp filters that refuse what the libraries may use, group by group. */
#ifndef FILTERS_H
#define FILTERS_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "expect.h"

enum { MOST = 8 };

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#ifdef __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#endif

static const struct {
	const char *name;
	int numbers[MOST];
} groups[] = {
	{ "io_setup", { SYS_io_setup } },
	{ "io_submit", { SYS_io_submit } },
	{ "io_getevents", { SYS_io_getevents } },
	{ "close_range and unshare", { SYS_close_range, SYS_unshare } },
	{ "pidfd", { SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal } },
	{ "recvmsg", { SYS_recvmsg } },
	{ "sendmsg", { SYS_sendmsg } },
	{ "socketpair", { SYS_socketpair } },
	{ "epoll", { SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait } },
	{ "eventfd2", { SYS_eventfd2 } },
	{ "preadv2 and pwritev2", { SYS_preadv2, SYS_pwritev2 } },
	{ "prctl and sched_setscheduler", { SYS_prctl, SYS_sched_setscheduler, SYS_sched_setaffinity } },
	{ "kcmp and membarrier", { SYS_kcmp, SYS_membarrier } },
	{ "timerfd and signalfd", { SYS_timerfd_create, SYS_signalfd4 } },
	{ "madvise", { SYS_madvise } },
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

#ifdef MACHINE
/* With group GROUPS: what all of them name. */
static void filter(int group, int error)
{
	struct sock_filter code[GROUPS * MOST * 2 + 8];
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < GROUPS; i++) {
		if (group != GROUPS && group != i)
			continue;
		/* No group begins with system call 0, and 0 ends the others. */
		for (int k = 0; k < MOST && (k == 0 || groups[i].numbers[k]); k++) {
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, groups[i].numbers[k], 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
		}
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { n, code };

	EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}
#endif

#endif
