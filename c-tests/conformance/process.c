/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fork, vfork, exec, and the end of a process. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

/* The status of a child that leaves with this code. */
static int status_of(pid_t child)
{
	int status;

	EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* What a child may not do with its parent's context, and what it may do of its own. */
static void in_child(io_context_t ctx, struct request *in_flight, int pipe)
{
	struct io_event e[8];
	struct timespec at_once = { 0, 0 }, tick = { 0, 1000 };
	sigset_t none;
	struct request r = request(IO_CMD_PWRITE, open_kind(NULL_DEVICE), "abc", 3, 0);

	sigemptyset(&none);
	CHECK(kernel_getevents(ctx, 1, 8, e, &tick), -EINVAL, "child: io_getevents");
	CHECK(kernel_getevents(ctx, 0, 8, e, &at_once), -EINVAL, "child: io_getevents at once");
	CHECK(kernel_getevents(ctx, 0, 8, e, NULL), -EINVAL, "child: io_getevents, min 0");
	CHECK(kernel_getevents(ctx, 0, 0, NULL, NULL), -EINVAL, "child: io_getevents, nr 0");
	CHECK(kernel_pgetevents(ctx, 0, 8, e, &at_once, &none), -EINVAL, "child: io_pgetevents");
	CHECK(submit(ctx, &r), -EINVAL, "child: io_submit");
	CHECK(AIO(io_submit(ctx, 0, NULL)), -EINVAL, "child: io_submit, nr 0");
	CHECK(AIO(io_cancel(ctx, iocb(in_flight), NULL)), -EINVAL, "child: io_cancel");
	CHECK(AIO(io_destroy(ctx)), -EINVAL, "child: io_destroy");

	io_context_t own = NULL;
	CHECK(AIO(io_setup(8, &own)), 0, "child: a context of its own");
	CHECK(outcome(own, &r), 3, "child: a write");
	struct request poll = poll_request(pipe, POLLIN);
	CHECK(submit(own, &poll), 1, "child: a poll");
	CHECK(get(own, 1, 1, e, 0.01), 0, "child: its timeout");
	CHECK(AIO(io_cancel(own, iocb(&poll), NULL)), -EINPROGRESS, "child: io_cancel of its own");
	CHECK(event_of(own, &poll), 0, "child: its event");
	int fd = open_kind(DIRECT);
	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "child: an O_DIRECT read");
	} else {
		struct request read = request(IO_CMD_PREAD, fd, before_hole(1), PAGE, 0);
		CHECK(outcome(own, &read), PAGE, "child: an O_DIRECT read");
	}
	CHECK(AIO(io_destroy(own)), 0, "child: io_destroy of its own");
	CHECK(AIO(io_submit(ctx, 0, NULL)), -EINVAL, "child: the parent's context afterwards");
}

static void forked(void)
{
	io_context_t ctx = context(16);
	struct io_event e[8];
	int pipes[2], fd = open_kind(DIRECT);
	char *bytes = before_hole(2);

	EXPECT(pipe(pipes) == 0);
	/* Whatever an engine starts, it has started. */
	struct request one = request(IO_CMD_PREAD, fd, bytes, PAGE, 0);
	if (fd >= 0)
		CHECK(outcome(ctx, &one), PAGE, "an O_DIRECT read before fork");
	struct request wait = poll_request(pipes[0], POLLIN);
	EXPECT(submit(ctx, &wait) == 1);
	make_events(ctx, 10, 3);
	unsigned head = ring_of(ctx)->head, tail = ring_of(ctx)->tail;
	pid_t child = fork();
	if (child == 0) {
		in_child(ctx, &wait, pipes[0]);
		exit(0);
	}
	CHECK(status_of(child), 0, "the child leaves");
	CHECK(ring_of(ctx)->head, head, "parent: head has not moved");
	CHECK(ring_of(ctx)->tail, tail, "parent: tail has not moved");
	CHECK(get_now(ctx, 8, e), 3, "parent: its events are there");
	CHECK(made(e, 10, 3), 3, "parent: and right");
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(event_of(ctx, &wait) & POLLIN, POLLIN, "parent: its poll completes");
	make_events(ctx, 20, 2);
	CHECK(get_now(ctx, 8, e) == 2 && made(e, 20, 2) == 2, 1, "parent: it goes on working");
	if (fd >= 0)
		CHECK(outcome(ctx, &one), PAGE, "parent: an O_DIRECT read");

	/* Many requests in flight when it forks. */
	enum { READS = 12 };
	if (fd >= 0) {
		struct request r[READS];
		struct iocb *list[READS];
		/* A place for each: btrfs checks the sum of what it has read, there. */
		char *places = aligned_alloc(PAGE, READS * PAGE);
		int right = 0;

		EXPECT(places != NULL);
		for (int i = 0; i < READS; i++) {
			r[i] = request(IO_CMD_PREAD, fd, places + i * PAGE, PAGE, i * PAGE);
			list[i] = iocb(&r[i]);
		}
		EXPECT(AIO(io_submit(ctx, READS, list)) == READS);
		child = fork();
		if (child == 0)
			_exit(0);
		CHECK(status_of(child), 0, "a child forked with reads in flight");
		while (right < READS && get(ctx, 1, 1, e, PATIENCE) == 1 && e->res == PAGE)
			right++;
		CHECK(right, READS, "parent: all reads complete");
	}

	/* The parent's end of the context, seen by the child. */
	int go[2];
	EXPECT(pipe(go) == 0);
	child = fork();
	if (child == 0) {
		char byte;
		close(go[1]);
		EXPECT(read(go[0], &byte, 1) == 0);
		CHECK(AIO(io_destroy(ctx)), -EINVAL, "child: io_destroy after the parent's");
		_exit(0);
	}
	CHECK(AIO(io_destroy(ctx)), 0, "parent: io_destroy while a child lives");
	close(go[1]);
	CHECK(status_of(child), 0, "the child leaves");
}

static io_context_t shared_context;

static int with_same_memory(void *nothing)
{
	struct io_event e[8];

	(void)nothing;
	if (get(shared_context, 1, 2, e, 0) != 2 || made(e, 10, 2) != 2)
		return 1;
	if (AIO(io_getevents(shared_context, 1, 1, e, NULL)) != 1 || made(e, 12, 1) != 1)
		return 2;
	make_events(shared_context, 20, 2);
	io_context_t own = context(8);
	make_events(own, 30, 1);
	if (get(own, 1, 1, e, PATIENCE) != 1 || made(e, 30, 1) != 1)
		return 3;
	return 0;
}

static void same_memory(void)
{
	struct io_event e[8];
	static const struct {
		const char *name;
		int flags;
	} rows[] = { { "vfork", CLONE_VM | CLONE_VFORK | SIGCHLD },
		     { "clone(CLONE_VM)", CLONE_VM | SIGCHLD } };

	for (size_t i = 0; i < 2; i++) {
		char *stack = before_hole(64);

		shared_context = context(16);
		make_events(shared_context, 10, 4);
		/* vfork with a function of its own. */
		pid_t child = clone(with_same_memory, stack + 64 * PAGE, rows[i].flags, NULL);
		CHECK(status_of(child), 0, "%s: the child uses the context", rows[i].name);
		CHECK(get_now(shared_context, 8, e), 3, "%s: the parent finds the rest",
		      rows[i].name);
		CHECK(made(e, 13, 1) + made(e + 1, 20, 2), 3, "%s: and what the child added",
		      rows[i].name);
		make_events(shared_context, 40, 1);
		CHECK(get_now(shared_context, 8, e) == 1 && made(e, 40, 1), 1,
		      "%s: it goes on working", rows[i].name);
	}
}

int after_exec(const char *text)
{
	io_context_t ctx = (io_context_t)strtoul(text, NULL, 16);
	long destroyed = io_destroy(ctx), submitted = io_submit(ctx, 0, NULL);

	ctx = NULL;
	long made_own = io_setup(4, &ctx);
	return destroyed == -EINVAL && submitted == -EINVAL && made_own == 0 ? 0 : 1;
}

static void execs(void)
{
	int fds[2];

	EXPECT(pipe2(fds, O_CLOEXEC) == 0);
	for (int i = 0; i < 2; i++) {
		pid_t child = fork();

		if (child == 0) {
			io_context_t ctx = context(8);
			struct request wait = poll_request(fds[0], POLLIN);
			char text[32];

			if (i == 1 && submit(ctx, &wait) != 1)
				_exit(2);
			make_events(ctx, 1, 2);
			snprintf(text, sizeof(text), "%lx", (unsigned long)ctx);
			execl(self, self, "--after-exec", text, (char *)NULL);
			_exit(3);
		}
		CHECK(status_of(child), 0, "exec: the context is gone, a new one works%s",
		      i ? ", a poll was in flight" : "");
	}
}

#define QUEUED "what an engine has queued ends with the process"
#define POLLER "an engine's poller stays as long as there is a poll in flight"

/* 16 O_DIRECT writes in flight when the process ends; the file is looked at afterwards. */
static void ends(void)
{
	enum { WRITES = 16, BYTES = 8 * PAGE };
	static const char *const ways[] = { "exit", "_exit", "SIGKILL", "exec" };
	char *bytes = before_hole(8), *back = before_hole(8);

	memset(bytes, 0xd3, BYTES);
	for (int way = 0; way < 4; way++) {
		int fd = new_file(O_DIRECT), right = 0;

		if (fd < 0) {
			SKIP_CHECK("no O_DIRECT here", "%s", ways[way]);
			continue;
		}
		/* Space that exists: these writes do not wait inside io_submit. */
		for (int i = 0; i < WRITES; i++)
			EXPECT(pwrite(fd, back, BYTES, (off_t)i * BYTES) == BYTES);
		memset(back, 0, BYTES);
		pid_t child = fork();
		if (child == 0) {
			io_context_t ctx = context(WRITES);
			struct request r[WRITES];
			struct iocb *list[WRITES];

			for (int i = 0; i < WRITES; i++) {
				r[i] = request(IO_CMD_PWRITE, fd, bytes, BYTES, (int64_t)i * BYTES);
				list[i] = iocb(&r[i]);
			}
			if (AIO(io_submit(ctx, WRITES, list)) != WRITES)
				_exit(1);
			if (way == 0)
				exit(0);
			if (way == 1)
				_exit(0);
			if (way == 2)
				kill(getpid(), SIGKILL);
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		CHECK(status_of(child), way == 2 ? 1000 + SIGKILL : 0, "%s: the process ends",
		      ways[way]);
		for (int i = 0; i < WRITES; i++)
			right += pread(fd, back, BYTES, (off_t)i * BYTES) == BYTES &&
				 memcmp(back, bytes, BYTES) == 0;
		if (way == 0)
			CHECK(right, WRITES, "%s: all writes in flight are done", ways[way]);
		else
			CHECK_KERNEL_ONLY(QUEUED, right, WRITES,
					  "%s: all writes in flight are done", ways[way]);
		memset(back, 0, BYTES);
	}
	/* Buffered writes are done inside io_submit, so nothing can be lost. */
	int fd = new_file(0), right = 0;
	EXPECT(fd >= 0);
	pid_t child = fork();
	if (child == 0) {
		io_context_t ctx = context(WRITES);

		for (int i = 0; i < WRITES; i++) {
			struct request r = request(IO_CMD_PWRITE, fd, bytes, BYTES, (int64_t)i * BYTES);
			if (submit(ctx, &r) != 1)
				_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	CHECK(status_of(child), 1000 + SIGKILL, "SIGKILL after buffered writes");
	for (int i = 0; i < WRITES; i++)
		right += pread(fd, back, BYTES, (off_t)i * BYTES) == BYTES &&
			 memcmp(back, bytes, BYTES) == 0;
	CHECK_INSIDE(right, WRITES, "all are done");
}

/* Threads of the library, if it has any, do not keep the process. */
static void *last_thread(void *argument)
{
	io_context_t ctx = *(io_context_t *)argument;
	struct io_event event;

	pause_for(0.02);
	make_events(ctx, 1, 1);
	return (void *)(get_now(ctx, 1, &event) == 1 ? NULL : argument);
}

static void main_thread_leaves(int poll_in_flight)
{
	pid_t child = fork();
	static io_context_t ctx;

	if (child == 0) {
		pthread_t thread;
		int fd = open_kind(DIRECT), pipes[2];
		struct request read = request(IO_CMD_PREAD, fd, before_hole(1), PAGE, 0);

		ctx = context(8);
		EXPECT(pipe(pipes) == 0);
		static struct request wait;
		wait = poll_request(pipes[0], POLLIN);
		if (fd >= 0 && outcome(ctx, &read) != PAGE)
			_exit(1);
		if (poll_in_flight && submit(ctx, &wait) != 1)
			_exit(2);
		EXPECT(pthread_create(&thread, NULL, last_thread, &ctx) == 0);
		pthread_detach(thread);
		pthread_exit(NULL);
	}
	int status = 0;
	double start = now();
	pid_t gone = 0;
	while (gone == 0 && now() - start < 15) {
		gone = waitpid(child, &status, WNOHANG);
		pause_for(0.002);
	}
	if (poll_in_flight) {
		CHECK_KERNEL_ONLY(POLLER, gone == child, 1, "a process ends when the program's last thread does");
		if (!gone)
			return;
	} else {
		CHECK(gone == child, 1, "a process ends when the program's last thread does");
	}
	CHECK(WIFEXITED(status) ? WEXITSTATUS(status) : 1000, 0, "with status 0");
}

static void leaves_idle_context(void)
{
	main_thread_leaves(0);
}

static void leaves_poll_in_flight(void)
{
	main_thread_leaves(1);
}

/* Some programs become their own user namespace; only a process with one thread can. */
static void own_namespace(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWUSER) != 0);
	if (status_of(child) != 0) {
		SKIP_CHECK("no user namespaces here", "unshare(CLONE_NEWUSER)");
		return;
	}
	child = fork();
	if (child == 0) {
		io_context_t ctx = context(8);
		int fd = open_kind(DIRECT);
		struct request read = request(IO_CMD_PREAD, fd, before_hole(1), PAGE, 0);
		double start = now();

		if (fd >= 0 && outcome(ctx, &read) != PAGE)
			_exit(1);
		/* Threads of the library, if it has any, may take a while to leave. */
		while (unshare(CLONE_NEWUSER) != 0) {
			if (now() - start > 15)
				_exit(2);
			pause_for(0.05);
		}
		make_events(ctx, 1, 1);
		_exit(0);
	}
	CHECK(status_of(child), 0, "unshare(CLONE_NEWUSER) in a process with an idle context");
}

const struct group process_groups[] = {
	{ "4.6", "process: fork", forked, 0, NULL },
	{ "4.6", "process: vfork", same_memory, 0, NULL },
	{ "4.6", "process: exec", execs, 0, NULL },
	{ "4.6", "process: end", ends, 0, NULL },
	{ "8", "process: the main thread leaves", leaves_idle_context, 0, NULL },
	{ "8", "process: the main thread leaves, a poll in flight", leaves_poll_in_flight, 0, NULL },
	{ "8", "process: user namespace", own_namespace, 0, NULL },
	{ 0 },
};
