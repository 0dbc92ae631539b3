# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# ACE's proactor, in both its ways, on a file and on sockets.
packages='libace-dev g++ libc6-dev'
rows='aiocb signals'

proactor() {
	[ -e "$compiled/proactor" ] || g++ -O2 -Wall -Wextra -Werror -o "$compiled/proactor" "$sources/proactor.cc" -lACE -pthread
	drive "$compiled/proactor" "$1" file >output || { cat output; return 1; }
	cat output
	grep -q '^2048 blocks, 12000000 bytes through sockets$' output
	same "$(cat output)" "$(sha256sum <file)"
	result "$(cat output)"
}

# It waits in aio_suspend.
row_aiocb() { proactor aiocb; }

# Each request sends a signal.
row_signals() { proactor signals; }
