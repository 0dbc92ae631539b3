/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef STUB_SIGNAL_H
#define STUB_SIGNAL_H

typedef struct {
	unsigned long bits[128 / sizeof(long)];
} sigset_t;

#endif
