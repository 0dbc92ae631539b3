/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a fact is. A fact runs in a process of its own, which is started anew, so one that hangs or crashes takes only
 * itself along. It is made of checks; it holds when all of them do.
 */
#ifndef CHECK_H
#define CHECK_H

/* What a fact needs, and what is not itself checked: the fact ends where it is not so. */
#define EXPECT_FAILED give_up
void give_up(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
#include "../expect.h"

/*
 * BETTER: what POSIX asks, and glibc is known not to do. CHANCE: what glibc does or not, by chance: its locks are not
 * made for handlers that interrupt it.
 */
enum mark { SAME, BETTER, CHANCE };

struct fact {
	const char *subject;
	const char *title;
	void (*run)(void);
	enum mark mark;
	unsigned seconds; /* after which it hangs; 0: the usual */
};

/* The value seen must be the value wanted. What follows is the name, as for printf. */
#define CHECK(got, want, ...) \
	check_values(__FILE__, __LINE__, (long long)(got), (long long)(want), __VA_ARGS__)
void check_values(const char *file, int line, long long got, long long want, const char *name, ...)
	__attribute__((format(printf, 5, 6)));

/* Ends a fact that cannot be tried here; what was checked so far counts for nothing. */
void skip_fact(const char *reason, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Seconds after which what should come does not come; a machine may be busy. */
extern double patience;
/* The library is glibc, or one that hands everything to it. */
extern int on_glibc;
/* The file that must have all functions, "" if that is this program. */
extern const char *library;
/* The directory for files; O_DIRECT should work there. */
extern const char *directory;
/* This program, to start it again: with --do and a name of `errands`. */
extern const char *self;

/* What this program does when it is started as a program of its own by a fact. */
struct errand {
	const char *name;
	int (*run)(const char *argument);
};
extern const struct errand errands[];

/* What a suite is: its name, its tables, of which each is ended by a fact without a title and all by NULL, and the
 * functions that it calls, ended by one without a name. */
extern const char suite[];
extern const struct fact *const tables[];
struct function {
	const char *name;
	void (*address)(void);
};
#define FUNCTION(name) { #name, (void (*)(void))(name) }
extern const struct function functions[];

#endif
