/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
