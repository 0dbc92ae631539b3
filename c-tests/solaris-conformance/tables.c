/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* States what Solaris AIO does: the facts, in the order in which they are tried. */
#define _GNU_SOURCE
#include "request.h"

const char suite[] = "solaris-conformance";

const struct fact *const tables[] = {
	name_facts, whence_facts, error_facts, result_facts, order_facts, wait_facts, signal_facts, cancel_facts,
	sigio_facts, progress_facts, file_facts, stream_facts, thread_facts, process_facts, NULL,
};

const struct function functions[] = {
	FUNCTION(aioread), FUNCTION(aiowrite), FUNCTION(aiowait), FUNCTION(aiocancel), { NULL, NULL },
};
