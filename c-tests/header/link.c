/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that uses everything, in C or C++; link_library.c is the library. */
#include <libaio.h>
#include "use.h"

int main(void)
{
	struct iocb iocb;

	return use_everything(NULL, &iocb, NULL) == 12 ? 0 : 1;
}
