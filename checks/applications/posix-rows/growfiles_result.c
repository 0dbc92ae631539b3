/* What growfiles needs of LTP's library to say how it ended: in that library's place, which would have to be configured. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int failed;

/* The type of a result is 0 for one that passed. */
void tst_resm_(const char *file, const int line, int type, const char *format, ...)
{
	va_list arguments;
	printf("%s:%d: %s: ", file, line, type == 0 ? "passed" : "failed");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	if (type != 0)
		failed = 1;
}

void tst_exit(void)
{
	exit(failed);
}
