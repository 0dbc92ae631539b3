# Other people's tests of POSIX AIO, on glibc and on libposixaio.so.1, and programs that use it.
#
#   make check-posix-suites   the open POSIX test suite, and glibc's own tests
#   make check-posix-ltp      the Linux Test Project's newer copy: LTP=FOLDER, a checkout
#   make posix-programs       real programs, unmodified: POSIX_PROGRAMS=fio for one, LTP=FOLDER for LTP's growfiles too

.PHONY: check-posix-suites check-posix-ltp posix-programs
posix_suites := $(BUILD)/posix-suites
posix_library := $(BUILD)/libposixaio.so.1
# The library needs libaio.so.1, and takes the one beside it.
check-posix-suites check-posix-ltp: all posix

check-posix-suites:
	checks/posix-suites/open-posix.sh $(BUILD) $(posix_suites) $(posix_library)
	checks/posix-suites/glibc.sh $(BUILD) $(posix_suites) $(posix_library)

LTP ?=
check-posix-ltp:
	checks/posix-suites/ltp.sh $(BUILD) '$(LTP)' $(posix_library)

POSIX_PROGRAMS ?=
posix-programs: tools-posix-programs $(BUILD)/has-aio
	@$(MAKE) --no-print-directory all posix >$(if $(V),/dev/stderr,/dev/null)
	@$(BUILD)/has-aio >/dev/null || [ $$? = 1 ]
	@LTP='$(LTP)' checks/applications/posix.sh $(BUILD) $(POSIX_PROGRAMS)
