/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * States what the kernel's AIO does (docs/kernel-aio.md), as checks, and runs them on the library it finds.
 *
 * usage: conformance [-r | -R] [-e] [-v] [-s SECONDS] [-t FILE] [SECTION or part of a title...]
 *   -r  the library is the C one, with the kernel's AIO: the referee
 *   -R  the same, and Debian 13's
 *   -e  the contexts are not the kernel's: checks that only the kernel can meet may differ
 *       (LIBAIO_ENGINE=threads or LIBAIO_SUBMIT=async in the environment says the same)
 *   -v  a line for each check, and how long each group took
 *   -s  a group hangs when it takes this many seconds, if not before
 *   -t  write "section checks failed differing skipped" lines to FILE
 *
 * TMPDIR is where files are made; O_DIRECT should work there.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { RECORDS = 1000, USUAL_SECONDS = 30, SECTIONS = 40 };

struct record {
	char name[112];
	char reason[80]; /* of a skip, or why only the kernel can */
	const char *file;
	long long got, want;
	int line;
	enum { ORDINARY, KERNEL_ONLY, SKIPPED } kind;
};

/* Shared with the group's processes. */
static struct log {
	atomic_int count;
	char gave_up[200];
	struct record records[RECORDS];
} *seen;

static struct total {
	char section[8];
	int checks, failed, differ, skipped;
} totals[SECTIONS];
static int sections, verbose, longest, other_engine, reads_ring;

int on_referee, on_debian_13;
const char *not_inside, *starts_helper;
const char *directory, *self;

static const struct group *const tables[] = {
	setup_groups,  destroy_groups,   submit_groups,  transfer_groups, fsync_groups,   poll_groups,
	files_groups,  order_groups,     eventfd_groups, getevents_groups, timeout_groups, signal_groups,
	waiter_groups, cancel_groups,    ring_groups,    mapping_groups,  process_groups, thread_groups,
};

static struct record *new_record(void)
{
	int place = atomic_fetch_add(&seen->count, 1);

	EXPECT(place < RECORDS);
	return &seen->records[place];
}

void check_values(const char *only_kernel, const char *file, int line, long long got,
		  long long want, const char *name, ...)
{
	struct record *record = new_record();
	va_list arguments;

	va_start(arguments, name);
	vsnprintf(record->name, sizeof(record->name), name, arguments);
	va_end(arguments);
	snprintf(record->reason, sizeof(record->reason), "%s", only_kernel ? only_kernel : "");
	record->kind = only_kernel ? KERNEL_ONLY : ORDINARY;
	record->file = file;
	record->line = line;
	record->got = got;
	record->want = want;
}

void skip_check(const char *reason, const char *name, ...)
{
	struct record *record = new_record();
	va_list arguments;

	va_start(arguments, name);
	vsnprintf(record->name, sizeof(record->name), name, arguments);
	va_end(arguments);
	snprintf(record->reason, sizeof(record->reason), "%s", reason);
	record->kind = SKIPPED;
}

void give_up(const char *file, int line, const char *format, ...)
{
	int error = errno;
	char what[150];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(seen->gave_up, sizeof(seen->gave_up), "%s:%d: %s (errno %d)", file, line, what, error);
	_exit(99);
}

/* A value as a reader wants it: the name of an error, and where it showed. */
static const char *spell(long long value, char *text, size_t size)
{
	static const struct {
		int number;
		const char *name;
	} errors[] = {
		{ EPERM, "EPERM" },	  { EINTR, "EINTR" },	    { EBADF, "EBADF" },
		{ EAGAIN, "EAGAIN" },	  { ENOMEM, "ENOMEM" },	    { EFAULT, "EFAULT" },
		{ EINVAL, "EINVAL" },	  { EFBIG, "EFBIG" },	    { ESPIPE, "ESPIPE" },
		{ EPIPE, "EPIPE" },	  { ENOSYS, "ENOSYS" },	    { EOPNOTSUPP, "EOPNOTSUPP" },
		{ ENOTCONN, "ENOTCONN" }, { ECANCELED, "ECANCELED" }, { EINPROGRESS, "EINPROGRESS" },
		{ ENODEV, "ENODEV" },	  { EIO, "EIO" },	    { ENOSPC, "ENOSPC" },
	};
	const char *where = "";
	long long error = -value;

	if (value == NO_EVENT)
		return "no event";
	if (value == WRONG_EVENT)
		return "an event with wrong fields";
	if (value <= SYNC(0) && value > SYNC(4096)) {
		where = " from io_submit";
		error = SYNC(0) - value;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].number == error) {
			snprintf(text, size, "-%s%s", errors[i].name, where);
			return text;
		}
	}
	snprintf(text, size, "%lld%s", *where ? -error : value, where);
	return text;
}

static struct total *total_of(const char *section)
{
	for (int i = 0; i < sections; i++) {
		if (!strcmp(totals[i].section, section))
			return &totals[i];
	}
	EXPECT(sections < SECTIONS);
	snprintf(totals[sections].section, sizeof(totals[sections].section), "%s", section);
	return &totals[sections++];
}

/* Counts a group's checks, and prints those that tell something. */
static void book(const struct group *group)
{
	struct total *total = total_of(group->section);
	int count = seen->count < RECORDS ? seen->count : RECORDS;
	char got[40], want[40];

	for (int i = 0; i < count; i++) {
		const struct record *r = &seen->records[i];
		const char *said = NULL;

		if (r->kind == SKIPPED) {
			total->skipped++;
			printf("skip %s %s: %s: %s\n", group->section, group->title, r->name,
			       r->reason);
			continue;
		}
		total->checks++;
		if (r->got != r->want && r->kind == KERNEL_ONLY && other_engine) {
			total->differ++;
			said = "differs";
		} else if (r->got != r->want) {
			total->failed++;
			said = "FAIL";
		} else if (verbose) {
			said = "ok";
		}
		if (said)
			printf("%s %s %s: %s: expected %s, got %s%s%s (%s:%d)\n", said,
			       group->section, group->title, r->name,
			       spell(r->want, want, sizeof(want)), spell(r->got, got, sizeof(got)),
			       r->kind == KERNEL_ONLY ? "; only the kernel's: " : "", r->reason,
			       r->file, r->line);
	}
}

/* The group as a whole failed: it hung, crashed, or could not prepare. */
static void book_end(const struct group *group, int status, int hung)
{
	struct total *total = total_of(group->section);
	int count = seen->count < RECORDS ? seen->count : RECORDS;
	char how[300];

	if (hung)
		snprintf(how, sizeof(how), "hung, and was killed");
	else if (*seen->gave_up)
		snprintf(how, sizeof(how), "gave up, %s", seen->gave_up);
	else if (WIFSIGNALED(status) && group->may_crash && reads_ring) {
		total->checks++;
		total->differ++;
		printf("differs %s %s: died of signal %d: %s\n", group->section, group->title,
		       WTERMSIG(status), group->may_crash);
		return;
	} else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "died of signal %d", WTERMSIG(status));
	else if (status)
		snprintf(how, sizeof(how), "left with status %d", WEXITSTATUS(status));
	else if (count == 0)
		snprintf(how, sizeof(how), "checked nothing");
	else
		return;
	total->checks++;
	total->failed++;
	printf("FAIL %s %s: %s; the last check was: %s\n", group->section, group->title, how,
	       count ? seen->records[count - 1].name : "none");
}

static void alarmed(int number)
{
	(void)number;
}

static void run(const struct group *group)
{
	unsigned seconds = group->seconds ? group->seconds : USUAL_SECONDS;
	int status = 0, hung = 0;

	if (longest > 0 && seconds > (unsigned)longest)
		seconds = (unsigned)longest;
	memset(seen, 0, sizeof(*seen));
	fflush(stdout);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		/* Its own processes too can be killed as a group, and none outlives us. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGALRM, SIG_DFL);
		group->run();
		exit(0);
	}
	setpgid(child, child);
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	alarm(seconds);
	while (waitpid(child, &status, 0) != child) {
		hung = 1;
		kill(-child, SIGKILL);
	}
	alarm(0);
	kill(-child, SIGKILL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (verbose)
		printf("group %s %s: %.3f s\n", group->section, group->title,
		       (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
	book(group);
	book_end(group, status, hung);
}

static int wanted(const struct group *group, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++) {
		if (!strcmp(group->section, *names) || strstr(group->title, *names))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *engine = getenv("LIBAIO_ENGINE"), *waits = getenv("LIBAIO_SUBMIT"), *totals_file = NULL;
	struct sigaction action = { .sa_handler = alarmed };
	struct total all = { .section = "all" };
	int option;

	if (argc == 3 && !strcmp(argv[1], "--after-exec"))
		return after_exec(argv[2]);
	other_engine = engine && !strncmp(engine, "threads", 7);
	if (waits && !strcmp(waits, "async")) {
		other_engine = 1;
		not_inside = "with LIBAIO_SUBMIT=async helpers do it, not io_submit";
		starts_helper = "with LIBAIO_SUBMIT=async io_setup starts a helper";
	}
	while ((option = getopt(argc, argv, "rRevs:t:")) != -1) {
		switch (option) {
		case 'r':
			on_referee = 1;
			break;
		case 'R':
			on_referee = on_debian_13 = 1;
			break;
		case 'e':
			other_engine = 1;
			break;
		case 'v':
			verbose = 1;
			break;
		case 's':
			longest = atoi(optarg);
			break;
		case 't':
			totals_file = optarg;
			break;
		default:
			fprintf(stderr, "usage: %s [-r | -R] [-e] [-v] [-s SECONDS] [-t FILE] [SECTION...]\n", *argv);
			return 2;
		}
	}
	const char *reap = getenv("LIBAIO_REAP");
	reads_ring = !on_referee && (other_engine || !reap || strcmp(reap, "syscall"));
	static char path[PATH_MAX];
	self = realpath("/proc/self/exe", path);
	directory = getenv("TMPDIR") ? getenv("TMPDIR") : ".";
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!self || seen == MAP_FAILED || sigaction(SIGALRM, &action, NULL) != 0) {
		perror("conformance");
		return 2;
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (const struct group *group = tables[i]; group->title; group++) {
			if (wanted(group, argv + optind))
				run(group);
		}
	}

	FILE *file = totals_file ? fopen(totals_file, "w") : NULL;
	if (totals_file && !file) {
		perror(totals_file);
		return 2;
	}
	for (int i = 0; i < sections; i++) {
		struct total *t = &totals[i];

		if (file)
			fprintf(file, "%s %d %d %d %d\n", t->section, t->checks, t->failed, t->differ,
				t->skipped);
		printf("section %s: %d checks, %d failed, %d that may differ and do, %d skipped\n",
		       t->section, t->checks, t->failed, t->differ, t->skipped);
		all.checks += t->checks;
		all.failed += t->failed;
		all.differ += t->differ;
		all.skipped += t->skipped;
	}
	if (file && fclose(file) != 0) {
		perror(totals_file);
		return 2;
	}
	printf("all: %d checks, %d failed, %d that may differ and do, %d skipped\n", all.checks,
	       all.failed, all.differ, all.skipped);
	return all.failed || !all.checks ? 1 : 0;
}
