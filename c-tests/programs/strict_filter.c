/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/*
 * A program whose author has listed the system calls that it makes with the C library, and that is killed for any
 * other. It makes none but these before events are asked for a second time; with LIBAIO_REAP=syscall it never does.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <fcntl.h>
#include <libaio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW(number)                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void allow_what_the_c_library_needs(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_io_setup),
		ALLOW(SYS_io_submit),
		ALLOW(SYS_io_getevents),
#ifdef SYS_io_pgetevents_time64 /* On 32 bits Debian 13's C library makes these instead. */
		ALLOW(SYS_io_pgetevents),
		ALLOW(SYS_io_pgetevents_time64),
#endif
		ALLOW(SYS_io_destroy),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

int main(void)
{
	const char *reaping = getenv("LIBAIO_REAP");
	int rounds = reaping && *reaping == 's' ? 3 : 1;
	static char byte;
	struct iocb iocb, *iocbs[] = { &iocb };
	struct io_event event;
	io_context_t ctx = NULL;

	io_prep_pwrite(&iocb, open("/dev/null", O_WRONLY), &byte, 1, 0);
	allow_what_the_c_library_needs();
	if (io_setup(8, &ctx) != 0)
		_exit(1);
	for (int round = 0; round < rounds; round++)
		if (io_submit(ctx, 1, iocbs) != 1 || io_getevents(ctx, 1, 1, &event, NULL) != 1 || event.res != 1)
			_exit(2);
	_exit(io_destroy(ctx) != 0);
}
