# aioinfo, the tool: a Cargo workspace of its own, which no library needs and "make" does not build.
#
#   make aioinfo            builds it as $(BUILD)/aioinfo
#   make install-aioinfo    DESTDIR, prefix, bindir, mandir, bashcompletiondir, zshcompletiondir, fishcompletiondir
#   make uninstall-aioinfo
#   make check-aioinfo      against programs that hold contexts

bindir ?= $(prefix)/bin
bashcompletiondir ?= $(prefix)/share/bash-completion/completions
zshcompletiondir ?= $(prefix)/share/zsh/site-functions
fishcompletiondir ?= $(prefix)/share/fish/vendor_completions.d

aioinfo_manifest := aioinfo/Cargo.toml
aioinfo_target := $(BUILD)/cargo-aioinfo
aioinfo_binary := $(aioinfo_target)/$(if $(RUST_TARGET),$(RUST_TARGET)/)release/aioinfo
aioinfo_sources := $(wildcard aioinfo/Cargo.toml aioinfo/Cargo.lock aioinfo/src/*.rs aioinfo/src/*/*.rs)

.PHONY: aioinfo install-aioinfo uninstall-aioinfo check-aioinfo
aioinfo: $(BUILD)/aioinfo
$(BUILD)/aioinfo: $(aioinfo_sources)
	CARGO_TARGET_DIR=$(aioinfo_target) $(if $(debug_info),CARGO_PROFILE_RELEASE_DEBUG=full CARGO_PROFILE_RELEASE_STRIP=none) \
	  $(CARGO) build --manifest-path $(aioinfo_manifest) --release --locked $(if $(RUST_TARGET),--target $(RUST_TARGET)) $(CARGOFLAGS) || \
	  { ./install-tools.sh missing build; exit 1; }
	cp $(aioinfo_binary) $@

aioinfo_installed = "$(DESTDIR)$(bindir)/aioinfo" "$(DESTDIR)$(mandir)/man8/aioinfo.8" \
	"$(DESTDIR)$(bashcompletiondir)/aioinfo" "$(DESTDIR)$(zshcompletiondir)/_aioinfo" "$(DESTDIR)$(fishcompletiondir)/aioinfo.fish"
aioinfo_unless_owned = $(if $(filter 1,$(FORCE)),,@packaging/owned-files.sh $(aioinfo_installed))

install-aioinfo: aioinfo
	$(aioinfo_unless_owned)
	$(INSTALL) -D -m 755 $(BUILD)/aioinfo "$(DESTDIR)$(bindir)/aioinfo"
	$(INSTALL) -D -m 644 man/aioinfo.8 "$(DESTDIR)$(mandir)/man8/aioinfo.8"
	$(INSTALL) -D -m 644 aioinfo/completions/aioinfo.bash "$(DESTDIR)$(bashcompletiondir)/aioinfo"
	$(INSTALL) -D -m 644 aioinfo/completions/_aioinfo "$(DESTDIR)$(zshcompletiondir)/_aioinfo"
	$(INSTALL) -D -m 644 aioinfo/completions/aioinfo.fish "$(DESTDIR)$(fishcompletiondir)/aioinfo.fish"

uninstall-aioinfo:
	$(aioinfo_unless_owned)
	@for file in $(aioinfo_installed); do \
	  if [ -e "$$file" ] || [ -L "$$file" ]; then rm "$$file" && echo "removed $$file" || exit 1; fi; done

# One test program runs after the other: one of them uses up fs.aio-max-nr, for the moment that it takes.
aioinfo_test = CARGO_TARGET_DIR=$(abspath $(aioinfo_target)) LC_ALL=C LIBAIO_BUILD=$(abspath $(BUILD)) \
	$(CARGO) test --manifest-path $(aioinfo_manifest) --locked --no-fail-fast
check-aioinfo:
	if $(BUILD)/has-aio >/dev/null; then $(aioinfo_test); \
	else $(call skip,aioinfo on programs with contexts: the kernel has no AIO); $(aioinfo_test) --bins --test completions; fi
