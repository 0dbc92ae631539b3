# The conformance suite of POSIX AIO, with glibc as the referee.
#
#   make check-posix            the library preloaded, on kernel AIO and with its threads only
#   make check-posix-long       glibc itself, all in one file, the other ways of using it, the *64 functions, i686
#   make check-posix-mistakes   the proof that the suite notices mistakes, which are made in the library's source (5 minutes)
.PHONY: check-posix check-posix-long check-posix-mistakes
posix_conformance = BUILD=$(BUILD) ORIGINAL=$(original) c-tests/posix-conformance/run.sh
check-posix: all posix
	$(posix_conformance) preload threads

check-posix-long: all posix check-c-library i686 posix-i686
	$(posix_conformance) glibc self-contained glibc-wide preload-wide handed-over c-libaio linked archive \
	  $(if $(i686),glibc-i686 glibc-wide-i686 preload-i686 preload-wide-i686 threads-wide-i686 self-contained-i686)

.PHONY: posix-i686
posix-i686:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all posix,$(no_i686))

check-posix-mistakes:
	BUILD=$(BUILD) c-tests/posix-conformance/mistakes/mistakes.sh
