/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs the facts of a suite, which state what an interface does, on the library it finds.
 *
 * usage: PROGRAM [-g] [-v] [-s SECONDS] [-t FILE] [-l LIBRARY] [-a LIBAIO] [SUBJECT or part of a title...]
 *   -g  the library is glibc, where that is the referee: facts marked as better are expected to fail, and those marked as chance may
 *   -v  a line for each check, and how long each fact took
 *   -s  a fact hangs when it takes this many seconds, if not before
 *   -t  write "subject|title|verdict" lines to FILE
 *   -l  the file that must have all functions: nothing runs where they come from elsewhere. "" is this program
 *   -a  the file of libaio that must be mapped, or "none"
 *
 * TMPDIR is where files are made; O_DIRECT should work there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "check.h"

enum { RECORDS = 400, USUAL_SECONDS = 30, GLIBC_SECONDS = 8 };

struct record {
	char name[112], file[24];
	long long got, want;
	int line;
};

/* Shared with the fact's processes. */
static struct log {
	atomic_int count;
	char gave_up[200], skipped[120];
	struct record records[RECORDS];
} *seen;

static struct total {
	int facts, hold, failed, expected, unexpected, skipped;
} total;
static int verbose, longest, nothing;
static FILE *verdicts;

int on_glibc;
double patience = 10;
const char *library, *directory, *self;

void check_values(const char *file, int line, long long got, long long want, const char *name, ...)
{
	int place = atomic_fetch_add(&seen->count, 1);
	va_list arguments;

	EXPECT(place < RECORDS);
	struct record *record = &seen->records[place];
	va_start(arguments, name);
	vsnprintf(record->name, sizeof(record->name), name, arguments);
	va_end(arguments);
	snprintf(record->file, sizeof(record->file), "%s", basename(file));
	record->line = line;
	record->got = got;
	record->want = want;
}

void skip_fact(const char *reason, ...)
{
	va_list arguments;

	va_start(arguments, reason);
	vsnprintf(seen->skipped, sizeof(seen->skipped), reason, arguments);
	va_end(arguments);
	_exit(0);
}

void give_up(const char *file, int line, const char *format, ...)
{
	int error = errno;
	char what[150];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (!seen) {
		fprintf(stderr, "%s:%d: %s (errno %d)\n", file, line, what, error);
		_exit(99);
	}
	snprintf(seen->gave_up, sizeof(seen->gave_up), "%s:%d: %s (errno %d)", file, line, what, error);
	_exit(99);
}

/* A value as a reader wants it: the name of an error, and where it showed. */
static const char *spell(long long value, char *text, size_t size)
{
	const char *where = "", *name;
	long long error = -value;

	if (value == -3000000)
		return "an error, and the value is not -1";
	if (value <= -1000000 && value > -1004096) {
		where = " from the call";
		error = -1000000 - value;
	}
	name = error > 1 && error < 200 ? strerrorname_np((int)error) : NULL;
	if (name)
		snprintf(text, size, "-%s%s", name, where);
	else
		snprintf(text, size, "%lld%s", *where ? -error : value, where);
	return text;
}

/* Books the fact's end, and prints what tells something. */
static void book(const struct fact *fact, int status, int hung)
{
	int count = seen->count < RECORDS ? seen->count : RECORDS, bad = 0;
	int expected = on_glibc && fact->mark != SAME;
	char got[40], want[40], how[300] = "";
	const char *verdict;

	if (*seen->skipped && !hung) {
		total.skipped++;
		printf("skip %s: %s: %s\n", fact->subject, fact->title, seen->skipped);
		fprintf(verdicts, "%s|%s|skipped\n", fact->subject, fact->title);
		return;
	}
	if (hung)
		snprintf(how, sizeof(how), "hung, and was killed");
	else if (*seen->gave_up)
		snprintf(how, sizeof(how), "gave up, %s", seen->gave_up);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "died of signal %d", WTERMSIG(status));
	else if (status)
		snprintf(how, sizeof(how), "left with status %d", WEXITSTATUS(status));
	else if (count == 0)
		snprintf(how, sizeof(how), "checked nothing");
	for (int i = 0; i < count; i++)
		bad += seen->records[i].got != seen->records[i].want;
	total.facts++;
	if (bad || *how)
		verdict = expected ? "expected" : "FAIL";
	else
		verdict = on_glibc && fact->mark == BETTER ? "unexpected" : "holds";
	total.hold += !bad && !*how;
	total.failed += *verdict == 'F';
	total.expected += !strcmp(verdict, "expected");
	total.unexpected += *verdict == 'u';
	fprintf(verdicts, "%s|%s|%s\n", fact->subject, fact->title, verdict);
	if (*verdict == 'u')
		printf("unexpected: %s: %s: holds, though it is marked as one that glibc fails\n", fact->subject,
		       fact->title);
	for (int i = 0; i < count; i++) {
		const struct record *r = &seen->records[i];

		if (r->got == r->want ? !verbose : expected && !verbose)
			continue;
		printf("%s %s: %s: %s: wanted %s, got %s (%s:%d)\n", r->got == r->want ? "ok" : verdict, fact->subject,
		       fact->title, r->name, spell(r->want, want, sizeof(want)), spell(r->got, got, sizeof(got)),
		       r->file, r->line);
	}
	if (*how && (!expected || verbose))
		printf("%s %s: %s: %s; the last check was: %s\n", verdict, fact->subject, fact->title, how,
		       count ? seen->records[count - 1].name : "none");
}

static void alarmed(int number)
{
	(void)number;
}

/* Starts this program anew with --fact, and the log as descriptor 3. */
static void run(const struct fact *fact, int table, int place, int log, char **argv)
{
	unsigned seconds = fact->seconds ? fact->seconds : USUAL_SECONDS;
	int status = 0, hung = 0, expected = on_glibc && fact->mark != SAME;
	char number[40], how[24];
	double begin = now();

	if (longest > 0 && seconds > (unsigned)longest)
		seconds = (unsigned)longest;
	/* What fails anyway need not take long. */
	if (expected && seconds > GLIBC_SECONDS)
		seconds = GLIBC_SECONDS;
	memset(seen, 0, sizeof(*seen));
	fflush(stdout);
	snprintf(number, sizeof(number), "%d.%d", table, place);
	/* What should come is waited for half that long, at most. */
	snprintf(how, sizeof(how), "%d.%d", on_glibc, expected ? 2 : longest > 1 && longest < 20 ? longest / 2 : 10);
	pid_t child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		/* Its own processes too can be killed as a group, and none outlives us. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGALRM, SIG_DFL);
		/* glibc's last words before abort. */
		if (expected && !verbose)
			dup2(nothing, 2);
		dup2(log, 3);
		if (log != 3)
			close(log);
		execl(self, *argv, "--fact", number, how, library ? library : "?", (char *)NULL);
		_exit(97);
	}
	setpgid(child, child);
	alarm(seconds);
	while (waitpid(child, &status, 0) != child) {
		hung = 1;
		kill(-child, SIGKILL);
	}
	alarm(0);
	kill(-child, SIGKILL);
	if (verbose)
		printf("fact %s: %s: %.3f s\n", fact->subject, fact->title, now() - begin);
	book(fact, status, hung);
}

static struct log *map_log(int fd)
{
	struct log *log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return log == MAP_FAILED ? NULL : log;
}

/* One fact, in the process that is its own. */
static int run_one(char **argv)
{
	int table = 0, place = 0, seconds = 10;

	seen = map_log(3);
	if (!seen)
		return 96;
	close(3);
	if (sscanf(argv[2], "%d.%d", &table, &place) != 2 || sscanf(argv[3], "%d.%d", &on_glibc, &seconds) != 2)
		return 95;
	patience = seconds;
	library = strcmp(argv[4], "?") ? argv[4] : NULL;
	tables[table][place].run();
	return 0;
}

static int wanted(const struct fact *fact, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++) {
		if (!strcmp(fact->subject, *names) || strstr(fact->title, *names))
			return 1;
	}
	return 0;
}

/* Whether a file of libaio is mapped, and whether it is this one. */
static int libaio_is(const char *expected)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_MAX + 100], real[PATH_MAX] = "";
	int found = 0, right = 0;

	if (strcmp(expected, "none") && !realpath(expected, real))
		perror(expected);
	while (maps && fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/');
		if (!path || !strstr(path, "/libaio.so"))
			continue;
		path[strcspn(path, "\n")] = 0;
		right += !strcmp(path, real);
		if (!found++)
			printf("libaio: %s\n", path);
	}
	if (maps)
		fclose(maps);
	return strcmp(expected, "none") ? found && found == right : !found;
}

/* Whether the functions that this program calls are the library's. */
static int library_is(const char *expected)
{
	char real[PATH_MAX] = "", file[PATH_MAX];
	int right = 1;

	if (!realpath(*expected ? expected : self, real))
		perror(expected);
	for (const struct function *function = functions; function->name; function++) {
		Dl_info info;

		if (!dladdr((void *)(uintptr_t)function->address, &info) || !realpath(info.dli_fname, file))
			snprintf(file, sizeof(file), "nowhere");
		if (strcmp(file, real)) {
			printf("%s comes from %s, and not from %s\n", function->name, file, real);
			right = 0;
		}
	}
	if (right)
		printf("library: %s\n", real);
	return right;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = alarmed };
	const char *verdict_file = "/dev/null", *libaio = NULL;
	static char path[PATH_MAX];
	int option;

	self = realpath("/proc/self/exe", path);
	directory = getenv("TMPDIR") ? getenv("TMPDIR") : ".";
	if (argc == 4 && !strcmp(argv[1], "--do")) {
		for (const struct errand *errand = errands; errand->name; errand++) {
			if (!strcmp(errand->name, argv[2]))
				return errand->run(argv[3]);
		}
		return 98;
	}
	if (argc == 5 && !strcmp(argv[1], "--fact"))
		return run_one(argv);
	while ((option = getopt(argc, argv, "gvs:t:l:a:")) != -1) {
		switch (option) {
		case 'g':
			on_glibc = 1;
			break;
		case 'v':
			verbose = 1;
			break;
		case 's':
			longest = atoi(optarg);
			break;
		case 't':
			verdict_file = optarg;
			break;
		case 'l':
			library = optarg;
			break;
		case 'a':
			libaio = optarg;
			break;
		default:
			fprintf(stderr, "usage: %s [-g] [-v] [-s SECONDS] [-t FILE] [-l LIBRARY] [-a LIBAIO] [SUBJECT...]\n", *argv);
			return 2;
		}
	}
	/* The references are bound when they are first used. */
	if (library && !library_is(library))
		return 2;
	if (libaio && !libaio_is(libaio)) {
		printf("libaio is not %s\n", libaio);
		return 2;
	}
	int log = memfd_create("log", 0);
	struct rlimit none = { 0, 0 };
	verdicts = fopen(verdict_file, "w");
	nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (!self || !verdicts || nothing < 0 || log < 0 || ftruncate(log, sizeof(*seen)) != 0 || !(seen = map_log(log)) ||
	    setrlimit(RLIMIT_CORE, &none) != 0 || sigaction(SIGALRM, &action, NULL) != 0) {
		perror(suite);
		return 2;
	}
	fcntl(fileno(verdicts), F_SETFD, FD_CLOEXEC);
	for (int i = 0; tables[i]; i++) {
		for (int k = 0; tables[i][k].title; k++) {
			if (wanted(&tables[i][k], argv + optind))
				run(&tables[i][k], i, k, log, argv);
		}
	}
	if (fclose(verdicts) != 0) {
		perror(verdict_file);
		return 2;
	}
	printf("all: %d facts, %d hold, %d failed, %d failed as expected of glibc, %d hold unexpectedly, %d skipped\n",
	       total.facts, total.hold, total.failed, total.expected, total.unexpected, total.skipped);
	return total.failed || !total.facts ? 1 : 0;
}
