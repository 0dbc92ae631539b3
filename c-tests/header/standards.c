/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compiled as every version of C and C++, every warning an error. */
#include <libaio.h>
#include <libaio.h>

#include "use.h"

/* These names belong to the program: the original declares none of them either. */
struct program;
extern double io_queue_wait(const struct program *, char);
extern double io_queue_grow(const struct program *, char);
static inline int declared_by_the_program(const struct program *program)
{
	return io_queue_wait(program, 'a') > io_queue_grow(program, 'b');
}

int standards(io_context_t ctx, struct iocb *iocb, const struct iovec *iov,
	      const struct program *program);
int standards(io_context_t ctx, struct iocb *iocb, const struct iovec *iov,
	      const struct program *program)
{
	return use_everything(ctx, iocb, iov) + declared_by_the_program(program);
}
