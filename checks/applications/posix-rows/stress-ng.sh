# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# stress-ng's stressor aio: reads and writes that each send a signal, begun anew in the handler. It checks the data.
packages='stress-ng'
rows='aio'

row_aio() {
	drive stress-ng --aio 2 --aio-requests 32 --aio-ops 20000 --verify --temp-path . --metrics-brief --timeout 60 2>output || { cat output; return 1; }
	cat output
	grep -q 'successful run completed' output
	same "$(grep -c 'FAIL' output)"
	result "$(sed -n 's/.* aio  *\([0-9]*\)  *\([0-9.]*\) .*/\1 operations in \2 s/p' output | head -n 1)"
}
