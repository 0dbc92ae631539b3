/* What the C compiler's own start files would bring to a shared object, as far as the library uses it: the address that says
   which object a handler belongs to. The rest of them serves constructors and destructors of C and C++, of which there
   are none. */

	.section .data.rel.ro, "aw"
	.balign __SIZEOF_POINTER__
	.globl __dso_handle
	.hidden __dso_handle
__dso_handle:
	.dc.a __dso_handle
	.section .note.GNU-stack, "", %progbits
