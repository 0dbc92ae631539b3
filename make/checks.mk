# The demo, and everything that judges the library. Each part of check and check-long is a target by itself.
#
#   make demo             an unmodified fio on the C library and on this one, side by side
#   make check            the tests that everybody runs: 12 minutes on two cores
#   make check-long       the others: mutations, Miri, millions of events, i686, packages' files, without AIO
#                         (53 minutes)
#   make check-fresh      both commands of the README in clean Debian roots
#   make check-architectures   the library built for seven architectures and for musl (6 minutes)
#   make check-without-aio FULL=1   programs where the kernel has no AIO (15 minutes)
#   make sequences        random sequences of calls on both engines, for MINUTES (default 10)
#   make check-packages   the Debian packages, in clean roots (15 minutes)
#   make soak             the stress tests for HOURS (default 1)
#   make programs         real programs with real I/O on the C library and on this one
#   make sources          the sources of programs compiled with this header and linked with this library
#   make bench            the C library and this one timed against each other
#   make bench-spinning   the same with LIBAIO_SPIN=50
#   make bench-posix      glibc's POSIX AIO and this one
#   make bench-solaris    fio's engine for Solaris AIO and its engines libaio and posixaio
#   make posix-programs   real programs that use POSIX AIO
#   make check-posix-mutations   the proof that each of its models would notice a mistake, and those of Solaris AIO (15 minutes)
#   make solaris-programs programs that use Solaris AIO
#   make check-posix-ltp LTP=FOLDER   LTP's tests of POSIX AIO, from a checkout

original := $(BUILD)/original
sysroot = $(shell rustc --print sysroot 2>/dev/null)
# The i686 library is tested where its Rust standard library is installed; the others compile.
i686 = $(wildcard $(sysroot)/lib/rustlib/i686-unknown-linux-gnu/lib)
# $(call skip,REASON): counted and printed by checks/parts.sh
skip = mkdir -p $(BUILD) && echo '$(1)' >>$(BUILD)/skipped
no_i686 = $(call skip,i686: its Rust standard library is not installed)
targets := i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf \
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu

.PHONY: demo i686 soak bench bench-spinning programs sources sequences
tools-%:
	@./install-tools.sh $*

demo:
	@echo "make demo: about 2 minutes and 1 GB of disk, packages included"
	@./install-tools.sh demo
	@mkdir -p $(BUILD)
	@$(MAKE) --no-print-directory all $(BUILD)/has-aio >$(BUILD)/demo-build.log 2>&1 || { cat $(BUILD)/demo-build.log >&2; exit 1; }
	@$(BUILD)/has-aio >/dev/null || [ $$? = 1 ]
	@demo/compare-with-fio.sh $(BUILD)
	@demo/compare-posix-with-fio.sh $(BUILD)

i686:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all,$(no_i686))

# What make check and make check-long are made of. Each part is a target too: "make check-header".
# Those that take the time of a processor run beside one that waits: the original suite, whose cases wait for their turn, and
# check-differential, check-conformance and check-mistakes, whose calls wait for the kernel.
# A test of aioinfo uses up fs.aio-max-nr for a moment: nothing that runs beside check-aioinfo makes contexts.
check_groups := check-source+check-unit+check-aioinfo check-files \
	check-original+check-models check-posix+check-installation \
	check-programs+check-differential check-sequences check-conformance+check-header check-stress \
	check-posix-suites+check-solaris check-posix-faults+check-posix-stress
check_parts := $(subst +, ,$(check_groups))
long_groups := check-models-long check-mutations check-programs-long \
	check-original-long+check-miri check-posix-long+check-compilers \
	check-sequences-long check-conformance-long+check-packages-files check-mistakes+check-files-long check-stress-long \
	check-without-aio check-posix-stress-long+check-solaris-long
long_parts := $(subst +, ,$(long_groups))
.PHONY: check check-long check-c-library $(check_parts) $(long_parts)
# All but those that only look at the source take the library and compare it.
$(filter-out check-source check-unit check-models check-models-long check-compilers check-miri check-mutations,$(check_parts) $(long_parts)): \
	all check-c-library

check:
	@echo "make check: about 12 minutes on two cores and 4 GB of disk, packages included"
	@./install-tools.sh check
	@checks/parts.sh check $(BUILD) all check-c-library -- $(check_groups)

check-long:
	@echo "make check-long: about 53 minutes on two cores and 6 GB of disk, packages included"
	@./install-tools.sh check-long
	@checks/parts.sh check-long $(BUILD) all check-c-library i686 -- $(long_groups)

# The C library, as Debian's packages have it, and whether this kernel has AIO.
check-c-library: $(original)/complete $(BUILD)/has-aio
	@$(BUILD)/has-aio >/dev/null || [ $$? = 1 ]
$(original)/complete: checks/original/obtain.sh
	checks/original/obtain.sh $(original)
	@touch $@

$(BUILD)/has-aio: c-tests/has_aio.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wall -Wextra -Werror -o $@ $<

# Formatting and lints. What the manifests deny is an error; the lints of newer and older compilers differ, so that
# the rest are warnings, but in CI.
deny_warnings = $(if $(CI),-- -D warnings)
has_clippy = $(shell $(CARGO) clippy --version 2>/dev/null)
no_clippy = $(call skip,lints: there is no cargo clippy)
# The workspace of the checks.
checks := --manifest-path checks/Cargo.toml
check-source:
	$(if $(shell $(CARGO) fmt --version 2>/dev/null),$(CARGO) fmt --all --check && $(CARGO) fmt $(checks) --all --check && \
	  $(CARGO) fmt --manifest-path $(aioinfo_manifest) --check, \
	  $(call skip,formatting: there is no cargo fmt))
	$(if $(has_clippy),CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --workspace --locked --all-targets $(deny_warnings) && \
	  CARGO_TARGET_DIR=$(aioinfo_target) $(CARGO) clippy --manifest-path $(aioinfo_manifest) --locked --all-targets $(deny_warnings),$(no_clippy))

check-unit:
	CARGO_TARGET_DIR=$(target_dir) $(CARGO) test --workspace --locked --lib

# loom models of the lock-free parts and of the requests of POSIX AIO and Solaris AIO; those that take more than seven seconds are for check-long.
check-models check-models-long:
	$(CARGO) test $(checks) -p libaio-rs-models -p libaio-rs-interface-models --release --locked $(if $(filter %-long,$@),-- --ignored)
	$(CARGO) test $(checks) -p libaio-rs-interface-models --features solaris --release --locked $(if $(filter %-long,$@),-- --ignored)

# The finished library, through its C ABI. The tests read messages of other tools.
cargo_test = LC_ALL=C LIBAIO_BUILD=$(abspath $(BUILD)) $(CARGO) test $(checks) -p libaio-rs-tests --locked --no-fail-fast
check-files:
	$(cargo_test) --test shared_library --test static_library --test interfaces --test linkers --test sanitizers --test names --test interposition --test process_cost

check-installation:
	$(cargo_test) --test installation --test documentation --test modules --test mistakes

check-header check-differential:
	$(cargo_test) --test $(@:check-%=%)

check-programs:
	$(cargo_test) --test c_programs $(if $(filter threads,$(ENGINES)),--test asynchronous)

# Random sequences of calls, with the kernel as referee: what the threads engine makes of them is what the kernel does. The
# kernel itself must be at one with them, so that there is nothing to see where it has no AIO. Their files lie in the
# build directory, because memory file systems know no direct I/O that ends later.
sequences = $(CARGO) run $(checks) -p libaio-rs-sequences --release --locked --quiet -- $(1) --library $(BUILD)/libaio.so.1.0.2 --directory $(BUILD)/sequences
run_sequences = $(if $(filter threads,$(ENGINES)),if $(BUILD)/has-aio >/dev/null; then $(sequences); \
	else $(call skip,sequences: the kernel has no AIO); fi,$(call skip,sequences: the library has no threads engine))

# Those in which the kernel lets nothing overtake a request are not for threads: `make sequences` has them.
check-sequences:
	$(CARGO) test $(checks) -p libaio-rs-sequences --release --locked
	$(call run_sequences,check --no-overtaking --seeds 1200 --seconds 18 --jobs 24)

# The proof that the fixed seeds notice mistakes.
check-sequences-long:
	$(call run_sequences,mistakes --no-overtaking --seeds 1200 --jobs 24)

MINUTES ?= 10
OVERTAKING ?= 1
sequences: all $(BUILD)/has-aio
	$(call run_sequences,run --minutes $(MINUTES) --jobs 24 --from $$(date +%s)000 $(if $(filter 0,$(OVERTAKING)),--no-overtaking))

# What the kernel does, stated as checks, on the C library and on this one.
check-conformance:
	BUILD=$(BUILD) c-tests/conformance/run.sh $(original) referee ring $(if $(filter threads,$(ENGINES)),threads async)

# Every event accounted for, on the real kernel.
check-stress:
	BUILD=$(BUILD) c-tests/stress/run.sh 1 ring spin $(if $(filter threads,$(ENGINES)),threads async)

# The original library's own test suite.
check-original:
	checks/original/suite.sh $(BUILD) $(original)

# The lints of the checks, other targets, the oldest compiler, which Debian 12 has, for the checks too, and the oldest
# libc crate.
check-compilers:
	@mkdir -p $(BUILD)
	$(if $(has_clippy),$(CARGO) clippy $(checks) --locked --workspace --all-targets $(deny_warnings),$(no_clippy))
	$(if $(has_clippy),$(CARGO) clippy $(checks) --locked -p libaio-rs-interface-models --features solaris --all-targets $(deny_warnings))
	$(if $(i686),CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --workspace --locked --target i686-unknown-linux-gnu $(deny_warnings))
	$(if $(has_clippy),for interface in posix solaris; do CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy -p libaio-rs-interfaces --locked \
	  --no-default-features --features threads$(comma)$$interface --all-targets $(deny_warnings) || exit 1; done)
	@for target in $(targets); do \
	  if [ -d "$(sysroot)/lib/rustlib/$$target/lib" ]; then \
	    echo "cargo check --target $$target"; \
	    CARGO_TARGET_DIR=$(target_dir) $(CARGO) check --quiet --release --locked --target $$target || exit 1; \
	  else echo "cargo check for $$target: its standard library is not installed" >>$(BUILD)/skipped; fi; done
	CARGO_TARGET_DIR=$(abspath $(target_dir)) checks/oldest-libc.sh $(BUILD)/oldest-libc
	if rustc --version | grep -q '^rustc 1\.85\.'; then echo 'this is the oldest Rust'; \
	elif rustup toolchain list 2>/dev/null | grep -q '^1\.85'; then \
	  CARGO_TARGET_DIR=$(target_dir)/msrv $(CARGO) +1.85.0 build --workspace --release --locked && \
	  CARGO_TARGET_DIR=$(target_dir)/msrv $(CARGO) +1.85.0 check --manifest-path $(aioinfo_manifest) --quiet --locked --all-targets && \
	  CARGO_TARGET_DIR=$(target_dir)/msrv $(CARGO) +1.85.0 check $(checks) --quiet --locked --workspace --all-targets; \
	else $(call skip,the oldest Rust$(comma) 1.85: not installed); fi

# The unit tests interpreted, with every access checked, for other word sizes and byte orders too.
check-miri:
	if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
	  for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu s390x-unknown-linux-gnu; do \
	    CARGO_TARGET_DIR=$(target_dir)/miri MIRIFLAGS=-Zmiri-tree-borrows \
	    $(CARGO) +nightly miri test --quiet --locked --lib --target $$target </dev/null || exit 1; done; \
	else $(call skip,Miri: there is no nightly Rust with it); fi

# The proof that each model would notice a mistake.
check-mutations:
	checks/models/mutations.sh engine

# The same of POSIX AIO's; by itself, because it takes ten minutes.
.PHONY: check-posix-mutations
check-posix-mutations:
	checks/models/mutations.sh interfaces

# Those of check-files, check-header and check-programs that look at other architectures, and an older C library.
check-files-long:
	CHECK_LONG=1; export CHECK_LONG; $(cargo_test) --test shared_library --test interfaces --test names --test interposition --test process_cost --test header --test old_glibc

check-programs-long:
	$(cargo_test) --test c_programs $(if $(filter threads,$(ENGINES)),--test asynchronous) -- --ignored

# The archive of make dist, the RPM and the Arch package.
check-packages-files:
	$(cargo_test) --test distribution

check-conformance-long:
	BUILD=$(BUILD) c-tests/conformance/run.sh $(original) referee ring syscall spin $(if $(filter threads,$(ENGINES)),threads async) \
	  $(if $(i686),referee-i686 ring-i686 spin-i686 $(addsuffix -i686,$(filter threads,$(ENGINES))))

# The proof that the conformance suite notices mistakes.
check-mistakes:
	BUILD=$(BUILD) c-tests/conformance/mistakes/mistakes.sh

# Millions of events.
check-stress-long:
	BUILD=$(BUILD) c-tests/stress/run.sh '' ring spin syscall $(if $(filter threads,$(ENGINES)),threads async) \
	  $(if $(i686),i686 spin-i686 $(addsuffix -i686,$(filter threads,$(ENGINES))))

check-original-long:
	$(if $(i686),checks/original/suite.sh $(BUILD) $(original) 32-c-so 32-c-a 32-ours-so 32-ours-a,$(no_i686))

# Where the kernel has no AIO, and the threads engine's faults. With FULL=1 other people's programs too.
check-without-aio: $(if $(FULL),tools-without-aio)
	$(if $(filter threads,$(ENGINES)),c-tests/without-aio/run.sh $(BUILD) $(original) $(if $(FULL),full),$(call skip,without AIO: the library has no threads engine))

.PHONY: check-fresh check-architectures check-packages
# The two commands of the README in clean Debian roots. Needs root, debootstrap and a network.
FRESH ?=
check-fresh: tools-check-fresh
	checks/clean-roots/fresh.sh $(BUILD)/clean-roots $(FRESH)

# Every architecture, built with Debian's cross compilers and tried under qemu-user.
check-architectures: tools-architectures $(original)/complete
	@checks/architectures/obtain-compilers.sh $(BUILD)/architectures/compilers
	@checks/architectures/check.sh $(BUILD) $(original) $(BUILD)/architectures/compilers

# Debian packages, built and swapped in clean roots. Needs root and a network.
check-packages: tools-check-fresh
	checks/clean-roots/packages.sh $(BUILD)/clean-roots

HOURS ?= 1
# Seven of the programs run for a time, each in four ways.
soak: all $(BUILD)/has-aio
	BUILD=$(BUILD) c-tests/stress/run.sh $$(($(HOURS) * 3600 / 28)) ring spin syscall $(filter threads,$(ENGINES))

# What LIBAIO_SPIN gives, and costs.
bench-spinning: tools-demo all solaris posix $(original)/complete
	checks/benches/spinning.sh $(BUILD) $(original)

bench: tools-check all $(original)/complete
	$(CARGO) bench $(checks) -p libaio-rs-benches --locked
	checks/benches/chart.py

PROGRAMS ?=
programs: tools-programs $(original)/complete
	@$(MAKE) --no-print-directory all >$(if $(V),/dev/stderr,/dev/null)
	@checks/applications/run.sh $(BUILD) $(original) $(PROGRAMS)

SOURCES ?=
sources: tools-sources $(original)/complete
	@$(MAKE) --no-print-directory all >$(if $(V),/dev/stderr,/dev/null)
	@checks/applications/compile-sources.sh $(BUILD) $(original) $(SOURCES)

include make/posix-conformance.mk make/posix-suites.mk make/posix-stress.mk make/posix-bench.mk make/solaris-checks.mk
