/* What goes with the Solaris library. */

#define READ_ENVIRONMENT solarisaio_read_environment
#define DRAIN solarisaio_drain
#include "start.S"
