# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# sanlock's leases on a shared disk, here a file, without its daemon.
packages='libsanlock1 libblkid1 libuuid1'
unpacked='sanlock'
rows='leases'

row_leases() {
	local sanlock=$files/usr/sbin/sanlock resource
	fallocate -l 16M disk
	drive "$sanlock" direct init -s "space:0:$PWD/disk:0"
	for resource in $(seq 1 8); do
		drive "$sanlock" direct init -r "space:resource$resource:$PWD/disk:${resource}M"
	done
	drive "$sanlock" direct dump "$PWD/disk" >leases
	cat leases
	[ "$(grep -c 'resource[1-8]' leases)" = 8 ]
	same "$(cat leases)"
	result '8 leases written and read'
}
