/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes contexts and keeps them until its standard input ends, so that aioinfo can be asked about them.
 *
 * usage: holder CONTEXTS NR UNREAPED [WAY]
 *
 * The first context gets UNREAPED events that nobody takes. Then a line "ready PID ADDRESS..." is printed, with the first
 * context's address, as the program has it. WAY:
 *
 * fork     a child does nothing but have the memory; its PID follows
 * orphan   the same, and then the parent destroys the contexts
 * share    a child that shares the memory; its PID follows
 * protect  one page of the first ring cannot be read any more
 * unmap    the first ring is unmapped
 * cut      the end of the first ring is unmapped
 * boast    its header says that it has more slots
 * headless the first thread ends, and another one stays
 * poll     a poll is in flight
 * claim    head is larger by the number of slots, as while a reaper claims events
 *
 * With -DRAW it makes the system calls itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <libaio.h>

#ifdef RAW
#define io_setup(nr, context) (syscall(SYS_io_setup, nr, context) ? -errno : 0)
#define io_submit(context, nr, list) syscall(SYS_io_submit, context, (long)(nr), list)
#define io_destroy(context) (syscall(SYS_io_destroy, context) ? -errno : 0)
#endif

static void fail(const char *what, int error)
{
	fprintf(stderr, "holder: %s: %s\n", what, strerror(error));
	exit(1);
}

/* Goes on as long as the parent's input is open. */
static int stay(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return 0;
}

/* Until the input ends. The end of the process destroys all contexts at once. */
static void *wait_for_the_end(void *child)
{
	char byte;

	while (read(0, &byte, 1) > 0)
		continue;
	if (child)
		kill(*(int *)child, SIGKILL);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: %s CONTEXTS NR UNREAPED [WAY]\n", *argv);
		return 2;
	}
	int contexts = atoi(argv[1]), nr = atoi(argv[2]), unreaped = atoi(argv[3]);
	const char *way = argc > 4 ? argv[4] : "";
	io_context_t *all = calloc(contexts, sizeof(*all));
	long page = sysconf(_SC_PAGESIZE);

	for (int i = 0; i < contexts; i++) {
		int error = io_setup(nr, &all[i]);
		if (error)
			fail("io_setup", -error);
	}

	/* Shared memory at two addresses, as a ring of the threads engine is, and no ring. */
	char *decoy = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (decoy == MAP_FAILED)
		fail("mmap", errno);
	/* Under qemu-user it fails. */
	mremap(decoy, 0, 2 * page, MREMAP_MAYMOVE);
	strcpy(decoy, "no ring");

	int null = open("/dev/null", O_WRONLY);
	for (int i = 0; i < unreaped; i++) {
		struct iocb iocb, *list[] = { &iocb };
		io_prep_pwrite(&iocb, null, "x", 1, 0);
		if (io_submit(all[0], 1, list) != 1)
			fail("io_submit", EAGAIN);
	}

	int child = 0;
	unsigned *ring = (unsigned *)all[0];
	if (strcmp(way, "fork") == 0 || strcmp(way, "orphan") == 0) {
		child = fork();
		if (child == 0)
			stay(NULL);
		if (*way == 'o') {
			for (int i = 0; i < contexts; i++)
				io_destroy(all[i]);
		}
	} else if (strcmp(way, "share") == 0) {
		char *stack = malloc(65536);
		child = clone(stay, stack + 65536, CLONE_VM | SIGCHLD, NULL);
	} else if (strcmp(way, "protect") == 0) {
		if (mprotect((char *)ring, page, PROT_NONE))
			fail("mprotect", errno);
	} else if (strcmp(way, "unmap") == 0) {
		unsigned slots = ring[1];
		if (munmap(ring, 32 + 32 * (size_t)slots))
			fail("munmap", errno);
	} else if (strcmp(way, "cut") == 0) {
		if (munmap((char *)ring + page, 32 + 32 * (size_t)ring[1] - page))
			fail("munmap", errno);
	} else if (strcmp(way, "boast") == 0) {
		/* A whole number of pages. */
		ring[1] += 1 << 20;
	} else if (strcmp(way, "poll") == 0) {
		static struct iocb iocb, *list[] = { &iocb };
		int ends[2];
		if (pipe(ends))
			fail("pipe", errno);
		io_prep_poll(&iocb, ends[0], POLLIN);
		if (io_submit(all[0], 1, list) != 1)
			fail("io_submit of a poll", EAGAIN);
	} else if (strcmp(way, "claim") == 0) {
		ring[2] += ring[1];
	} else if (*way && strcmp(way, "headless") != 0) {
		fail(way, EINVAL);
	}
	if (child < 0)
		fail(way, errno);

	printf("ready %d %p", child ? child : getpid(), (void *)all[0]);
	printf("\n");
	fflush(stdout);
	if (strcmp(way, "headless") == 0) {
		pthread_t other;

		if (pthread_create(&other, NULL, wait_for_the_end, NULL))
			fail("pthread_create", EAGAIN);
		pthread_exit(NULL);
	}
	wait_for_the_end(child ? &child : NULL);
}
