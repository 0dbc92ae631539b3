/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal at every instruction: the processor's trap flag raises SIGTRAP after each one, and at a chosen
 * one the handler sends this thread SIGUSR1, whose handler acts: there, or as soon as the library blocks
 * it no more. So no window is too small to be met, and every run is the same.
 */
#ifndef STEP_H
#define STEP_H

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "../harness/expect.h"

#if defined(__x86_64__) || defined(__i386__)
#define CAN_STEP 1
enum { TRAP_FLAG = 0x100 };
#if defined(__x86_64__)
/* Below the stack pointer lie 128 bytes that belong to the function. */
#define CHANGE_FLAGS(change) \
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; " change " (%%rsp); popfq; lea 128(%%rsp), %%rsp" \
			 ::: "memory", "cc")
#else
#define CHANGE_FLAGS(change) __asm__ volatile("pushfl; " change " (%%esp); popfl" ::: "memory", "cc")
#endif
#else
#define CAN_STEP 0
#endif

/* How many instructions of this thread until the handler acts; 0: no more. An action may set it again. */
static __thread volatile long steps_left;
static __thread void (*step_action)(void);
/* The instruction that comes next, for the action to look at. */
static __thread const unsigned char *next_instruction;

#if CAN_STEP
static void trapped(int number)
{
	int before = errno;

	(void)number;
	if (steps_left > 0 && --steps_left == 0)
		EXPECT(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1) == 0);
	errno = before;
}

static void act(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number;
	(void)info;
#if defined(__x86_64__)
	next_instruction = (const unsigned char *)registers[REG_RIP];
#else
	next_instruction = (const unsigned char *)registers[REG_EIP];
#endif
	step_action();
	if (steps_left == 0)
		registers[REG_EFL] &= ~TRAP_FLAG;
}
#endif

static inline void prepare_steps(void)
{
#if CAN_STEP
	/* The action may have to be reached once more, from within itself. */
	struct sigaction trap = { .sa_handler = trapped };
	struct sigaction action = { .sa_sigaction = act, .sa_flags = SA_SIGINFO | SA_NODEFER };

	/* Not in the handler of the trap, but where that was. */
	sigaddset(&trap.sa_mask, SIGUSR1);
	EXPECT(sigaction(SIGTRAP, &trap, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
#else
	SKIP("single-stepping is written for x86 only");
#endif
}

/* From here, `action` is called in a handler after `steps` instructions. */
static inline __attribute__((always_inline)) void step(long steps, void (*action)(void))
{
	/* Steps take as long as the machine is busy; a program without a next one for so long hangs. */
	alarm(120);
	step_action = action;
	steps_left = steps;
#if CAN_STEP
	CHANGE_FLAGS("orl $0x100,");
#endif
}

/* Ends it. Gives whether the action was due before. */
static inline __attribute__((always_inline)) int stepped(void)
{
#if CAN_STEP
	CHANGE_FLAGS("andl $0xfffffeff,");
#endif
	int due = steps_left == 0;
	steps_left = 0;
	return due;
}

#endif
