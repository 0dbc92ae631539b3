# An archive with the library, for people without root: $(BUILD)/libaio-rs-VERSION-MACHINE.tar.gz.
#
#   make dist

dist_name := libaio-rs-$(version)-$(or $(firstword $(subst -, ,$(RUST_TARGET))),$(shell uname -m))
# The date of the files: the last commit's, so that the same source gives the same bytes.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)

.PHONY: dist
dist: all
	rm -rf $(BUILD)/dist
	mkdir -p $(BUILD)/dist/$(dist_name)
	$(OBJCOPY) --strip-unneeded $(BUILD)/$(libname) $(BUILD)/dist/$(dist_name)/$(libname)
	for link in $(filter-out libaio.so,$(links)); do ln -s $(libname) $(BUILD)/dist/$(dist_name)/$$link || exit 1; done
	for file in $(foreach interface,$(interfaces),$(call library_of,$(interface))) $(if $(filter posix,$(interfaces)),$(posix_preload)); do \
	  $(OBJCOPY) --strip-unneeded $(BUILD)/$$file $(BUILD)/dist/$(dist_name)/$$file || exit 1; done
	for interface in $(interfaces); do \
	  ln -s $(call library_of,$${interface}) $(BUILD)/dist/$(dist_name)/lib$${interface}aio.so.1 || exit 1; done
	cp LICENSE-APACHE LICENSE-MIT $(BUILD)/dist/$(dist_name)
	$(substitute) packaging/archive-README.in $(interfaces:%=packaging/archive-README-%.in) >$(BUILD)/dist/$(dist_name)/README
	tar --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
	  -C $(BUILD)/dist -c $(dist_name) | gzip -9n >$(BUILD)/$(dist_name).tar.gz
	@echo $(BUILD)/$(dist_name).tar.gz
