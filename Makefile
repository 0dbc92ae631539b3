# Builds libaio.so.1.0.2, its links and libaio.a in build/, installs them, and runs every test.
#
#   make                  the library
#   make install          DESTDIR, prefix, libdir, includedir, mandir, pkgconfigdir, cmakedir; FORCE=1
#                         also over files of the distribution's packages
#   make dist             an archive with the library, for people without root
#   make demo             an unmodified fio on the C library and on this one, side by side
#   make check            the tests that everybody runs: 9 minutes on two cores
#   make check-long       the others: mutations, Miri, millions of events, i686, packages' files, without AIO (25 minutes)
#   make check-fresh      both commands of the README in clean Debian roots
#   make check-architectures   the library built for seven architectures and for musl (5 minutes)
#   make check-without-aio FULL=1   programs where the kernel has no AIO (15 minutes)
#   make check-packages   the Debian packages, in clean roots (15 minutes)
#   make soak             the stress tests for HOURS (default 1)
#   make programs         real programs with real I/O on the C library and on this one
#   make sources          the sources of programs compiled with this header and linked with this library
#   make bench            the C library and this one timed against each other
#   make clean uninstall
#
# Cargo makes a static library of the whole crate. The rest is done here, because rustc cannot give
# a function two versions: the object is cut out, checked, renamed and linked with the C compiler.

CC ?= cc
AR ?= ar
NM ?= nm
OBJCOPY ?= objcopy
CARGO ?= cargo
INSTALL ?= install
CFLAGS ?= -O2
# 0: only the static library, as with the original.
ENABLE_SHARED ?= 1
# 1: with debug information, for packagers who split it off.
DEBUG_INFO ?= 0
# Where the results go, and which Rust target they are for (empty: the machine's own).
BUILD ?= build
RUST_TARGET ?=
# What carries requests out: "kernel" alone gives the small library. If not given, what the library in
# BUILD was made with, so that "make install" and "make dist" take that one as it is.
ENGINES ?= $(or $(shell cat $(BUILD)/engines 2>/dev/null),kernel threads)

prefix ?= /usr
includedir ?= $(prefix)/include
libdir ?= $(prefix)/lib
mandir ?= $(prefix)/share/man
pkgconfigdir ?= $(libdir)/pkgconfig
cmakedir ?= $(libdir)/cmake/libaio

soname := libaio.so.1
libname := $(soname).0.2
# What programs may ask for: our own soname, Debian 13's and Ubuntu 24.04's, the one that Fedora's first
# release of it had, and the name for linkers.
links := $(soname) libaio.so.1t64 libaio.so.1.0.0 libaio.so
version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

# Functions that make system calls, and functions that call the former through the dynamic linker.
# They are two objects, because in one object such a call would not leave it. The library's memory is
# a third, because the static library's members share it.
SYSTEM_CALLS := io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents
CALLERS := io_queue_init io_queue_release io_queue_run io_queue_wait
COMPAT := io_cancel_0_1 io_getevents_0_1 io_queue_wait_0_1

# Where a long has 32 bits, two more take a timeout of 64, and the version script has a node for them.
narrow := $(filter 4,$(shell echo __SIZEOF_LONG__ | $(CC) $(CFLAGS) -E -P - 2>/dev/null))
SYSTEM_CALLS += $(if $(narrow),io_getevents_time64 io_pgetevents_time64)
version_script := abi/libaio.map $(if $(narrow),abi/time64.map)

target_dir := $(BUILD)/cargo
crate := $(target_dir)/$(if $(RUST_TARGET),$(RUST_TARGET)/)release/libaio_rs.a
STATE := libaio_process_state
debug_info := $(filter 1,$(DEBUG_INFO))
members := $(patsubst %,$(BUILD)/static/%.o,$(SYSTEM_CALLS) $(CALLERS) $(STATE))

.DELETE_ON_ERROR:
.SUFFIXES:

shared := $(if $(filter 1,$(ENABLE_SHARED)),$(addprefix $(BUILD)/,$(libname) $(links)))
all: $(shared) $(BUILD)/libaio.a

# On aarch64 rustc would call atomic functions that ask getauxval for the processor's abilities, in a
# constructor. There is to be no start-up work, so the instructions that every processor has are used.
machine := $(or $(RUST_TARGET),$(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p'))
rustc_flags := $(if $(filter aarch64%,$(machine)),-Ctarget-feature=-outline-atomics)

.PHONY: all always
# Listed, so that an installation by another user needs no cargo when all is built.
sources := $(wildcard src/*.rs src/*/*.rs src/*/*/*.rs) Cargo.toml Cargo.lock
$(crate): $(sources) $(BUILD)/engines
	@for tool in $(firstword $(CARGO)) $(firstword $(CC)) $(firstword $(OBJCOPY)); do \
	  command -v $$tool >/dev/null || { echo "$$tool: not found" >&2; ./install-tools.sh missing build; exit 1; }; done
	CARGO_TARGET_DIR=$(target_dir) $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full) $(CARGO) rustc --lib --release --locked \
	  $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(if $(filter threads,$(ENGINES)),,--no-default-features) \
	  $(CARGOFLAGS) -- $(rustc_flags) || { ./install-tools.sh missing build; exit 1; }
	@test -s $@ || { echo "cargo built for another target than '$(RUST_TARGET)': set RUST_TARGET to it" >&2; exit 1; }
	touch $@

# Changes only when ENGINES does.
$(BUILD)/engines: always
	@mkdir -p $(@D)
	@echo '$(ENGINES)' | cmp -s - $@ || echo '$(ENGINES)' >$@

# $(call cut,FUNCTIONS): one object with these functions and what they need of the crate.
# The ARM unwinder's index is left out: it would make libgcc_s a dependency.
cut = $(CC) $(CFLAGS) -r -nostdlib -Wl,--gc-sections $(patsubst %,-Wl$(comma)-u$(comma)%,$(1)) -o $@ $(crate) && \
	$(OBJCOPY) --wildcard --strip-unneeded $(if $(debug_info),--keep-section='.debug*') --remove-section=.comment --remove-section='.ARM.exidx*' --remove-section='.rel.ARM.exidx*' \
	  --remove-section='.ARM.extab*' --remove-section='.rel.ARM.extab*' \
	  --strip-symbol='__aeabi_unwind_cpp_pr*' $@
comma := ,

# What the object needs from outside is written down; a panic path would show here as one name more.
undefined := abi/undefined-symbols $(if $(filter threads,$(ENGINES)),abi/undefined-symbols.threads)
check_undefined = $(NM) -u $@ >$@.nm && sed 's/.* //' $@.nm | LC_ALL=C sort >$@.undefined && \
	extra=$$(LC_ALL=C sort $(undefined) | LC_ALL=C comm -23 $@.undefined -) && \
	if [ -n "$$extra" ]; then echo "$@ needs symbols that $(undefined) do not list:" $$extra >&2; exit 1; fi

$(BUILD)/system-calls.o: $(crate) $(undefined) Makefile
	$(call cut,$(SYSTEM_CALLS))
	$(check_undefined)

$(BUILD)/callers.o: $(crate) $(undefined) Makefile
	$(call cut,$(CALLERS) $(COMPAT))
	$(check_undefined)

# Hidden: two libraries that each contain libaio.a must not share it.
$(BUILD)/static/$(STATE).o: $(crate) Makefile
	@mkdir -p $(@D)
	$(call cut,$(STATE)_storage)
	$(OBJCOPY) --redefine-sym=$(STATE)_storage=$(STATE) $@ $@.visible
	printf '.globl $(STATE)\n.hidden $(STATE)\n.section .note.GNU-stack,"",%%progbits\n' | \
	  $(CC) $(CFLAGS) -c -x assembler -o $@.hidden -
	$(CC) $(CFLAGS) -r -nostdlib -o $@ $@.visible $@.hidden

$(BUILD)/shared/%.o: $(BUILD)/%.o abi/interposable.redefine abi/versions.redefine
	@mkdir -p $(@D)
	$(OBJCOPY) --redefine-syms=abi/interposable.redefine $< $@
	$(OBJCOPY) --redefine-syms=abi/versions.redefine $@

$(BUILD)/libaio.map: $(version_script) Makefile
	@mkdir -p $(@D)
	cat $(version_script) >$@

# Before glibc 2.34 threads are in a library of their own.
# A helper thread may still be at its last instruction when a program unloads the library.
nodelete := $(if $(filter threads,$(ENGINES)),-z$(comma)nodelete$(comma))
$(BUILD)/$(libname): $(BUILD)/shared/system-calls.o $(BUILD)/shared/callers.o $(BUILD)/static/$(STATE).o $(BUILD)/libaio.map
	$(CC) -shared $(CFLAGS) -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack,--as-needed,$(nodelete)--build-id=sha1 \
	  -Wl,--version-script=$(BUILD)/libaio.map -Wl,-soname,$(soname) $(LDFLAGS) -o $@ $(filter %.o,$^) -pthread

$(addprefix $(BUILD)/,$(links)): $(BUILD)/$(libname)
	ln -sf $(libname) $@

# One member per function, so that a program may bring some of them itself.
$(BUILD)/static/%.o: $(crate) abi/interposable.redefine Makefile
	@mkdir -p $(@D)
	$(call cut,$*)
	$(OBJCOPY) --keep-global-symbol=$* $@
	$(OBJCOPY) --redefine-syms=abi/interposable.redefine $@

$(BUILD)/libaio.a: $(members)
	rm -f $@
	$(AR) rcsD $@ $^

# --- installing -------------------------------------------------------------------------------

substitute = sed -e 's|@prefix@|$(prefix)|g' -e 's|@libdir@|$(libdir)|g' \
	-e 's|@includedir@|$(includedir)|g' -e 's|@version@|$(version)|g'
man_pages := $(notdir $(wildcard man/*.3 man/*.7))

# What install puts in place and uninstall removes, quoted for the shell: directories may have spaces.
installed = "$(DESTDIR)$(includedir)/libaio.h" "$(DESTDIR)$(libdir)/libaio.a" \
	$(if $(shared),$(foreach file,$(libname) $(links),"$(DESTDIR)$(libdir)/$(file)")) \
	"$(DESTDIR)$(pkgconfigdir)/libaio.pc" \
	"$(DESTDIR)$(cmakedir)/libaio-config.cmake" "$(DESTDIR)$(cmakedir)/libaio-config-version.cmake" \
	$(foreach page,$(man_pages),"$(DESTDIR)$(mandir)/man$(lastword $(subst ., ,$(page)))/$(page)")
# No file of a package is overwritten or removed: the system could be left without its library.
FORCE ?= 0
unless_owned = $(if $(filter 1,$(FORCE)),,@packaging/owned-files.sh $(installed))

.PHONY: install uninstall
install: all
	$(unless_owned)
	$(INSTALL) -D -m 644 include/libaio.h "$(DESTDIR)$(includedir)/libaio.h"
	$(INSTALL) -D -m 644 $(BUILD)/libaio.a "$(DESTDIR)$(libdir)/libaio.a"
	$(if $(shared),$(INSTALL) -m 755 $(BUILD)/$(libname) "$(DESTDIR)$(libdir)/$(libname)")
	$(if $(shared),for link in $(links); do ln -sf $(libname) "$(DESTDIR)$(libdir)/$$link" || exit 1; done)
	$(INSTALL) -d "$(DESTDIR)$(pkgconfigdir)" "$(DESTDIR)$(cmakedir)" "$(DESTDIR)$(mandir)/man3" "$(DESTDIR)$(mandir)/man7"
	$(substitute) pkgconfig/libaio.pc.in >"$(DESTDIR)$(pkgconfigdir)/libaio.pc"
	$(substitute) pkgconfig/libaio-config.cmake.in >"$(DESTDIR)$(cmakedir)/libaio-config.cmake"
	$(substitute) pkgconfig/libaio-config-version.cmake.in >"$(DESTDIR)$(cmakedir)/libaio-config-version.cmake"
	chmod 644 "$(DESTDIR)$(pkgconfigdir)/libaio.pc" "$(DESTDIR)$(cmakedir)"/libaio-config*.cmake
	for page in $(man_pages); do \
	  $(INSTALL) -m 644 man/$$page "$(DESTDIR)$(mandir)/man$${page##*.}/$$page" || exit 1; done

uninstall:
	$(unless_owned)
	@for file in $(installed); do \
	  if [ -e "$$file" ] || [ -L "$$file" ]; then rm "$$file" && echo "removed $$file" || exit 1; fi; done
	@rmdir "$(DESTDIR)$(cmakedir)" 2>/dev/null || true

.PHONY: clean
clean:
	rm -rf $(BUILD) checks/target

# --- an archive for people without root ---------------------------------------------------------

dist_name := libaio-rs-$(version)-$(or $(firstword $(subst -, ,$(RUST_TARGET))),$(shell uname -m))
# The date of the files: the last commit's, so that the same source gives the same bytes.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)

.PHONY: dist
dist: all
	rm -rf $(BUILD)/dist
	mkdir -p $(BUILD)/dist/$(dist_name)
	$(OBJCOPY) --strip-unneeded $(BUILD)/$(libname) $(BUILD)/dist/$(dist_name)/$(libname)
	for link in $(filter-out libaio.so,$(links)); do ln -s $(libname) $(BUILD)/dist/$(dist_name)/$$link || exit 1; done
	cp LICENSE-APACHE LICENSE-MIT $(BUILD)/dist/$(dist_name)
	$(substitute) packaging/archive-README.in >$(BUILD)/dist/$(dist_name)/README
	tar --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	  -C $(BUILD)/dist -c $(dist_name) | gzip -9n >$(BUILD)/$(dist_name).tar.gz
	@echo $(BUILD)/$(dist_name).tar.gz

# --- demo and tests ---------------------------------------------------------------------------

original := $(BUILD)/original
sysroot = $(shell rustc --print sysroot 2>/dev/null)
# The i686 library is tested where its Rust standard library is installed; the others compile.
i686 = $(wildcard $(sysroot)/lib/rustlib/i686-unknown-linux-gnu/lib)
# $(call skip,REASON): counted and printed by checks/parts.sh
skip = mkdir -p $(BUILD) && echo '$(1)' >>$(BUILD)/skipped
no_i686 = $(call skip,i686: its Rust standard library is not installed)
targets := i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf \
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu

.PHONY: demo i686 soak bench programs sources
tools-%:
	@./install-tools.sh $*

demo:
	@echo "make demo: about 1 minute and 1 GB of disk, packages included"
	@./install-tools.sh demo
	@mkdir -p $(BUILD)
	@$(MAKE) --no-print-directory all $(BUILD)/has-aio >$(BUILD)/demo-build.log 2>&1 || { cat $(BUILD)/demo-build.log >&2; exit 1; }
	@$(BUILD)/has-aio >/dev/null || [ $$? = 1 ]
	@demo/compare-with-fio.sh $(BUILD)

i686:
	$(if $(i686),$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all,$(no_i686))

# What make check and make check-long are made of. Each part is a target too: "make check-header".
check_parts := check-source check-unit check-models check-files check-installation check-header \
	check-programs check-differential check-conformance check-stress check-original
long_parts := check-compilers check-miri check-mutations check-files-long check-programs-long \
	check-packages-files check-conformance-long check-mistakes check-stress-long check-without-aio check-original-long
.PHONY: check check-long check-c-library $(check_parts) $(long_parts)
# All but those that only look at the source take the library and compare it.
$(filter-out check-source check-unit check-models check-compilers check-miri check-mutations,$(check_parts) $(long_parts)): \
	all check-c-library

check:
	@echo "make check: about 9 minutes on two cores and 4 GB of disk, packages included"
	@./install-tools.sh check
	@checks/parts.sh check $(BUILD) all check-c-library -- $(check_parts)

check-long:
	@echo "make check-long: about 25 minutes on two cores and 6 GB of disk, packages included"
	@./install-tools.sh check-long
	@checks/parts.sh check-long $(BUILD) all check-c-library i686 -- $(long_parts)

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
# The workspace of the checks.
checks := --manifest-path checks/Cargo.toml
check-source:
	$(if $(shell $(CARGO) fmt --version 2>/dev/null),$(CARGO) fmt --check && $(CARGO) fmt $(checks) --all --check, \
	  $(call skip,formatting: there is no cargo fmt))
	$(if $(shell $(CARGO) clippy --version 2>/dev/null), \
	  CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --locked --all-targets $(deny_warnings) && \
	  $(CARGO) clippy $(checks) --locked --workspace --all-targets $(deny_warnings),$(call skip,lints: there is no cargo clippy))

check-unit:
	CARGO_TARGET_DIR=$(target_dir) $(CARGO) test --locked --lib

# loom models of the lock-free parts.
check-models:
	$(CARGO) test $(checks) -p libaio-rs-models --release --locked

# The finished library, through its C ABI. The tests read messages of other tools.
cargo_test = LC_ALL=C LIBAIO_BUILD=$(abspath $(BUILD)) $(CARGO) test $(checks) -p libaio-rs-tests --locked --no-fail-fast
check-files:
	$(cargo_test) --test shared_library --test static_library --test names --test interposition

check-installation:
	$(cargo_test) --test installation --test documentation

check-header check-differential:
	$(cargo_test) --test $(@:check-%=%)

check-programs:
	$(cargo_test) --test c_programs

# What the kernel does, stated as checks, on the C library and on this one.
check-conformance:
	BUILD=$(BUILD) c-tests/conformance/run.sh $(original) referee ring $(filter threads,$(ENGINES))

# Every event accounted for, on the real kernel.
check-stress:
	BUILD=$(BUILD) c-tests/stress/run.sh 1 ring $(filter threads,$(ENGINES))

# The original library's own test suite.
check-original:
	checks/original/suite.sh $(BUILD) $(original)

# Other targets, the oldest compiler and the oldest libc crate.
check-compilers:
	@mkdir -p $(BUILD)
	$(if $(i686),CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --locked --target i686-unknown-linux-gnu $(deny_warnings))
	@for target in $(targets); do \
	  if [ -d "$(sysroot)/lib/rustlib/$$target/lib" ]; then \
	    echo "cargo check --target $$target"; \
	    CARGO_TARGET_DIR=$(target_dir) $(CARGO) check --quiet --release --locked --target $$target || exit 1; \
	  else echo "cargo check for $$target: its standard library is not installed" >>$(BUILD)/skipped; fi; done
	CARGO_TARGET_DIR=$(abspath $(target_dir)) checks/oldest-libc.sh $(BUILD)/oldest-libc
	if rustc --version | grep -q '^rustc 1\.85\.'; then echo 'this is the oldest Rust'; \
	elif rustup toolchain list 2>/dev/null | grep -q '^1\.85'; then \
	  CARGO_TARGET_DIR=$(target_dir)/msrv $(CARGO) +1.85.0 build --release --locked; \
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
	checks/models/mutations.sh

# Those of check-files, check-header and check-programs that look at other architectures.
check-files-long:
	CHECK_LONG=1; export CHECK_LONG; $(cargo_test) --test shared_library --test names --test interposition --test header

check-programs-long:
	$(cargo_test) --test c_programs -- --ignored

# The archive of make dist, the RPM and the Arch package.
check-packages-files:
	$(cargo_test) --test distribution

check-conformance-long:
	BUILD=$(BUILD) c-tests/conformance/run.sh $(original) referee ring syscall $(filter threads,$(ENGINES)) \
	  $(if $(i686),referee-i686 ring-i686 $(addsuffix -i686,$(filter threads,$(ENGINES))))

# The proof that the conformance suite notices mistakes.
check-mistakes:
	BUILD=$(BUILD) c-tests/conformance/mistakes/mistakes.sh

# Millions of events.
check-stress-long:
	BUILD=$(BUILD) c-tests/stress/run.sh '' ring syscall $(filter threads,$(ENGINES)) \
	  $(if $(i686),i686 $(addsuffix -i686,$(filter threads,$(ENGINES))))

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
# Seven of the programs run for a time, each in three ways.
soak: all $(BUILD)/has-aio
	BUILD=$(BUILD) c-tests/stress/run.sh $$(($(HOURS) * 3600 / 21)) ring syscall $(filter threads,$(ENGINES))

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
