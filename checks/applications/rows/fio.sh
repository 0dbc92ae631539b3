# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# fio: the ways in which its engine uses the library. Every block is written at random with O_DIRECT,
# read back, and its CRC-32C checked. fio's engine has no mode that waits by eventfd or by poll;
# QEMU's and tgt's do.
packages='fio jq'
rows='plain batched reap priority processes'

# verified OPTION...: one fio with these options; sets what the table shows.
verified() {
	# Laid out first, so that no write extends the file: such a write is not asynchronous.
	fio --name=layout --filename=file --rw=write --bs=1M --size=128M --end_fsync=1 --output=layout.log
	drive fio --name=global --output-format=json --output=report --ioengine=libaio --direct=1 --filename=file --rw=randwrite \
		--bs=4k --randrepeat=1 --verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 "$@"
	# Every block that was written must have been read back.
	jq -e '[.jobs[] | .error == 0 and .write.total_ios > 0 and .read.total_ios == .write.total_ios] | all' report
	same "$(jq -c '[.jobs[] | {w: .write.total_ios, r: .read.total_ios, s: .sync.total_ios, error}]' report)"
	result "$(jq -r '"\([.jobs[].read.total_ios] | add) blocks verified, \([.jobs[].write.iops] | add | floor) IOPS"' report)"
}

row_plain() {
	verified --size=128M --thread --iodepth=32 --name=row
}

# Submits 16 at a time and waits for 8 to 32.
row_batched() {
	verified --size=128M --thread --iodepth=64 --iodepth_batch_submit=16 --iodepth_batch_complete_min=8 --iodepth_batch_complete_max=32 --name=row
}

# fio takes events out of the ring itself, where it need not wait.
row_reap() {
	verified --size=64M --thread --iodepth=32 --userspace_reap --iodepth_batch_complete_min=0 --name=row
}

# Half of the requests carry a priority.
row_priority() {
	verified --size=64M --thread --iodepth=32 --cmdprio_percentage=50 --cmdprio_class=2 --cmdprio=3 --name=row
}

# Four children of one process, which had loaded the library before it forked.
row_processes() {
	verified --size=32M --iodepth=16 --name=first --name=second --offset=32M --name=third --offset=64M --name=fourth --offset=96M
}
