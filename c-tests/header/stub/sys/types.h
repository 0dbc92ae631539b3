/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* As little of a C library as <libaio.h> needs, for targets that have no headers here. */
#include <stddef.h>
