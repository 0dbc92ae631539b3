/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What facts are tried with: files, pages, pipes, children and signals. */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "check.h"

void pause_for(double seconds);
/* Waits with patience for a condition; its last value. */
#define EVENTUALLY(condition)                                                              \
	({                                                                                 \
		double until_ = now() + patience;                                          \
		int is_;                                                                   \
		while (!(is_ = !!(condition)) && now() < until_)                           \
			pause_for(0.001);                                                  \
		is_;                                                                       \
	})

enum { PAGE = 4096, FILE_SIZE = 65536 };

static inline unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 256 * 13 + 1);
}
/* How many of the bytes are the pattern's from this place on. */
size_t right_bytes(const void *bytes, size_t count, size_t from);

/* A new file of so many bytes, byte i being pattern(i), opened with O_RDWR and the flags given. */
int file_of(size_t size, int flags);
/* The same with a name, which is put into the array. */
int named_file(char *path, size_t size, int flags);
#define PATH_SIZE 4096
/* The same with O_DIRECT; the fact is skipped where it is refused. */
int direct_file(size_t size, int flags);
/* Memory at the beginning of a page, with zeros. */
char *pages(size_t bytes);
/* A page that must not be touched. */
void *hole(void);
/* The pipe's or socket's ends. */
struct ends {
	int reader, writer;
};
struct ends new_pipe(void);
struct ends new_sockets(int type);
/* A pipe or socket takes no more. How many bytes it has now. */
size_t fill(int fd);

/* The status of a child: its exit code, 1000 + its signal; 2000 when it does not end, and is killed. */
int status_of(pid_t child);
/* Starts this program anew for an errand. */
pid_t start_errand(const char *name, const char *argument);

/* A signal is blocked here, and waited for. The value it carries; -1 if it does not come. */
void block(int signal);
int wait_for(int signal, siginfo_t *info);
/* Whether no such signal comes for a while. */
int none_comes(int signal);
/* A handler that counts: two threads may be in it at once. */
extern atomic_int handled;
void count_signal(int signal, int flags);

#endif
