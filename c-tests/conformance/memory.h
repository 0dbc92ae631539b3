/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory that cannot be read or written, for calls that are given bad addresses. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* Above every program's memory, for pointers. */
#define BEYOND ((void *)-4096L)
/* The same in a request's 64 bits. */
#define BEYOND_64 0xffff800000000000ULL

enum { PAGE = 4096 };

/* `pages` pages of zeros, and after them one that is not mapped. */
char *before_hole(size_t pages);
/* A page that is not mapped. */
void *hole(void);
/* A page that can be read only, and holds this. */
void *read_only(const void *bytes, size_t count);

#endif
