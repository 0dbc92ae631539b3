# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# tgt: a disk by iSCSI whose daemon does the I/O with libaio and eventfd. The other end is qemu's iSCSI
# client, over the loopback network.
packages='libibverbs1 librdmacm1 libsystemd0 qemu-utils qemu-block-extra'
unpacked='tgt'
rows='iscsi'

row_iscsi() {
	local control=$((RANDOM % 9000 + 1000)) disk commands=() at
	local port=$((control + 20000)) tgt=$files/usr/sbin
	need_root 'tgtd locks its memory'
	tgtadm() { "$tgt/tgtadm" -C "$control" --lld iscsi "$@"; }

	truncate -s 128M disk
	start "$tgt/tgtd" -f -C "$control" --iscsi portal=127.0.0.1:$port
	for _ in $(seq 100); do
		if tgtadm --mode sys --op show >sys.log 2>&1; then break; fi
		sleep 0.1
	done
	cat sys.log
	tgtadm --mode target --op new --tid 1 --targetname iqn.2026-01.test:disk
	tgtadm --mode logicalunit --op new --tid 1 --lun 1 --bstype aio --backing-store "$PWD/disk"
	tgtadm --mode target --op bind --tid 1 -I ALL
	tgtadm --mode target --op show | grep 'Backing store type: aio'

	disk=iscsi://127.0.0.1:$port/iqn.2026-01.test:disk/1
	for at in $(seq 0 63); do
		commands+=(-c "aio_write -q -P $((at + 1)) ${at}M 1M")
	done
	qemu-io -f raw "${commands[@]}" -c aio_flush -c flush "$disk"
	head -c 32M /dev/urandom >random
	qemu-io -f raw -c "write -q -s random 64M 32M" "$disk"
	qemu-img convert -f raw -O raw "$disk" back
	# The daemon ignores the usual signals.
	tgtadm --mode target --op delete --force --tid 1
	tgtadm --mode system --op delete
	finish
	cmp back disk
	for at in $(seq 0 63); do
		[ "$(dd if=back bs=1M skip="$at" count=1 status=none | tr -d "\\$(printf %o $((at + 1)))" | wc -c)" = 0 ]
	done
	same "$(head -c 64M back | sha256sum)"
	result '96 MiB written, 128 MiB read back by iSCSI'
}
