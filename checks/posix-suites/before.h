/* Put before each program of the open POSIX test suite by -include. The programs are of 2004: 25 of them lack headers,
   and they take only the number that _POSIX_ASYNCHRONOUS_IO had in the standard of 2001 for a system that has it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#undef _POSIX_ASYNCHRONOUS_IO
#define _POSIX_ASYNCHRONOUS_IO 200112L
