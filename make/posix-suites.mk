# Other people's tests of POSIX AIO, on glibc and on libposixaio.so.1, and programs that use it.
#
#   make check-posix-suites   the open POSIX test suite, and glibc's own tests
#   make check-posix-suites-long   the same with the library of 32 bits
#   make check-posix-ltp      the Linux Test Project's newer copy: LTP=FOLDER, a checkout
#   make posix-programs       real programs, unmodified: POSIX_PROGRAMS=fio for one, LTP=FOLDER for LTP's growfiles too

.PHONY: check-posix-suites check-posix-suites-long check-posix-ltp posix-programs
posix_suites := $(BUILD)/posix-suites
posix_library := $(BUILD)/libposixaio.so.1
# The library needs libaio.so.1, and takes the one beside it.
check-posix-suites check-posix-ltp: all posix

check-posix-suites:
	checks/posix-suites/open-posix.sh $(BUILD) $(posix_suites) $(posix_library)
	checks/posix-suites/glibc.sh $(BUILD) $(posix_suites) $(posix_library)

i686_suites = CC='$(CC) -m32' SKIPS='$(abspath $(BUILD))/skipped' checks/posix-suites/$(1).sh $(BUILD)/i686 $(posix_suites) $(BUILD)/i686/libposixaio.so.1
check-posix-suites-long:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all posix,$(no_i686))
	$(if $(i686),$(call i686_suites,open-posix))
	$(if $(i686),$(call i686_suites,glibc))

LTP ?=
check-posix-ltp:
	checks/posix-suites/ltp.sh $(BUILD) '$(LTP)' $(posix_library)

POSIX_PROGRAMS ?=
posix-programs: tools-posix-programs $(BUILD)/has-aio
	@$(MAKE) --no-print-directory all posix >$(if $(V),/dev/stderr,/dev/null)
	@$(BUILD)/has-aio >/dev/null || [ $$? = 1 ]
	@LTP='$(LTP)' checks/applications/posix.sh $(BUILD) $(POSIX_PROGRAMS)
