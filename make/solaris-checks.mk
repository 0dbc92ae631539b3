# What judges libsolarisaio.so.1: no other library on Linux has these functions, so that the rules themselves are the referee.
#
#   make check-solaris            facts and faults on kernel AIO and with threads only, a million requests counted (a minute)
#   make check-solaris-long       the other ways of using it, i686, more requests, and programs: fio with its own engine for
#                                 Solaris AIO (built from Debian's source package), caches, and a database server's trace
#   make check-solaris-mistakes   the proof that the facts notice mistakes, which are made in the library's source
#   make bench-solaris            fio's engine for it and its engines libaio and posixaio timed against each other
.PHONY: check-solaris check-solaris-facts check-solaris-faults check-solaris-stress check-solaris-long check-solaris-mistakes \
	bench-solaris solaris-i686 solaris-programs
solaris_facts = BUILD=$(BUILD) ORIGINAL=$(original) c-tests/solaris-conformance/run.sh

# They wait more than they work.
check-solaris: all solaris
	$(MAKE) --no-print-directory -j3 -Otarget check-solaris-facts check-solaris-faults check-solaris-stress

check-solaris-facts check-solaris-faults check-solaris-stress: all solaris
check-solaris-facts:
	$(solaris_facts) kernel threads
check-solaris-faults:
	BUILD=$(BUILD) c-tests/solaris-faults/run.sh kernel
check-solaris-stress:
	BUILD=$(BUILD) c-tests/solaris-stress/run.sh quick kernel threads

check-solaris-long: all solaris check-c-library solaris-i686 solaris-programs
	$(solaris_facts) c-libaio archive kernel-wide $(if $(i686),kernel-i686 kernel-wide-i686 threads-i686)
	LONG=1 BUILD=$(BUILD) c-tests/solaris-faults/run.sh threads $(if $(i686),kernel-i686)
	BUILD=$(BUILD) c-tests/solaris-stress/run.sh long kernel threads $(if $(i686),kernel-i686)

solaris-i686:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all solaris,$(no_i686))

solaris-programs: all solaris
	checks/applications/solaris.sh $(BUILD)

check-solaris-mistakes:
	BUILD=$(BUILD) c-tests/solaris-conformance/mistakes/mistakes.sh

bench-solaris: all solaris check-c-library
	checks/benches/solaris.sh $(BUILD) $(original)
