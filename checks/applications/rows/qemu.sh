# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# qemu-io and qemu-img with aio=native: QEMU waits on an eventfd and takes the events out of the ring by
# itself, so it is also a test that the ring is what programs expect.
packages='qemu-utils'
rows='io convert bench'

native() { echo "driver=$2,file.driver=file,file.filename=$1,file.aio=native,file.cache.direct=on"; }

# Patterns written and read back, one at a time and many in flight.
row_io() {
	local commands=() at
	qemu-img create -q -f raw disk 256M
	for at in $(seq 0 127); do
		commands+=(-c "aio_write -q -P $((at + 1)) ${at}M 1M")
	done
	commands+=(-c aio_flush)
	for at in $(seq 0 127); do
		commands+=(-c "aio_read -q -P $((at + 1)) ${at}M 1M")
	done
	commands+=(-c aio_flush -c 'write -P 200 200M 16M' -c 'read -P 200 200M 16M' -c 'read -P 0 128M 1M' -c flush)
	drive qemu-io -n -k -f raw "${commands[@]}" disk >output
	cat output
	if grep -i -E 'fail|error' output; then return 1; fi
	same "$(sha256sum disk)"
	result '290 MiB of patterns written and read back'
}

# raw to qcow2 and back to raw; the end must equal the beginning.
row_convert() {
	head -c 192M /dev/urandom >disk
	truncate -s 256M disk
	qemu-img create -q -f qcow2 disk.qcow2 256M
	qemu-img create -q -f raw disk.raw 256M
	drive qemu-img convert -n --image-opts --target-image-opts "$(native disk raw)" "$(native disk.qcow2 qcow2)"
	drive qemu-img compare --image-opts "$(native disk raw)" "$(native disk.qcow2 qcow2)"
	drive qemu-img convert -n --image-opts --target-image-opts "$(native disk.qcow2 qcow2)" "$(native disk.raw raw)"
	qemu-img check disk.qcow2
	cmp disk disk.raw
	same "$(qemu-img check --output=json disk.qcow2 | grep -E 'clusters|errors')"
	result '256 MiB to qcow2 and back, equal'
}

row_bench() {
	qemu-img create -q -f raw disk 64M
	drive qemu-img bench -i native -t none -f raw -w --pattern=91 -d 64 -c 16384 disk >output
	cat output
	# The pattern is the number 91 in every byte.
	[ "$(tr -d '\133' <disk | wc -c)" = 0 ]
	same "$(sha256sum disk)"
	result "16384 writes, 64 in flight: $(sed -n 's/Run completed in \(.*\) seconds./\1 s/p' output)"
}
