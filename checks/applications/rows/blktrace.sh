# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# blktrace's btreplay does a recorded load again, with libaio. The recordings are made here, in its
# format, so that the row knows what must be on the disk afterwards, and needs no tracing in the kernel.
packages='blktrace'
rows='btreplay'

# recording NAME READ: 64 bunches of 64 requests of 4 KiB, for every other block of 32 MiB, in an order
# that jumps. READ is 1 for reads, 0 for writes. A header has version 1.0.0, the first time, the numbers
# of bunches and of requests; a bunch its length and time; a request sector, bytes and READ.
recording() {
	perl -e 'my ($read) = @ARGV;
		print pack("Q4", 1 << 16, 0, 64, 4096);
		for my $bunch (0 .. 63) {
			print pack("Q2", 64, $bunch * 1000);
			print pack("Q2Lx4", ($bunch * 64 + $_) * 1021 % 4096 * 16, 4096, $read) for 0 .. 63;
		}' "$2" >"$1"
}

# replay OPTION...: btreplay sometimes never ends, with either library, when its threads pass each other
# (one run in six here): each waits for the other on a condition of its own. Then it is begun again.
replay() {
	local attempt
	for attempt in 1 2 3 4 5 6 7 8 9 10; do
		drive timeout --signal=KILL 5 btreplay -v "$@" -N "${device##*/}" && return
		echo "attempt $attempt did not end"
	done
	return 1
}

row_btreplay() {
	need_root 'it replays on a loop device'
	head -c 32M /dev/zero | tr '\0' '\377' >disk
	loop_device disk
	mkdir writes reads
	recording "writes/${device##*/}.replay.0" 0
	recording "reads/${device##*/}.replay.0" 1
	replay -d writes -W
	replay -d reads
	sync disk
	blockdev --flushbufs "$device"
	# Every other block must have been written, no other one touched. btreplay writes what its memory held.
	perl -e 'my ($written, $kept, $count) = (0, 0, 0);
		while (read STDIN, my $block, 4096) {
			my $same = $block eq "\xff" x 4096;
			$kept++ if $same && $count % 2;
			$written++ if !$same && $count % 2 == 0;
			$count++;
		}
		print "$written blocks written, $kept kept\n"' <disk | tee blocks
	grep -q '^4096 blocks written, 4096 kept$' blocks
	same "$(cat blocks)"
	result '4096 writes and 4096 reads done again'
}
