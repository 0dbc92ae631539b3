/* What glibc's own tests include at their end, or before their test, to have a main: in its place, and as much of it
   as the tests of asynchronous I/O use. Their exit status is 0, or 77 when they cannot run here. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef TEST_FUNCTION
#define TEST_FUNCTION do_test(argc, argv)
#endif

/* Where they put their files. */
static const char *test_dir __attribute__((unused)) = "/tmp";

static const char *file_to_remove;

static void __attribute__((unused)) add_temp_file(const char *name)
{
	if (file_to_remove != NULL)
		abort();
	file_to_remove = name;
}

static void *__attribute__((unused)) xmalloc(size_t size)
{
	void *memory = malloc(size);
	if (memory == NULL)
		abort();
	return memory;
}

int main(int argc, char *argv[])
{
	int status;
	(void)argc;
	(void)argv;
	/* What a test said before it hung is in its log. */
	setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef PREPARE
	PREPARE(argc, argv);
#endif
	status = TEST_FUNCTION;
	if (file_to_remove != NULL)
		unlink(file_to_remove);
	return status;
}
