# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# florist, Ada's binding of POSIX: aio_read and aio_write, lio_listio waited for and not, aio_suspend, aio_fsync.
packages='libflorist2021 libflorist2022-dev gnat gcc libc6-dev'
rows='ada'

row_ada() {
	if ! [ -e "$compiled/file_blocks" ]; then
		mkdir -p "$compiled/ada"
		gnatmake -q -O2 -gnatwe -D "$compiled/ada" -o "$compiled/file_blocks" -aI/usr/share/ada/adainclude/florist \
			-aO/usr/lib/x86_64-linux-gnu/ada/adalib/florist "$sources/file_blocks.adb" -largs -lflorist
	fi
	drive "$compiled/file_blocks" file >output || { cat output; return 1; }
	cat output
	grep -q '^ 2048 blocks$' output
	same "$(cat output)" "$(sha256sum <file)"
	result "$(cat output) written, read and compared"
}
