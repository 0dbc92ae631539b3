# POSIX AIO: faults and stress, with the C library as the referee. Included by checks.mk.

.PHONY: check-posix-faults check-posix-stress check-posix-stress-long
check-posix-faults check-posix-stress check-posix-stress-long: all posix
# $(call posix_i686,LABELS): the same for 32 bits, where that library was built
posix_i686 = $(if $(wildcard $(BUILD)/i686/libposixaio.so.1),$(addsuffix -i686,$(1)))

# What must hold when something is refused, ends, or is used in a way that nobody expects.
check-posix-faults:
	BUILD=$(BUILD) c-tests/posix-faults/run.sh glibc auto

# Every request accounted for: ten million of them.
check-posix-stress:
	BUILD=$(BUILD) c-tests/posix-stress/run.sh quick glibc auto threads

# Both with the C library, which the programs of faults must see to be wrong where it is; with more seeds and rounds; and with
# 32 bits.
check-posix-stress-long:
	LONG=1 BUILD=$(BUILD) c-tests/posix-faults/run.sh wrong auto threads $(call posix_i686,glibc auto threads)
	BUILD=$(BUILD) c-tests/posix-stress/run.sh long glibc auto threads $(call posix_i686,glibc auto threads)
