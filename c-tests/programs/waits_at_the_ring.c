/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * LIBAIO_SPIN: a wait looks at the ring for so many microseconds before it makes the system call. By default,
 * and where it is not for the library to wait, no system call is made that the C library does not make.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"
#include "../harness/made_events.h"

#include <libaio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SYS_io_pgetevents_time64
#define SYS_io_pgetevents_time64 SYS_io_pgetevents
#endif
/* With 32 bits musl gives it a name of its own. */
#ifndef SYS_clock_gettime
#define SYS_clock_gettime SYS_clock_gettime32
#endif

static struct timespec moment = { 0, 2000000 }, minute = { 60, 0 }, at_once = { 0, 0 };
static struct io_event events[4];
static struct iocb request, *requests[] = { &request };
static int eventfd_polled;
static sem_t wanted;

/* Lets what is asked for end a little later. */
static void *end_requests(void *nothing)
{
	uint64_t one = 1;

	for (;;) {
		while (sem_wait(&wanted) != 0)
			;
		usleep(300);
		EXPECT_EQ(write(eventfd_polled, &one, sizeof(one)), sizeof(one));
	}
	return nothing;
}

/* A request that ends a little after a wait for it has begun. */
static void ask(io_context_t ctx)
{
	io_prep_poll(&request, eventfd_polled, POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, requests)), 1);
	EXPECT_EQ(sem_post(&wanted), 0);
}

static void collected(void)
{
	uint64_t count;

	EXPECT(events[0].obj == &request);
	EXPECT_EQ(read(eventfd_polled, &count, sizeof(count)), sizeof(count));
}

/* Four system calls are answered with `action`. */
static void answer(unsigned action, long first, long second, long third, long fourth)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, third, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, fourth, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EXPECT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* None of the system calls that belong to the looks is made. */
static void forbid_looks(void)
{
	answer(SECCOMP_RET_KILL_PROCESS, SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_clock_gettime,
	       SYS_rt_sigpending);
}

/* Waits in vain, and then for an event. */
static void wait_twice(io_context_t ctx)
{
	for (int round = 0; round < 40; round++)
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &moment)), 0);
	for (int round = 0; round < 40; round++) {
		ask(ctx);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, round % 2 ? NULL : &minute)), 1);
		collected();
	}
}

/* Events that come during a wait are taken without the system call that waits. */
static void looks(io_context_t ctx)
{
	answer(SECCOMP_RET_ERRNO | EPERM, SYS_io_getevents, SYS_io_pgetevents, SYS_io_pgetevents_time64,
	       SYS_io_getevents);
	for (int seen = 0; seen < 30;) {
		ask(ctx);
		int count = io_getevents(ctx, 1, 1, events, NULL);
		seen += count == 1;
		/* The looks were over too early, or most waits do without. */
		while (count != 1)
			count = io_getevents(ctx, 1, 1, events, &at_once);
		collected();
	}
}

static void quiet(io_context_t ctx)
{
	forbid_looks();
	wait_twice(ctx);
}

/* With a mask only the kernel can say whether a signal is due. */
static void masked(io_context_t ctx)
{
	sigset_t none;

	sigemptyset(&none);
	forbid_looks();
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, &moment, &none)), 0);
	ask(ctx);
	EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 1, events, NULL, &none)), 1);
}

/* A context that the library does not know. */
static void foreign(io_context_t ctx)
{
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	ctx = NULL;
	EXPECT_EQ(syscall(SYS_io_setup, 4, &ctx), 0);
	quiet(ctx);
}

static void expect_mask(const sigset_t *before)
{
	sigset_t now;

	EXPECT_EQ(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	for (int signal = 1; signal < 65; signal++)
		EXPECT_EQ(sigismember(&now, signal), sigismember(before, signal));
}

/* A system before io_pgetevents, or a sandbox that does not know it. */
static void without(io_context_t ctx, unsigned answered)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	EXPECT_EQ(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
	answer(answered, SYS_io_pgetevents, SYS_io_pgetevents_time64, SYS_io_pgetevents, SYS_io_pgetevents);
	for (int round = 0; round < 3; round++) {
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &moment)), 0);
		expect_mask(&mask);
	}
	wait_twice(ctx);
	expect_mask(&mask);
}

static void refused(io_context_t ctx)
{
	without(ctx, SECCOMP_RET_ERRNO | EPERM);
}

static void missing(io_context_t ctx)
{
	without(ctx, SECCOMP_RET_ERRNO | ENOSYS);
}

/* A sandbox that knows the clock only as the C library reads it. */
static void without_clock(io_context_t ctx)
{
	answer(SECCOMP_RET_ERRNO | EPERM, SYS_clock_gettime, SYS_clock_gettime, SYS_clock_gettime, SYS_clock_gettime);
	wait_twice(ctx);
}

static void nothing_special(io_context_t ctx)
{
	wait_twice(ctx);
}

/* Each in a process of its own, with what the environment says there. */
static const struct run {
	void (*run)(io_context_t ctx);
	const char *spin, *reap;
} runs[] = {
	{ quiet, NULL, NULL },
	{ quiet, "", NULL },
	{ quiet, "0", NULL },
	{ quiet, "-5", NULL },
	{ quiet, "+5", NULL },
	{ quiet, " 5", NULL },
	{ quiet, "many", NULL },
	{ quiet, "50", "syscall" },
	{ masked, "50", NULL },
	{ foreign, "50", NULL },
	{ looks, "10000", NULL },
	{ looks, "99999999999999999999", NULL },
	{ looks, "9999us", NULL },
	{ nothing_special, "1", NULL },
	{ nothing_special, "50", NULL },
	{ nothing_special, "4294967296", NULL },
	{ refused, "50", NULL },
	{ missing, "50", NULL },
	{ without_clock, "50", NULL },
};

static void run(const struct run *this)
{
	io_context_t ctx = NULL;
	pthread_t thread;

	start_watchdog();
	eventfd_polled = eventfd(0, EFD_NONBLOCK);
	EXPECT(eventfd_polled >= 0);
	EXPECT_EQ(sem_init(&wanted, 0, 0), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, end_requests, NULL), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);
	/* From the second time on the library looks at the ring, and it knows the pages. */
	for (int round = 0; round < 4; round++) {
		make_events(ctx, 1, 1);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, round % 2 ? &moment : &at_once)), 1);
	}
	this->run(ctx);
}

int main(int argc, char **argv)
{
	char number[12];

	if (argc > 1) {
		run(&runs[atoi(argv[1])]);
		return 0;
	}
	int failed = 0;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		int status;
		pid_t child = fork();

		EXPECT(child >= 0);
		if (child == 0) {
			unsetenv("LIBAIO_SPIN");
			unsetenv("LIBAIO_REAP");
			if (runs[i].spin)
				EXPECT_EQ(setenv("LIBAIO_SPIN", runs[i].spin, 1), 0);
			if (runs[i].reap)
				EXPECT_EQ(setenv("LIBAIO_REAP", runs[i].reap, 1), 0);
			snprintf(number, sizeof(number), "%zu", i);
			execl("/proc/self/exe", argv[0], number, NULL);
			EXPECT_EQ(errno, 0);
		}
		EXPECT_EQ(waitpid(child, &status, 0), child);
		if (status != 0) {
			fprintf(stderr, "run %zu, LIBAIO_SPIN=%s: status %#x\n", i, runs[i].spin ? runs[i].spin : "(not set)",
				status);
			failed = 1;
		}
	}
	return failed;
}
