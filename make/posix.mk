# libposixaio.so.1: POSIX AIO on libaio. "make posix" builds it, with its links, libposixaio.a, and
# libposixaio-preload.so, which has libaio inside.

posix_preload := libposixaio-preload.so
posix_names = interfaces/abi/posix-names.sh $(if $(narrow),$(interface_machine:x86_64=i686),$(interface_machine))

posix: $(BUILD)/$(posix_preload)

# Every name is a symbol of its own: a function of two versions has two.
$(BUILD)/posix/names: interfaces/abi/posix-names.sh | $(BUILD)/posix
	$(posix_names) names | awk '{ print $$0, "posixaio_alias_" NR }' >$@
$(BUILD)/posix/nodes: interfaces/abi/posix-names.sh | $(BUILD)/posix
	$(posix_names) nodes >$@

$(BUILD)/$(posix_preload): $(BUILD)/lib%aio-preload.so: $(BUILD)/%/shared.o $(BUILD)/%/identity.o $(BUILD)/%/nodes $(BUILD)/libaio.a
	$(call link_interface,$(@F)) -Wl,--exclude-libs,ALL $(BUILD)/libaio.a
