/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs a program under a filter, which ends whoever makes the call; but it lets mremap fail, as it does under qemu-user.
 *
 * usage: filtered CALL PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{ "io_setup", SYS_io_setup },
	{ "io_submit", SYS_io_submit },
	{ "io_cancel", SYS_io_cancel },
	{ "io_pgetevents", SYS_io_pgetevents },
	{ "mremap", SYS_mremap },
};

int main(int argc, char **argv)
{
	unsigned i = 0;

	if (argc < 3)
		return 2;
	while (strcmp(calls[i].name, argv[1]) != 0)
		if (++i == sizeof(calls) / sizeof(*calls))
			return 2;
	int kills = calls[i].number != SYS_mremap;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("filtered: the filter cannot be set");
		return 1;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}
