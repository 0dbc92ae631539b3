# Builds libaio.so.1.0.2, its links and libaio.a in build/, and libposixaio.so.1.0.0 and libsolarisaio.so.1.0.0 on it, and
# installs them.
#
#   make                  the libraries; INTERFACES= leaves all but libaio out, INTERFACES=posix Solaris AIO
#   make install          DESTDIR, prefix, libdir, includedir, mandir, pkgconfigdir, cmakedir; FORCE=1
#                         also over files of the distribution's packages
#   make clean uninstall
#
# make/aioinfo.mk has "make aioinfo", make/dist.mk "make dist", and make/checks.mk "make demo", "make check" and all
# other checks.
#
# Cargo makes a static library of the whole crate. The rest is done here, because rustc cannot give
# a function two versions: the object is cut out, checked, renamed and linked with the C compiler.

CC ?= cc
AR ?= ar
NM ?= nm
OBJCOPY ?= objcopy
READELF ?= readelf
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
posix_cmakedir ?= $(libdir)/cmake/libposixaio
solaris_cmakedir ?= $(libdir)/cmake/libsolarisaio

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
narrow := $(filter 4,$(shell echo __SIZEOF_LONG__ | $(CC) $(CFLAGS) -g0 -E -P - 2>/dev/null))
SYSTEM_CALLS += $(if $(narrow),io_getevents_time64 io_pgetevents_time64)
version_script := abi/libaio.map $(if $(narrow),abi/time64.map)

# Flags for programs, or for code compiled from C, of which there is none: they would spoil the links.
not_for_us := -pie -no-pie -static -static-pie -flto% -fuse-linker-plugin -fsanitize=%
cc := $(filter-out $(not_for_us),$(CC) $(CFLAGS))
# Any linker links the library. GNU ld cuts out the objects: lld would drop their unwind tables, and gold and mold cannot.
# "mold -run" puts itself in the place of every linker by LD_PRELOAD.
comma := ,
cut_with := $(if $(MOLD_PATH),LD_PRELOAD= )$(filter-out -Wl$(comma)%,$(cc)) -fuse-ld=bfd -r -nostdlib

target_dir := $(BUILD)/cargo
crate := $(target_dir)/$(if $(RUST_TARGET),$(RUST_TARGET)/)release/libaio_rs.a
STATE := libaio_process_state
# What finds out how the program gets its events: src/engine/program.rs.
PROGRAM := $(if $(filter threads,$(ENGINES)),libaio_program)
debug_info := $(filter 1,$(DEBUG_INFO))
members := $(patsubst %,$(BUILD)/static/%.o,$(SYSTEM_CALLS) $(CALLERS) $(STATE) $(PROGRAM))

.DELETE_ON_ERROR:
.SUFFIXES:

shared := $(if $(filter 1,$(ENABLE_SHARED)),$(addprefix $(BUILD)/,$(libname) $(links)))
all: $(shared) $(BUILD)/libaio.a

# On aarch64 rustc would call atomic functions that ask getauxval for the processor's abilities, in a
# constructor. The only start-up work is to be the library's own, so the instructions that every processor has are used.
machine := $(or $(RUST_TARGET),$(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p'))

# What is built and installed beside libaio: "posix" and "solaris", one of them, or nothing. They are made for glibc, whose
# names and versions POSIX AIO has.
INTERFACES ?= $(if $(findstring musl,$(machine)),,posix solaris)
interfaces := $(filter posix solaris,$(INTERFACES))
all: $(interfaces)

rustc_flags := $(if $(filter aarch64%,$(machine)),-Ctarget-feature=-outline-atomics)

.PHONY: all always
# Listed, so that an installation by another user needs no cargo when all is built.
sources := $(wildcard src/*.rs src/*/*.rs src/*/*/*.rs) Cargo.toml Cargo.lock
$(crate): $(sources) $(BUILD)/engines
	@for tool in $(firstword $(CARGO)) $(firstword $(CC)) $(firstword $(OBJCOPY)) $(firstword $(READELF)); do \
	  command -v $$tool >/dev/null || { echo "$$tool: not found" >&2; ./install-tools.sh missing build; exit 1; }; done
	@$(cut_with) -Wl,--version 2>/dev/null | grep -q '^GNU ld' || \
	  { echo "'$(CC)' finds no GNU ld, by its name ld.bfd, to cut the objects out: install binutils" >&2; exit 1; }
	CARGO_TARGET_DIR=$(target_dir) $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full) $(CARGO) rustc --lib --release --locked \
	  $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(if $(filter threads,$(ENGINES)),,--no-default-features) \
	  $(CARGOFLAGS) -- $(rustc_flags) || { ./install-tools.sh missing build; exit 1; }
	@test -s $@ || { echo "cargo built for another target than '$(RUST_TARGET)': set RUST_TARGET to it" >&2; exit 1; }
	touch $@

# Changes only when ENGINES does.
$(BUILD)/engines: always
	@mkdir -p $(@D)
	@echo '$(ENGINES)' | cmp -s - $@ || echo '$(ENGINES)' >$@

# The notes of the trace points keep all functions that have one. Only the object with all of these has them.
$(BUILD)/untraced.a: $(crate)
	$(OBJCOPY) --remove-section=.note.stapsdt --remove-section=.rela.note.stapsdt $< $@
$(BUILD)/%.o: cut_from = $(BUILD)/untraced.a
$(BUILD)/system-calls.o: cut_from = $(crate)

# $(call cut,FUNCTIONS): one object with these functions and what they need of the crate.
# The ARM unwinder's index is left out: it would make libgcc_s a dependency.
# So are RISC-V's tables: binutils 2.40 cannot read those of an object that it has linked before, gives the library no index of
# them, and may corrupt its own memory over them.
cut = $(cut_with) -Wl,--gc-sections $(patsubst %,-Wl$(comma)-u$(comma)%,$(1)) -o $@ $(cut_from) && \
	$(OBJCOPY) --wildcard --strip-unneeded $(if $(debug_info),--keep-section='.debug*') --remove-section=.comment --remove-section='.ARM.exidx*' --remove-section='.rel.ARM.exidx*' \
	  --remove-section='.ARM.extab*' --remove-section='.rel.ARM.extab*' \
	  --strip-symbol='__aeabi_unwind_cpp_pr*' $(if $(filter riscv%,$(machine)),--remove-section=.eh_frame --remove-section=.rela.eh_frame) $@

# What the object needs from outside is written down; a panic path would show here as one name more.
undefined := abi/undefined-symbols $(if $(filter threads,$(ENGINES)),abi/undefined-symbols.threads)
check_undefined = $(NM) -u $@ >$@.nm && sed 's/.* //' $@.nm | LC_ALL=C sort >$@.undefined && \
	extra=$$(LC_ALL=C sort $(undefined) | LC_ALL=C comm -23 $@.undefined -) && \
	if [ -n "$$extra" ]; then echo "$@ needs symbols that $(undefined) do not list:" $$extra >&2; exit 1; fi

$(BUILD)/system-calls.o: $(crate) $(undefined) Makefile
	$(call cut,$(SYSTEM_CALLS))
	$(check_undefined)

$(BUILD)/callers.o: $(BUILD)/untraced.a $(undefined) Makefile
	$(call cut,$(CALLERS) $(COMPAT))
	$(check_undefined)

# The library's writable memory, and what reads the environment into it.
$(BUILD)/static/$(STATE).o: $(BUILD)/untraced.a abi/state.S Makefile
	@mkdir -p $(@D)
	$(call cut,$(STATE)_storage libaio_configuration_storage libaio_read_environment)
	$(OBJCOPY) --redefine-sym=$(STATE)_storage=$(STATE) --redefine-sym=libaio_configuration_storage=libaio_configuration $@ $@.visible
	$(cc) -DVERSION='"$(version)"' -c -o $@.hidden.o abi/state.S
	$(cut_with) -o $@ $@.visible $@.hidden.o
	$(OBJCOPY) --strip-unneeded $(if $(debug_info),--wildcard --keep-section='.debug*') --localize-symbol=libaio_read_environment $@

# Before glibc 2.34 they were in libraries of their own.
may_be_missing := dlopen dladdr pthread_create pthread_attr_setstacksize

# The program's references tell in libaio.so, and what is linked in libaio.a.
$(BUILD)/static/libaio_program.o: linked := -DSTATIC
$(BUILD)/static/libaio_program.o $(BUILD)/shared/libaio_program.o: $(BUILD)/untraced.a $(undefined) abi/program.S abi/old-versions.sh Makefile
	@mkdir -p $(@D)
	$(call cut,libaio_program_collects_here)
	$(check_undefined)
	$(OBJCOPY) --keep-global-symbol=libaio_program_collects_here $@
	$(OBJCOPY) --redefine-sym=libaio_program_collects_here=libaio_program_collects $@ $@.visible
	$(cc) $(linked) -c -o $@.hidden.o abi/program.S
	$(cut_with) -o $@ $@.visible $@.hidden.o
	$(if $(linked),,abi/old-versions.sh $(READELF) '$(may_be_missing)' $(cc) >$@.redefine && \
	  $(OBJCOPY) --redefine-syms=$@.redefine $@)

$(BUILD)/shared/%.o: $(BUILD)/%.o abi/interposable.redefine abi/versions.redefine
	@mkdir -p $(@D)
	$(OBJCOPY) --redefine-syms=abi/interposable.redefine $< $@
	$(OBJCOPY) --redefine-syms=abi/versions.redefine $@

$(BUILD)/libaio.map: $(version_script) Makefile
	@mkdir -p $(@D)
	cat $(version_script) >$@

# From 2 MiB on the kernel would align the library, and what is loaded after it, to that.
most_loaded := 1048576
$(BUILD)/$(libname): $(BUILD)/shared/system-calls.o $(BUILD)/shared/callers.o $(BUILD)/static/$(STATE).o \
		$(patsubst %,$(BUILD)/shared/%.o,$(PROGRAM)) $(BUILD)/libaio.map abi/without-version.sh
	$(cc) -shared -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack,--as-needed,--build-id=sha1 \
	  -Wl,--version-script=$(BUILD)/libaio.map -Wl,-soname,$(soname) $(filter-out $(not_for_us),$(LDFLAGS)) -o $@ $(filter %.o,$^)
	abi/without-version.sh $(READELF) $@ $(may_be_missing)
	@sum=0; for size in $$($(READELF) -lW $@ | awk '$$1 == "LOAD" { print $$6 }'); do sum=$$((sum + size)); done; \
	  [ $$sum -gt 0 ] && [ $$sum -lt $(most_loaded) ] || \
	  { echo "$@ takes $$sum bytes of memory, not 1 to $(most_loaded)" >&2; exit 1; }

$(addprefix $(BUILD)/,$(links)): $(BUILD)/$(libname)
	ln -sf $(libname) $@

# One member per function, so that a program may bring some of them itself. Those that take events say that they are linked.
$(patsubst %,$(BUILD)/static/%.o,$(filter %getevents %getevents_time64,$(SYSTEM_CALLS))): is_collector := 1
$(BUILD)/static/%.o: $(BUILD)/untraced.a abi/interposable.redefine abi/collector.S Makefile
	@mkdir -p $(@D)
	$(call cut,$*)
	$(OBJCOPY) --keep-global-symbol=$* $@
	$(OBJCOPY) --redefine-syms=abi/interposable.redefine $@
	$(if $(is_collector),$(OBJCOPY) $@ $@.visible && $(cc) -DFUNCTION=$* -c -o $@.hidden.o abi/collector.S && \
	  $(cut_with) -o $@ $@.visible $@.hidden.o)

$(BUILD)/libaio.a: $(members)
	rm -f $@
	$(AR) rcsD $@ $^

include make/interfaces.mk

# --- installing -------------------------------------------------------------------------------

substitute = sed -e 's|@prefix@|$(prefix)|g' -e 's|@libdir@|$(libdir)|g' \
	-e 's|@includedir@|$(includedir)|g' -e 's|@version@|$(version)|g'
# What can be moved says where things are from its prefix, or from itself, a directory of CMake's.
movable = -e 's|dir=$(prefix)/|dir=$${prefix}/|' \
	-e "s|@to_libdir@|$$(packaging/relative-path.sh "$(1)" "$(libdir)")|" \
	-e "s|@to_includedir@|$$(packaging/relative-path.sh "$(1)" "$(includedir)")|"
# The pages of each interface have a section of their own, because the system has an aio_read(3) too.
pages_of = $(notdir $(wildcard man/*.3$(1)aio man/lib$(1)aio.7))
man_pages := $(notdir $(wildcard man/*.3)) libaio.7 $(foreach interface,$(interfaces),$(call pages_of,$(interface)))
# libaio's header, and those of the interfaces whose header is not the system's.
headers := libaio.h $(if $(filter solaris,$(interfaces)),sys/asynch.h)
installed_of = $(foreach file,lib$(1)aio.a $(if $(shared),$(call library_of,$(1)) $(call links_of,$(1))),"$(DESTDIR)$(libdir)/$(file)") \
	"$(DESTDIR)$(pkgconfigdir)/lib$(1)aio.pc" \
	"$(DESTDIR)$($(1)_cmakedir)/lib$(1)aio-config.cmake" "$(DESTDIR)$($(1)_cmakedir)/lib$(1)aio-config-version.cmake"

# What install puts in place and uninstall removes, quoted for the shell: directories may have spaces.
installed = $(foreach header,$(headers),"$(DESTDIR)$(includedir)/$(header)") "$(DESTDIR)$(libdir)/libaio.a" \
	$(if $(shared),$(foreach file,$(libname) $(links),"$(DESTDIR)$(libdir)/$(file)")) \
	"$(DESTDIR)$(pkgconfigdir)/libaio.pc" \
	"$(DESTDIR)$(cmakedir)/libaio-config.cmake" "$(DESTDIR)$(cmakedir)/libaio-config-version.cmake" \
	$(foreach interface,$(interfaces),$(call installed_of,$(interface))) \
	$(foreach page,$(man_pages),"$(DESTDIR)$(mandir)/man$(patsubst 3%,3,$(lastword $(subst ., ,$(page))))/$(page)")
# No file of a package is overwritten or removed: the system could be left without its library.
FORCE ?= 0
unless_owned = $(if $(filter 1,$(FORCE)),,@packaging/owned-files.sh $(installed))

.PHONY: install uninstall
install: all
	$(unless_owned)
	for header in $(headers); do $(INSTALL) -D -m 644 include/$$header "$(DESTDIR)$(includedir)/$$header" || exit 1; done
	$(INSTALL) -D -m 644 $(BUILD)/libaio.a "$(DESTDIR)$(libdir)/libaio.a"
	$(if $(shared),$(INSTALL) -m 755 $(BUILD)/$(libname) "$(DESTDIR)$(libdir)/$(libname)")
	$(if $(shared),for link in $(links); do ln -sf $(libname) "$(DESTDIR)$(libdir)/$$link" || exit 1; done)
	$(INSTALL) -d "$(DESTDIR)$(pkgconfigdir)" "$(DESTDIR)$(cmakedir)" "$(DESTDIR)$(mandir)/man3" "$(DESTDIR)$(mandir)/man7"
	$(substitute) $(call movable,$(cmakedir)) pkgconfig/libaio.pc.in >"$(DESTDIR)$(pkgconfigdir)/libaio.pc"
	$(substitute) $(call movable,$(cmakedir)) pkgconfig/libaio-config.cmake.in >"$(DESTDIR)$(cmakedir)/libaio-config.cmake"
	$(substitute) pkgconfig/libaio-config-version.cmake.in >"$(DESTDIR)$(cmakedir)/libaio-config-version.cmake"
	chmod 644 "$(DESTDIR)$(pkgconfigdir)/libaio.pc" "$(DESTDIR)$(cmakedir)"/libaio-config*.cmake
	$(foreach interface,$(interfaces),$(call install_interface,$(interface)))
	for page in $(man_pages); do section=$${page##*.}; \
	  $(INSTALL) -m 644 man/$$page "$(DESTDIR)$(mandir)/man$${section%%[a-z]*}/$$page" || exit 1; done

# Its last line is empty, so that what follows is a line of its own.
define install_interface
$(INSTALL) -m 644 $(BUILD)/lib$(1)aio.a "$(DESTDIR)$(libdir)/lib$(1)aio.a"
	$(if $(shared),$(INSTALL) -m 755 $(BUILD)/$(call library_of,$(1)) "$(DESTDIR)$(libdir)/$(call library_of,$(1))")
	$(if $(shared),for link in $(call links_of,$(1)); do ln -sf $(call library_of,$(1)) "$(DESTDIR)$(libdir)/$$link" || exit 1; done)
	$(INSTALL) -d "$(DESTDIR)$($(1)_cmakedir)"
	$(substitute) $(call movable,$($(1)_cmakedir)) pkgconfig/lib$(1)aio.pc.in >"$(DESTDIR)$(pkgconfigdir)/lib$(1)aio.pc"
	$(substitute) $(call movable,$($(1)_cmakedir)) pkgconfig/lib$(1)aio-config.cmake.in >"$(DESTDIR)$($(1)_cmakedir)/lib$(1)aio-config.cmake"
	$(substitute) pkgconfig/lib$(1)aio-config-version.cmake.in >"$(DESTDIR)$($(1)_cmakedir)/lib$(1)aio-config-version.cmake"
	chmod 644 "$(DESTDIR)$(pkgconfigdir)/lib$(1)aio.pc" "$(DESTDIR)$($(1)_cmakedir)"/lib$(1)aio-config*.cmake

endef

uninstall:
	$(unless_owned)
	@for file in $(installed); do \
	  if [ -e "$$file" ] || [ -L "$$file" ]; then rm "$$file" && echo "removed $$file" || exit 1; fi; done
	@rmdir "$(DESTDIR)$(cmakedir)" $(foreach interface,$(interfaces),"$(DESTDIR)$($(interface)_cmakedir)") \
	  $(if $(filter sys/%,$(headers)),"$(DESTDIR)$(includedir)/sys") 2>/dev/null || true

.PHONY: clean
clean:
	rm -rf $(BUILD) checks/target aioinfo/target

include make/aioinfo.mk make/dist.mk make/checks.mk
