# The conformance suite of POSIX AIO, with glibc as the referee.
#
#   make check-posix            the library preloaded, on kernel AIO and with its threads only
#   make check-posix-long       all in one file, the other ways of using it, the *64 functions, i686
#   make check-posix-referee    glibc itself: facts, faults and stress (6 minutes). Some of it depends on time
#   make check-posix-mistakes   the proof that the suite notices mistakes, which are made in the library's source (10 minutes)
.PHONY: check-posix check-posix-long check-posix-mistakes
posix_conformance = BUILD=$(BUILD) ORIGINAL=$(original) c-tests/posix-conformance/run.sh
check-posix: all posix
	$(posix_conformance) preload threads

check-posix-long: all posix check-c-library i686 posix-i686
	$(posix_conformance) self-contained handed-over c-libaio linked archive $(if $(i686),preload-i686 preload-wide-i686)

.PHONY: posix-i686
posix-i686:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all posix,$(no_i686))

check-posix-mistakes:
	BUILD=$(BUILD) c-tests/posix-conformance/mistakes/mistakes.sh

.PHONY: check-posix-referee
check-posix-referee: all posix
	$(posix_conformance) glibc glibc-wide
	BUILD=$(BUILD) c-tests/posix-faults/run.sh glibc wrong
	BUILD=$(BUILD) c-tests/posix-stress/run.sh quick glibc
