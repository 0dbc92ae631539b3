# POSIX AIO: faults and stress, with the C library as the referee. Included by checks.mk.

.PHONY: check-posix-faults check-posix-stress check-posix-stress-long
check-posix-faults check-posix-stress check-posix-stress-long: all posix
# What must hold when something is refused, ends, or is used in a way that nobody expects.
check-posix-faults:
	BUILD=$(BUILD) c-tests/posix-faults/run.sh auto

# Every request accounted for: ten million of them.
check-posix-stress:
	BUILD=$(BUILD) c-tests/posix-stress/run.sh quick auto threads

# With threads only, more seeds, and 32 bits.
check-posix-stress-long: posix-i686
	BUILD=$(BUILD) c-tests/posix-faults/run.sh threads $(if $(i686),auto-i686)
	BUILD=$(BUILD) c-tests/posix-stress/run.sh long auto threads
