# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# fio's engine posixaio: aio_read, aio_write and aio_fsync without notification, aio_suspend for up to eight requests and
# aio_error for all. Every block is written at random, read back, and its CRC-32C checked.
packages='fio jq'
rows='direct buffered mixed fsync processes'

# verified OPTION...: one fio with these options; adds to what the table shows.
verified() {
	# Laid out first: a write that extends a file is another thing, and the row buffered has it.
	fio --name=layout --filename=file --rw=write --bs=1M --size=32M --end_fsync=1 --output=layout.log
	drive fio --name=global --output-format=json --output=report --ioengine=posixaio --filename=file --rw=randwrite \
		--bs=4k --randrepeat=1 --verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 "$@"
	# Every block that was written must have been read back.
	jq -e '[.jobs[] | .error == 0 and .write.total_ios > 0 and .read.total_ios == .write.total_ios] | all' report
	same "$(jq -c '[.jobs[] | {w: .write.total_ios, r: .read.total_ios, error}]' report)"
	blocks=$((${blocks-0} + $(jq '[.jobs[].read.total_ios] | add' report)))
	iops=$(jq '[.jobs[].read.iops] | add | floor' report)
}

row_direct() {
	local depth
	kernel_aio
	for depth in 1 2 4 8 16 32 64; do
		verified --direct=1 --size=16M --thread --iodepth=$depth --name=row
	done
	result "$blocks blocks verified, $iops IOPS"
}

# Cached and cold reads, and writes beyond the end.
row_buffered() {
	local depth
	for depth in 1 8 32 64; do
		verified --size=32M --thread --iodepth=$depth --invalidate=1 --name=row
		rm file
		verified --size=32M --thread --iodepth=$depth --invalidate=0 --filename=new --fallocate=none --name=row
		rm new
	done
	result "$blocks blocks verified, $iops IOPS"
}

# Reads and writes of blocks of many sizes beside each other.
row_mixed() {
	kernel_aio
	drive fio --output-format=json --output=report --ioengine=posixaio --direct=1 --filename=file --rw=randrw --size=32M --bsrange=4k-64k \
		--randrepeat=1 --iodepth=32 --thread --name=row --verify=crc32c --verify_fatal=1 --verify_state_save=0
	jq -e '.jobs[0] | .error == 0 and .write.total_ios > 0 and .read.total_ios > 0' report
	same "$(jq -c '.jobs[0] | [.write.io_bytes, .read.io_bytes, .error]' report)"
	result "$(jq -r '.jobs[0] | "\(.write.io_bytes + .read.io_bytes) bytes, \(.read.iops + .write.iops | floor) IOPS"' report)"
}

# How many fio makes of them depends on time.
row_fsync() {
	local syncs
	verified --size=16M --thread --iodepth=16 --fsync=16 --name=row
	syncs=$(jq '.jobs[0].sync.total_ios' report)
	verified --size=16M --thread --iodepth=16 --fsync=16 --direct=1 --name=row
	syncs=$((syncs + $(jq '.jobs[0].sync.total_ios' report)))
	[ $syncs != 0 ]
	result "$blocks blocks verified, $syncs syncs"
}

# Four children of one process, which had loaded the library before it forked.
row_processes() {
	kernel_aio
	verified --direct=1 --size=8M --iodepth=16 --name=first --name=second --offset=8M --name=third --offset=16M --name=fourth --offset=24M
	result "$blocks blocks verified, $iops IOPS"
}
