# Builds libaio.so.1.0.2, its links and libaio.a in build/, installs them, and runs every test.
#
#   make                  the library
#   make install          DESTDIR, prefix, libdir, includedir, mandir, pkgconfigdir, cmakedir
#   make dist             an archive with the library, for people without root
#   make demo             an unmodified fio on the C library and on this one, side by side
#   make check            every test
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
narrow := $(filter 4,$(shell echo __SIZEOF_LONG__ | $(CC) $(CFLAGS) -E -P -))
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
	CARGO_TARGET_DIR=$(target_dir) $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full) $(CARGO) rustc --lib --release --locked \
	  $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(if $(filter threads,$(ENGINES)),,--no-default-features) \
	  $(CARGOFLAGS) -- $(rustc_flags)
	@test -s $@ || { echo "cargo built for another target than '$(RUST_TARGET)': set RUST_TARGET to it" >&2; exit 1; }
	touch $@

# Changes only when ENGINES does.
$(BUILD)/engines: always
	@mkdir -p $(@D)
	@echo '$(ENGINES)' | cmp -s - $@ || echo '$(ENGINES)' >$@

# $(call cut,FUNCTIONS): one object with these functions and what they need of the crate.
# The ARM unwinder's index is left out: it would make libgcc_s a dependency.
cut = $(CC) $(CFLAGS) -r -nostdlib -Wl,--gc-sections $(patsubst %,-Wl$(comma)-u$(comma)%,$(1)) -o $@ $(crate) && \
	$(OBJCOPY) --wildcard --strip-unneeded $(if $(debug_info),--keep-section='.debug*') --remove-section='.ARM.exidx*' --remove-section='.rel.ARM.exidx*' \
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

.PHONY: install uninstall
install: all
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
	rm -f "$(DESTDIR)$(includedir)/libaio.h" "$(DESTDIR)$(libdir)/libaio.a"
	for file in $(libname) $(links); do rm -f "$(DESTDIR)$(libdir)/$$file"; done
	rm -f "$(DESTDIR)$(pkgconfigdir)/libaio.pc"
	rm -f "$(DESTDIR)$(cmakedir)/libaio-config.cmake" "$(DESTDIR)$(cmakedir)/libaio-config-version.cmake"
	for page in $(man_pages); do rm -f "$(DESTDIR)$(mandir)/man$${page##*.}/$$page"; done
	-rmdir "$(DESTDIR)$(cmakedir)" 2>/dev/null

.PHONY: clean
clean:
	rm -rf $(BUILD) tests/target tests/models/target benches/target

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
targets := i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf \
	powerpc64le-unknown-linux-gnu s390x-unknown-linux-gnu riscv64gc-unknown-linux-gnu

.PHONY: demo check check-architectures check-source check-miri check-models check-abi check-stress check-conformance \
	check-without-aio \
	check-original check-packages i686 soak bench programs sources
tools-%:
	@./install-tools.sh $*

demo: tools-demo
	@$(MAKE) --no-print-directory all >$(if $(V),/dev/stderr,/dev/null)
	@demo/compare-with-fio.sh $(BUILD)

i686:
	$(MAKE) BUILD=$(BUILD)/i686 RUST_TARGET=i686-unknown-linux-gnu CC='$(CC) -m32' all

check: tools-check
	@rm -f $(BUILD)/skipped
	@$(MAKE) --no-print-directory all $(if $(i686),i686)
	@c-tests/obtain-original.sh $(original)
	@$(MAKE) --no-print-directory check-source
	@$(MAKE) --no-print-directory check-miri
	@$(MAKE) --no-print-directory check-models
	@$(MAKE) --no-print-directory check-abi
	@$(MAKE) --no-print-directory check-stress
	@$(MAKE) --no-print-directory check-conformance
	@$(MAKE) --no-print-directory check-without-aio
	@$(MAKE) --no-print-directory check-original
	@echo "skipped: $$(sort -u $(BUILD)/skipped 2>/dev/null | grep -c .)"
	@sort -u $(BUILD)/skipped 2>/dev/null || true
	@echo 'make check: all tests passed'

# Formatting, lints, unit tests, and the oldest compiler that may build the library.
check-source:
	$(CARGO) fmt --check
	cd tests && $(CARGO) fmt --check
	cd tests/models && $(CARGO) fmt --check
	cd benches && $(CARGO) fmt --check
	CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --locked --all-targets -- -D warnings
	$(if $(i686),CARGO_TARGET_DIR=$(target_dir) $(CARGO) clippy --locked --target i686-unknown-linux-gnu -- -D warnings)
	cd tests && $(CARGO) clippy --locked --all-targets -- -D warnings
	CARGO_TARGET_DIR=$(target_dir) $(CARGO) test --locked --lib
	@for target in $(targets); do \
	  if [ -d "$(sysroot)/lib/rustlib/$$target/lib" ]; then \
	    echo "cargo check --target $$target"; \
	    CARGO_TARGET_DIR=$(target_dir) $(CARGO) check --quiet --release --locked --target $$target || exit 1; \
	  else echo "cargo check for $$target: its standard library is not installed" >>$(BUILD)/skipped; fi; done
	CARGO_TARGET_DIR=$(abspath $(target_dir)) c-tests/oldest-libc.sh $(BUILD)/oldest-libc
	if rustup toolchain list 2>/dev/null | grep -q '^1\.85'; then \
	  CARGO_TARGET_DIR=$(target_dir)/msrv $(CARGO) +1.85.0 build --release --locked; \
	else echo 'the minimum Rust version, 1.85: not installed' >>$(BUILD)/skipped; fi

# The unit tests interpreted, with every access checked, for other word sizes and byte orders too.
check-miri:
	if $(CARGO) +nightly miri --version >/dev/null 2>&1; then \
	  for target in x86_64-unknown-linux-gnu i686-unknown-linux-gnu s390x-unknown-linux-gnu; do \
	    CARGO_TARGET_DIR=$(target_dir)/miri MIRIFLAGS=-Zmiri-tree-borrows \
	    $(CARGO) +nightly miri test --quiet --locked --lib --target $$target </dev/null || exit 1; done; \
	else echo 'Miri: there is no nightly Rust with it' >>$(BUILD)/skipped; fi

# The finished library, through its C ABI. The tests read messages of other tools.
check-abi:
	cd tests && LC_ALL=C $(CARGO) test --locked

# loom models of the lock-free parts, and the proof that each would notice a mistake.
check-models:
	cd tests/models && $(CARGO) test --release --locked
	tests/models/mutations.sh

# Millions of events on the real kernel, each accounted for.
check-stress:
	BUILD=$(BUILD) c-tests/stress/run.sh

# Every architecture, built with Debian's cross compilers and tried under qemu-user.
check-architectures: tools-architectures
	@c-tests/obtain-original.sh $(original)
	@c-tests/architectures/obtain-compilers.sh $(BUILD)/architectures/compilers
	@c-tests/architectures/check.sh $(BUILD) $(original) $(BUILD)/architectures/compilers

# What the kernel does, stated as checks, on the C library and on this one; and the proof that they
# notice mistakes.
check-conformance:
	@c-tests/obtain-original.sh $(original)
	BUILD=$(BUILD) c-tests/conformance/run.sh $(original) $(filter threads,$(ENGINES))
	BUILD=$(BUILD) c-tests/conformance/mistakes/mistakes.sh

# Where the kernel has no AIO, and the threads engine's faults. With FULL=1 other people's programs too.
check-without-aio: $(if $(FULL),tools-without-aio)
	@c-tests/obtain-original.sh $(original)
	$(if $(filter threads,$(ENGINES)),c-tests/without-aio/run.sh $(BUILD) $(original) $(if $(FULL),full),echo 'without AIO: the library has no threads engine' >>$(BUILD)/skipped)

HOURS ?= 1
soak: all
	BUILD=$(BUILD) c-tests/stress/run.sh $$(($(HOURS) * 3600 / 8))

bench: tools-check all
	@c-tests/obtain-original.sh $(original)
	cd benches && $(CARGO) bench --locked
	benches/chart.py

PROGRAMS ?=
programs: tools-programs
	@$(MAKE) --no-print-directory all >$(if $(V),/dev/stderr,/dev/null)
	@c-tests/obtain-original.sh $(original)
	@programs/run.sh $(BUILD) $(original) $(PROGRAMS)

SOURCES ?=
sources: tools-sources
	@$(MAKE) --no-print-directory all >$(if $(V),/dev/stderr,/dev/null)
	@c-tests/obtain-original.sh $(original)
	@programs/compile-sources.sh $(BUILD) $(original) $(SOURCES)

# Debian packages, built and swapped in clean roots. Needs root and a network.
check-packages:
	c-tests/packages/check.sh $(BUILD)/packages

# The original library's own test suite.
check-original:
	c-tests/original-suite.sh $(BUILD) $(original)
