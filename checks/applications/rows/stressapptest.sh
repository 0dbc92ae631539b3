# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# stressapptest writes patterns to a disk in random places, reads them back and compares.
packages='stressapptest'
rows='disk'

row_disk() {
	need_root 'it writes to a loop device'
	fallocate -l 256M disk
	loop_device disk
	drive stressapptest -s 6 -M 64 -m 1 -d "$device" --random-threads 2 --destructive >output || { cat output; return 1; }
	cat output
	grep -q '^Status: PASS' output
	grep -q 'with 0 hardware incidents, 0 errors' output
	if grep -q 'Stats: Disk: 0.00M' output; then return 1; fi
	same "$(grep '^Status' output)"
	result "$(sed -n 's/^Stats: Disk: *\(.*\) at \(.*\)/\1 compared, \2/p' output)"
}
