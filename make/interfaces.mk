# What the libraries on libaio have in common. Each is the crate in interfaces/, built with the feature of its name, cut by
# symbol as libaio is, and linked with libaio. make/posix.mk and make/solaris.mk have what is one library's alone: its names,
# in $(BUILD)/NAME/names, and its version script, in $(BUILD)/NAME/nodes.

all_interfaces := posix solaris
# $(call of_each,FILE): that file of each. $(call library_of,INTERFACE): the library with its version.
of_each = $(all_interfaces:%=$(BUILD)/%/$(1))
library_of = lib$(1)aio.so.1.0.0
links_of = lib$(1)aio.so.1 lib$(1)aio.so
# What each has in interfaces/abi: its start, and the symbols that it may need.
undefined_of = $(wildcard interfaces/abi/undefined-symbols interfaces/abi/undefined-symbols.$(1))
interface_sources := $(wildcard interfaces/Cargo.toml interfaces/src/*.rs interfaces/src/*/*.rs) $(sources)
# A directory of cargo's for each: in one, each would take the other's place.
interface_crate = $(target_dir)/$(1)/$(if $(RUST_TARGET),$(RUST_TARGET)/)release/libaio_rs_interfaces.a
# "-m32" does not change what the compiler is called for.
interface_machine = $(firstword $(subst -, ,$(shell $(cc) -dumpmachine)))

.PHONY: $(all_interfaces)
$(all_interfaces): %: $(BUILD)/lib%aio.so.1.0.0 $(BUILD)/lib%aio.so.1 $(BUILD)/lib%aio.so $(BUILD)/lib%aio.a

# Small. By frame pointers the unwind tables become shorter than the code becomes longer.
small := -Copt-level=z -Cforce-frame-pointers=yes

# libaio's is made first: it looks for the tools.
$(foreach interface,$(all_interfaces),$(call interface_crate,$(interface))): $(call interface_crate,%): $(interface_sources) | $(crate)
	CARGO_TARGET_DIR=$(target_dir)/$* $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full) $(CARGO) rustc -p libaio-rs-interfaces --lib --release --locked \
	  --no-default-features --features threads,$* $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(CARGOFLAGS) -- $(rustc_flags) $(small) || \
	  { ./install-tools.sh missing build; exit 1; }
	touch $@

$(all_interfaces:%=$(BUILD)/%):
	mkdir -p $@

# Lines of three words: the function inside, the name with its version, and a symbol for that name.
$(call of_each,functions.o): cut_from = $(call interface_crate,$*)
$(call of_each,functions.o): undefined = $(call undefined_of,$*)
$(call of_each,functions.o): $(BUILD)/%/functions.o: $(call interface_crate,%) $(BUILD)/%/names $(wildcard interfaces/abi/undefined-symbols*) Makefile make/interfaces.mk
	$(call cut,$(sort $(shell sed 's/ .*//' $(BUILD)/$*/names)) $*aio_read_environment $*aio_drain)
	$(check_undefined)

$(call of_each,shared.start.o): $(BUILD)/%/shared.start.o: interfaces/abi/%.S interfaces/abi/start.S | $(BUILD)/%
	$(cc) -c -o $@ $<
$(call of_each,static.start.o): $(BUILD)/%/static.start.o: interfaces/abi/%.S interfaces/abi/start.S | $(BUILD)/%
	$(cc) -DSTATIC -c -o $@ $<

$(call of_each,identity.o): $(BUILD)/%/identity.o: interfaces/abi/identity.S | $(BUILD)/%
	$(cc) -c -o $@ $<

# $(call name,FILE): gives the functions the names that stand there.
define name
$(cut_with) -o $@.named $(filter %.o,$^) $$(sed 's/\(.*\) .* \(.*\)/-Wl,--defsym=\2=\1/' $(1))
sed 's/.* \(.*\) \(.*\)/\2 \1/' $(1) >$@.redefine
sed 's/.* \(.*\) .*/\1/' $(1) >$@.keep
$(OBJCOPY) --redefine-syms=$@.redefine $@.named $@
$(OBJCOPY) --keep-global-symbols=$@.keep $@
endef

$(call of_each,shared.o): $(BUILD)/%/shared.o: $(BUILD)/%/functions.o $(BUILD)/%/shared.start.o $(BUILD)/%/names
	$(call name,$(BUILD)/$*/names)

# Of a name's versions the one that programs are linked with now.
$(call of_each,static-names): $(BUILD)/%/static-names: $(BUILD)/%/names
	sed -n 's/@@[^ ]*//p' $< >$@
$(call of_each,static.o): $(BUILD)/%/static.o: $(BUILD)/%/functions.o $(BUILD)/%/static.start.o $(BUILD)/%/static-names
	$(call name,$(BUILD)/$*/static-names)

# A SONAME and a version script that packagers give are libaio's.
not_for_interfaces = $(not_for_us) -Wl$(comma)-soname% -Wl$(comma)--version-script%
interface_flags = $(filter-out $(not_for_interfaces),$(LDFLAGS))
# Gold, which lets code and constants share pages by itself, does not know the option.
together = $(shell $(cc) $(interface_flags) -Wl,-z,noseparate-code,--version >/dev/null 2>&1 && echo $(comma)-z$(comma)noseparate-code)
# $(call link_interface,SONAME). Code and constants share pages, to be small. The compiler's start files serve constructors of C and
# C++: identity.S has what is needed of them. It stays when it is unloaded: the program may have requests in flight, and threads
# are at work.
link_interface = $(cc) -shared -nostartfiles -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack$(together),-z,nodelete,--as-needed,--build-id=sha1 \
	-Wl,--version-script=$(BUILD)/$*/nodes $(interface_flags) -Wl,-soname,$(1) -o $@ $(BUILD)/$*/shared.o $(BUILD)/$*/identity.o

$(all_interfaces:%=$(BUILD)/lib%aio.so.1.0.0): $(BUILD)/lib%aio.so.1.0.0: $(BUILD)/%/shared.o $(BUILD)/%/identity.o $(BUILD)/%/nodes $(BUILD)/$(soname)
	$(call link_interface,lib$*aio.so.1) $(BUILD)/$(soname)
$(all_interfaces:%=$(BUILD)/lib%aio.so.1): %: %.0.0
	ln -sf $(<F) $@
$(all_interfaces:%=$(BUILD)/lib%aio.so): %: %.1.0.0
	ln -sf $(<F) $@

$(all_interfaces:%=$(BUILD)/lib%aio.a): $(BUILD)/lib%aio.a: $(BUILD)/%/static.o
	rm -f $@
	$(AR) rcsD $@ $^

include make/posix.mk make/solaris.mk
