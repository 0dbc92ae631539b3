/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a program with what Docker and podman leave a container's root by default: 14 capabilities, and a seccomp filter
 * that refuses mounts, namespaces, io_uring and the like. (Their filters list what is allowed; this one
 * lists what tests may stumble over.)
 *
 * usage: container PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the system calls' numbers are those of x86-64"
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER_IF(number, error) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

static const int kept[] = {
	CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,		 CAP_MKNOD,	 CAP_NET_RAW, CAP_SETGID,
	CAP_SETUID, CAP_SETFCAP,      CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL,    CAP_AUDIT_WRITE,
};

static int is_kept(int capability)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		if (kept[i] == capability)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sock_filter filter[] = {
		/* i386 programs may do as they like: the tests of long have none that would. */
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		LOAD(nr),
		ANSWER_IF(SYS_unshare, EPERM),
		ANSWER_IF(SYS_setns, EPERM),
		ANSWER_IF(SYS_mount, EPERM),
		ANSWER_IF(SYS_umount2, EPERM),
		ANSWER_IF(SYS_pivot_root, EPERM),
		ANSWER_IF(SYS_bpf, EPERM),
		ANSWER_IF(SYS_perf_event_open, EPERM),
		ANSWER_IF(SYS_userfaultfd, EPERM),
		ANSWER_IF(SYS_keyctl, EPERM),
		ANSWER_IF(SYS_open_by_handle_at, EPERM),
		ANSWER_IF(SYS_io_uring_setup, EPERM),
		ANSWER_IF(SYS_io_uring_enter, EPERM),
		ANSWER_IF(SYS_io_uring_register, EPERM),
		/* Its flags are in memory, where a filter cannot look: libc goes back to clone. */
		ANSWER_IF(SYS_clone3, ENOSYS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
			 CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
			 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (argc < 2) {
		fprintf(stderr, "usage: %s PROGRAM [ARGUMENT...]\n", *argv);
		return 2;
	}
	/* While this process may: the filter without PR_SET_NO_NEW_PRIVS, which would change what sudo does. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		perror("container: the filter cannot be set");
		return 1;
	}
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (is_kept(capability))
			data[capability / 32].permitted |= 1U << capability % 32;
		else if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
			perror("container: a capability cannot be dropped");
			return 1;
		}
	}
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	if (syscall(SYS_capset, &header, data) != 0) {
		perror("container: the capabilities cannot be set");
		return 1;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
