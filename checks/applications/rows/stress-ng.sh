# shellcheck shell=bash disable=SC2034,SC2154 # read by run.sh; set by row.sh
# stress-ng's libaio stressor, aiol. (Its stressor named aio is POSIX AIO.)
packages='stress-ng'
rows='aiol'

row_aiol() {
	ldd "$(command -v stress-ng)" | grep -q libaio.so || skip "this package makes the system calls itself, without libaio"
	drive stress-ng --aiol 2 --aiol-requests 32 --aiol-ops 2000 --verify --temp-path . --metrics-brief --timeout 60 2>output
	cat output
	grep -q 'successful run completed' output
	same "$(grep -c 'FAIL' output)"
	result "$(sed -n 's/.* aiol *\([0-9]*\) .*/\1 operations/p' output)"
}
