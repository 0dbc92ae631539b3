/* In libaio.a, beside each of the functions that take events: a name, which no other file can see, of the library's own
   function. The name of the function itself may be that of the program's. */

#define JOINED(name) libaio_linked_##name
#define LINKED(name) JOINED(name)

	.globl LINKED(FUNCTION)
	.hidden LINKED(FUNCTION)
	.set LINKED(FUNCTION), 1
	.section .note.GNU-stack, "", %progbits
