# POSIX AIO: faults and stress, with the C library as the referee. Included by checks.mk.

.PHONY: check-posix-faults
posix_i686 = $(if $(wildcard $(BUILD)/i686/libposixaio.so.1),$(addsuffix -i686,$(1)))

# What must hold when something is refused, ends, or is used in a way that nobody expects.
check-posix-faults: $(if $(wildcard interfaces/Cargo.toml),posix)
	BUILD=$(BUILD) c-tests/posix-faults/run.sh glibc auto threads $(call posix_i686,auto)
