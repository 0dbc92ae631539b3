/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* States what POSIX AIO does: the facts, in the order in which they are tried. */
#define _GNU_SOURCE
#include "request.h"

const char suite[] = "posix-conformance";

const struct fact *const tables[] = {
	name_facts,   request_facts, error_facts,  file_facts, direct_facts,	   stream_facts, order_facts,	   fsync_facts,
	suspend_facts, signal_facts, cancel_facts, list_facts, notification_facts, thread_facts, descriptor_facts, process_facts,
	kind_facts,   many_facts, NULL,
};

const struct function functions[] = {
	FUNCTION(aio_read),   FUNCTION(aio_write),   FUNCTION(aio_fsync),  FUNCTION(aio_error), FUNCTION(aio_return),
	FUNCTION(aio_suspend), FUNCTION(aio_cancel), FUNCTION(lio_listio), FUNCTION(aio_init),	{ NULL, NULL },
};
