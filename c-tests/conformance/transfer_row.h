/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table row: one request on one kind of file, and what comes of it. */
#ifndef TRANSFER_ROW_H
#define TRANSFER_ROW_H

#include "kinds.h"
#include "request.h"

enum buffer { GOOD, ODD, NONE, ABOVE, HOLE, HALF, READ_ONLY };

struct row {
	const char *name;
	int op;
	enum kind on;
	enum buffer buffer;
	uint64_t raw; /* instead of a buffer's address: the events of a poll */
	uint64_t nbytes;
	int64_t offset;
	uint32_t rw_flags;
	int priority; /* 0: without IOCB_FLAG_IOPRIO */
	int only_ext4;
	long long want; /* as outcome() says; NO_EVENT: it stays in flight */
};

uint64_t buffer_address(enum buffer buffer);
void run_rows(const struct row *rows, size_t count);

#endif
