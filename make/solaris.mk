# libsolarisaio.so.1: Solaris AIO on libaio. "make solaris" builds it, with its links and libsolarisaio.a.

# Where a long has 64 bits the names that end in 64 are macros of the header.
$(BUILD)/solaris/nodes: interfaces/abi/solaris.map make/solaris.mk | $(BUILD)/solaris
	sed -e '$(if $(narrow),,/64;$$/d)' $< >$@
# The function of aioread is solarisaio_read.
$(BUILD)/solaris/names: $(BUILD)/solaris/nodes
	awk '$$2 == "{" { node = $$1 } sub(/;$$/, "") && sub(/^[ \t]*aio/, "") { \
	  print "solarisaio_" $$0, "aio" $$0 "@@" node, "solarisaio_alias_" ++count }' $< >$@
