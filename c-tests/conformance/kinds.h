/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kinds of file descriptors that requests are tried on. */
#ifndef KINDS_H
#define KINDS_H

#include <stddef.h>

enum kind {
	BUFFERED, /* a file of FILE_SIZE bytes, byte i being pattern(i) */
	BUFFERED_READ,
	BUFFERED_WRITE,
	BUFFERED_APPEND,
	DIRECT, /* the same with O_DIRECT */
	MEMFD,
	TMPFS,
	CLOSED,
	MINUS_ONE,
	PATH,
	DIRECTORY,
	EPOLL,
	INOTIFY,
	PIDFD,
	PROC_STAT,
	PROC_MAPS,
	PROC_MEM,
	KMSG,
	SYSFS,
	NULL_DEVICE,
	ZERO_DEVICE,
	FULL_DEVICE,
	RANDOM_DEVICE,
	/* All that follow have O_NONBLOCK. */
	PIPE_EMPTY,    /* the end that reads */
	PIPE_READABLE, /* with 3 bytes */
	PIPE_HUNG,     /* with no writer */
	PIPE_WRITABLE, /* the end that writes */
	PIPE_FULL,
	PIPE_BROKEN, /* with no reader */
	SOCKET_EMPTY,
	SOCKET_READABLE, /* with 3 bytes */
	SOCKET_BROKEN,
	SOCKET_UNCONNECTED,
	EVENTFD_ZERO,
	EVENTFD_SEVEN,
	TIMERFD,
	TIMERFD_EXPIRED,
	SIGNALFD,
	PTY,
	PTY_READABLE,
	KINDS
};

enum { FILE_SIZE = 65536 };

const char *kind_name(enum kind kind);
/* -1, with errno, where this kind is not to be had. What the other end needs stays open. */
int open_kind(enum kind kind);
/* A new empty file without a name, -1 where the directory cannot do that. */
int new_file(int flags);
/* A file of FILE_SIZE bytes, byte i being pattern(i). */
int full_file(int flags);

static inline unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 256 * 13 + 1);
}

#endif
