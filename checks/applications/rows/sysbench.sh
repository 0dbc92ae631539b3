# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# sysbench's file test in its asynchronous mode.
packages='sysbench'
rows='fileio'

fileio() {
	local mode=$1 io=$2
	shift 2
	drive sysbench fileio --file-total-size=128M --file-num=8 --file-test-mode="$mode" --file-io-mode="$io" --threads=4 "$@" run
}

# sysbench checks a block when it has submitted the read, not when it is done, so the blocks that
# asynchronous writes left are checked by synchronous reads. Asynchronous reads are counted.
row_fileio() {
	# Each block is written once, over a file without checksums.
	sysbench fileio --file-total-size=128M --file-num=8 prepare >prepare.log
	fileio seqwr async --validate=on --events=8192 --time=60 --file-fsync-freq=0 --file-async-backlog=64 >write.log
	cat write.log
	fileio seqrd sync --validate=on --time=60 --events=8192 >check.log
	cat check.log
	fileio rndrd async --file-extra-flags=direct --file-async-backlog=64 --events=20000 --time=60 >read.log
	cat read.log
	grep -q 'Using asynchronous I/O mode' write.log
	same "$(grep -h 'total number of events' write.log check.log read.log)"
	result "8192 blocks verified, $(sed -n 's/ *reads\/s: *\([0-9]*\).*/\1/p' read.log) reads/s"
}
