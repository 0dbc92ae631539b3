/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_getevents and io_pgetevents with a timeout of 64 bits, on kernels of several ages, which a
 * seccomp filter plays: usage: old_kernels KERNEL, for i386 only.
 *
 *   this     this kernel
 *   enosys   before Linux 5.1: there is no io_pgetevents_time64
 *   eperm    a sandbox that does not know it
 *   layout   64-bit ones before 6.10: it reads the signal mask's structure as a 64-bit process's

 */
#define _GNU_SOURCE
#include <libaio.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "../harness/expect.h"

_Static_assert(sizeof(void *) == 4 && sizeof(struct timespec) == 16, "-m32 -D_TIME_BITS=64");

#define OLD_CALL 385 /* io_pgetevents, with a timeout of 32 bits */

static volatile sig_atomic_t emulated, handled;

static void filter_call(unsigned action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_pgetevents_time64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* io_pgetevents_time64 as x86-64 kernels from 5.1 to 6.9 carried it out for a 32-bit process. */
static void emulate(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const struct timespec *timeout = (void *)registers[REG_EDI];
	const struct { uint64_t mask, length; } *sigset = (void *)registers[REG_EBP];
	struct { uint32_t mask, length; } narrow_sigset = { 0, 8 };
	struct { int32_t seconds, nanoseconds; } narrow_timeout;
	int before = errno;
	long result;

	(void)signal;
	(void)info;
	emulated++;
	if (timeout) {
		narrow_timeout.seconds = timeout->tv_sec > INT32_MAX ? INT32_MAX : timeout->tv_sec;
		narrow_timeout.nanoseconds = timeout->tv_nsec;
	}
	if (sigset && sigset->mask && sigset->length != 8) {
		registers[REG_EAX] = -EINVAL;
		return;
	}
	if (sigset)
		narrow_sigset.mask = sigset->mask;
	result = syscall(OLD_CALL, registers[REG_EBX], registers[REG_ECX], registers[REG_EDX],
			 registers[REG_ESI], timeout ? &narrow_timeout : NULL,
			 sigset ? &narrow_sigset : NULL);
	registers[REG_EAX] = result == -1 ? -errno : result;
	errno = before;
}

static void handler(int signal)
{
	(void)signal;
	handled++;
}

static void make_ready(io_context_t ctx, int fd, int count)
{
	static struct iocb iocbs[8];
	static char byte;

	for (int i = 0; i < count; i++) {
		struct iocb *one = &iocbs[i];

		io_prep_pwrite(one, fd, &byte, 1, 0);
		EXPECT_EQ(io_submit(ctx, 1, &one), 1);
	}
}

int main(int count, char **arguments)
{
	const char *kernel = count > 1 ? arguments[1] : "";
	struct timespec zero = { 0, 0 }, soon = { 0, 10000000 }, long_time = { 1LL << 40, 0 };
	struct io_event events[8];
	io_context_t ctx = NULL, none = NULL;
	struct iocb poll, *polls[1] = { &poll };
	sigset_t usr1, unblocked;
	int fd = open("/dev/null", O_WRONLY), pipes[2];

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	sigemptyset(&unblocked);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT_EQ(sigprocmask(SIG_BLOCK, &usr1, NULL), 0);
	EXPECT_EQ(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, NULL), 0);
	EXPECT_EQ(sigaction(SIGSYS, &(struct sigaction){ .sa_sigaction = emulate, .sa_flags = SA_SIGINFO },
			    NULL), 0);
	if (strcmp(kernel, "enosys") == 0)
		filter_call(SECCOMP_RET_ERRNO | ENOSYS);
	else if (strcmp(kernel, "eperm") == 0)
		filter_call(SECCOMP_RET_ERRNO | EPERM);
	else if (strcmp(kernel, "layout") == 0)
		filter_call(SECCOMP_RET_TRAP);
	else
		EXPECT_EQ(strcmp(kernel, "this"), 0);

	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	/* Waiting, for as long as it says. */
	double start = now();
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &zero)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &soon)), 0);
	EXPECT(now() - start >= 0.01);
	start = now();
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 8, events, &soon, &unblocked)), 0);
	EXPECT(now() - start >= 0.01);
	/* 2^40 seconds; in 32 bits nothing would be left of them. */
	for (int with_mask = 0; with_mask < 2; with_mask++) {
		pid_t child;

		io_prep_poll(&poll, pipes[0], 1);
		EXPECT_EQ(AIO(io_submit(ctx, 1, polls)), 1);
		child = fork();
		if (child == 0) {
			usleep(50000);
			_exit(write(pipes[1], "", 1) != 1);
		}
		EXPECT_EQ(with_mask ? AIO(io_pgetevents(ctx, 1, 8, events, &long_time, &unblocked))
				    : AIO(io_getevents(ctx, 1, 8, events, &long_time)), 1);
		EXPECT_EQ(waitpid(child, NULL, 0), child);
		EXPECT_EQ(read(pipes[0], events, 1), 1);
	}

	/* Taking, with the page of the timeout known by now, and without a timeout. */
	make_ready(ctx, fd, 4);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &long_time)), 1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, &unblocked)), 1);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, NULL)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);

	/* The mask: it lets a pending signal in. */
	EXPECT_EQ(raise(SIGUSR1), 0);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, NULL)), 0);
	EXPECT_EQ(handled, 0);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &long_time, &unblocked)), -EINTR);
	EXPECT_EQ(handled, 1);

	/* Errors. */
	EXPECT_EQ(AIO(io_getevents(none, 1, 1, events, &zero)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 1, events, &zero)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, -1, 1, events, &soon)), -EINVAL);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 2, 1, events, &soon, &unblocked)), -EINVAL);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &soon, (sigset_t *)8)), -EFAULT);
	if (strcmp(kernel, "layout") != 0) {
		/* Nowhere, in a page that cannot be read, and half in one. */
		char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		void *bad[] = { (void *)8, (void *)-8, pages + 4096, pages + 4096 - 8, pages + 4096 - 13 };
		struct timespec *good = (void *)(pages + 4096 - 16);

		EXPECT_EQ(mprotect(pages + 4096, 4096, PROT_NONE), 0);
		for (int i = 0; i < 5; i++) {
			EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, bad[i])), -EFAULT);
			EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, bad[i], &unblocked)), -EFAULT);
		}
		*good = soon;
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, good)), 0);
	}

	if (emulated) {
		/* The fast path makes no system call. */
		int before = emulated;

		make_ready(ctx, fd, 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &long_time)), 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &zero)), 0);
		EXPECT_EQ(emulated, before);
	}
	EXPECT_EQ(emulated != 0, strcmp(kernel, "layout") == 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
