/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* As little of a C library as the headers need, for targets that have none here. */
#ifndef STUB_SYS_TYPES_H
#define STUB_SYS_TYPES_H

#include <stddef.h>

typedef __PTRDIFF_TYPE__ ssize_t;
#if !defined(__LP64__) && ((defined(_FILE_OFFSET_BITS) && _FILE_OFFSET_BITS == 64) || \
			   defined(__OFF_T_MATCHES_OFF64_T) || defined(_REDIR_TIME64))
typedef long long off_t;
#else
typedef long off_t;
#endif

#endif
