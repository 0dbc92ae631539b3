# libposixaio.so.1: POSIX AIO on libaio. "make posix" builds it, with its links, libposixaio.a, and
# libposixaio-preload.so, which has libaio inside.

posix_soname := libposixaio.so.1
posix_libname := $(posix_soname).0.0
posix_links := $(posix_soname) libposixaio.so
posix_preload := libposixaio-preload.so
posix_shared := $(addprefix $(BUILD)/,$(posix_libname) $(posix_links) $(posix_preload))
posix_built := $(posix_shared) $(BUILD)/libposixaio.a
posix_crate := $(dir $(crate))libaio_rs_interfaces.a
posix_sources := $(wildcard interfaces/Cargo.toml interfaces/src/*.rs interfaces/src/*/*.rs) $(sources)
# "-m32" does not change what the compiler is called for.
posix_machine = $(firstword $(subst -, ,$(shell $(cc) -dumpmachine)))
posix_names = interfaces/abi/posix-names.sh $(if $(narrow),$(posix_machine:x86_64=i686),$(posix_machine))
posix_functions = $(sort $(shell $(posix_names) names | sed 's/ .*//')) posixaio_read_environment posixaio_drain

.PHONY: posix
posix: $(posix_built)

# Small. By frame pointers the unwind tables become shorter than the code becomes longer.
small := -Copt-level=z -Cforce-frame-pointers=yes

$(posix_crate): $(posix_sources) $(crate)
	CARGO_TARGET_DIR=$(target_dir) $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full) $(CARGO) rustc -p libaio-rs-interfaces --lib --release --locked \
	  $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(CARGOFLAGS) -- $(rustc_flags) $(small) || { ./install-tools.sh missing build; exit 1; }
	touch $@

$(BUILD)/posix:
	mkdir -p $@

# Every name is a symbol of its own: a function of two versions has two.
$(BUILD)/posix/names: interfaces/abi/posix-names.sh | $(BUILD)/posix
	$(posix_names) names | awk '{ print $$0, "posixaio_alias_" NR }' >$@
$(BUILD)/posix/nodes: interfaces/abi/posix-names.sh | $(BUILD)/posix
	$(posix_names) nodes >$@

$(BUILD)/posix/functions.o: cut_from = $(posix_crate)
$(BUILD)/posix/functions.o: undefined = interfaces/abi/undefined-symbols
$(BUILD)/posix/functions.o: $(posix_crate) interfaces/abi/undefined-symbols Makefile make/posix.mk | $(BUILD)/posix
	$(call cut,$(posix_functions))
	$(check_undefined)

$(BUILD)/posix/%.start.o: interfaces/abi/posix.S | $(BUILD)/posix
	$(cc) $(if $(filter static,$*),-DSTATIC) -c -o $@ $<

$(BUILD)/posix/identity.o: interfaces/abi/identity.S | $(BUILD)/posix
	$(cc) -c -o $@ $<

# $(call name,FILE): FILE has lines of three words: function, name, alias.
define name
$(cut_with) -o $@.named $(BUILD)/posix/functions.o $(filter %.start.o,$^) $$(sed 's/\(.*\) .* \(.*\)/-Wl,--defsym=\2=\1/' $(1))
sed 's/.* \(.*\) \(.*\)/\2 \1/' $(1) >$@.redefine
sed 's/.* \(.*\) .*/\1/' $(1) >$@.keep
$(OBJCOPY) --redefine-syms=$@.redefine $@.named $@
$(OBJCOPY) --keep-global-symbols=$@.keep $@
endef

$(BUILD)/posix/shared.o: $(BUILD)/posix/functions.o $(BUILD)/posix/shared.start.o $(BUILD)/posix/names
	$(call name,$(BUILD)/posix/names)

# Of a name's versions the one that programs are linked with now.
$(BUILD)/posix/static-names: $(BUILD)/posix/names
	sed -n 's/@@[^ ]*//p' $< >$@
$(BUILD)/posix/static.o: $(BUILD)/posix/functions.o $(BUILD)/posix/static.start.o $(BUILD)/posix/static-names
	$(call name,$(BUILD)/posix/static-names)

# A SONAME and a version script that packagers give are libaio's.
not_for_posix = $(not_for_us) -Wl$(comma)-soname% -Wl$(comma)--version-script%
# Code and constants share pages, to be small. It stays when it is unloaded: the program may have requests in flight, and threads are at work.
posix_flags = $(filter-out $(not_for_posix),$(LDFLAGS))
# The compiler's start files serve constructors of C and C++: identity.S has what is needed of them.
# Gold, which shares pages by itself, does not know the option.
together = $(shell $(cc) $(posix_flags) -Wl,-z,noseparate-code,--version >/dev/null 2>&1 && echo $(comma)-z$(comma)noseparate-code)
posix_link = $(cc) -shared -nostartfiles -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack$(together),-z,nodelete,--as-needed,--build-id=sha1 \
	-Wl,--version-script=$(BUILD)/posix/nodes $(posix_flags) -o $@ $(BUILD)/posix/shared.o $(BUILD)/posix/identity.o

$(BUILD)/$(posix_libname): $(BUILD)/posix/shared.o $(BUILD)/posix/identity.o $(BUILD)/posix/nodes $(BUILD)/$(soname)
	$(posix_link) -Wl,-soname,$(posix_soname) $(BUILD)/$(soname)
$(BUILD)/$(posix_preload): $(BUILD)/posix/shared.o $(BUILD)/posix/identity.o $(BUILD)/posix/nodes $(BUILD)/libaio.a
	$(posix_link) -Wl,-soname,$(posix_preload) -Wl,--exclude-libs,ALL $(BUILD)/libaio.a
$(addprefix $(BUILD)/,$(posix_links)): $(BUILD)/$(posix_libname)
	ln -sf $(posix_libname) $@

$(BUILD)/libposixaio.a: $(BUILD)/posix/static.o
	rm -f $@
	$(AR) rcsD $@ $^
