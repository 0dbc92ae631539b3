/* What goes with the POSIX library.

   STATIC: not dlsym and dlvsym, of which linkers warn in static programs. */

#define READ_ENVIRONMENT posixaio_read_environment
#define DRAIN posixaio_drain
#include "start.S"

	.section .data.rel.ro, "aw"
	.balign __SIZEOF_POINTER__
	.globl posixaio_loader
	.hidden posixaio_loader
posixaio_loader:
#ifdef STATIC
	.dc.a 0, 0
#else
	.dc.a dlsym, dlvsym
#endif
