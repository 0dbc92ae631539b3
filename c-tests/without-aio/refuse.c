/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a program where the kernel has no AIO: a seccomp filter answers the AIO system calls, 64-bit and
 * 32-bit ones, with an error of one's choice. The filter stays for all that the program starts.
 *
 * usage: refuse ENOSYS|EPERM|EAGAIN PROGRAM [ARGUMENT...]
 *
 * EAGAIN is answered by io_setup alone, as where fs.aio-max-nr is used up.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the system calls' numbers are those of x86-64 and i386"
#endif

#define SKIP_UNLESS(field, value, instructions)                                             \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)),           \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, instructions)
#define REFUSE_IF(number) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, answer)
#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = { { "ENOSYS", ENOSYS }, { "EPERM", EPERM }, { "EAGAIN", EAGAIN } };
	int error = 0;

	for (int i = 0; i < 3; i++) {
		if (argc > 2 && strcmp(argv[1], errors[i].name) == 0)
			error = errors[i].error;
	}
	if (!error) {
		fprintf(stderr, "usage: %s ENOSYS|EPERM|EAGAIN PROGRAM [ARGUMENT...]\n", *argv);
		return 2;
	}

	unsigned answer = SECCOMP_RET_ERRNO | error;
	struct sock_filter all[] = {
		SKIP_UNLESS(arch, AUDIT_ARCH_X86_64, 13),
		LOAD_NUMBER,
		REFUSE_IF(SYS_io_setup),
		REFUSE_IF(SYS_io_destroy),
		REFUSE_IF(SYS_io_getevents),
		REFUSE_IF(SYS_io_submit),
		REFUSE_IF(SYS_io_cancel),
		REFUSE_IF(SYS_io_pgetevents),
		SKIP_UNLESS(arch, AUDIT_ARCH_I386, 15),
		LOAD_NUMBER,
		REFUSE_IF(245),
		REFUSE_IF(246),
		REFUSE_IF(247),
		REFUSE_IF(248),
		REFUSE_IF(249),
		/* io_pgetevents, and the one with 64-bit time. */
		REFUSE_IF(385),
		REFUSE_IF(416),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_filter setup[] = {
		SKIP_UNLESS(arch, AUDIT_ARCH_X86_64, 3),
		LOAD_NUMBER,
		REFUSE_IF(SYS_io_setup),
		SKIP_UNLESS(arch, AUDIT_ARCH_I386, 3),
		LOAD_NUMBER,
		REFUSE_IF(245),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(all) / sizeof(*all), all };
	if (error == EAGAIN)
		program = (struct sock_fprog){ sizeof(setup) / sizeof(*setup), setup };

	/* Root keeps its abilities without the first call; others may set no filter without it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("refuse: the filter cannot be set");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
