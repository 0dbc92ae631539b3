/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library's nine functions under their C names, without <libaio.h>; each gives 1. */
#define FUNCTION(name)                                                                             \
	int name(void);                                                                            \
	int name(void)                                                                             \
	{                                                                                          \
		return 1;                                                                          \
	}

FUNCTION(io_queue_init)
FUNCTION(io_queue_run)
FUNCTION(io_queue_release)
FUNCTION(io_setup)
FUNCTION(io_destroy)
FUNCTION(io_submit)
FUNCTION(io_cancel)
FUNCTION(io_getevents)
FUNCTION(io_pgetevents)
