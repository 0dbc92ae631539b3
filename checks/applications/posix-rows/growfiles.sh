# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# growfiles of the Linux Test Project: writes of random sizes at random places of files that grow and shrink, each read
# back and compared. It begins them with aio_write or lio_listio, and waits in turn in aio_suspend, for a signal, and by
# asking. LTP is a folder, a checkout.
packages='gcc libc6-dev'
version_of='cat "$LTP/VERSION"'
rows='files append'

build_growfiles() {
	local from each files=()
	[ -n "${LTP-}" ] || skip 'no LTP=FOLDER is given, a checkout of the Linux Test Project'
	from=$LTP/testcases/kernel/fs/doio
	[ -e "$from/growfiles.c" ] || { echo "there is no $from/growfiles.c" >&2; return 1; }
	[ ! -e "$compiled/growfiles" ] || return 0
	# Its own build would have to be configured; what it finds out is that there is an <aio.h>.
	mkdir -p "$compiled/config"
	echo '#define HAVE_AIO_H 1' >"$compiled/config/config.h"
	for each in growfiles dataascii databin file_lock forker open_flags datapid pattern string_to_tokens bytes_by_prefix; do
		files+=("$from/$each.c")
	done
	gcc -w -O2 -D_GNU_SOURCE -D_LARGEFILE64_SOURCE -include "$compiled/config/config.h" -I"$compiled/config" \
		-I"$LTP/include" -I"$LTP/include/old" -I"$from/include" -o "$compiled/growfiles" "${files[@]}" \
		"$LTP"/lib/{tlibio,random_range}.c "$sources/growfiles_result.c" -lrt -pthread
}

# grow OPTION...: all its ways to begin and to wait; the same seed gives the same files.
grow() {
	local way
	build_growfiles
	for way in p b a l L X; do
		drive "$compiled/growfiles" -W "$way" -D 0 -b -e 1 -C 1 -s 17 -S 3 -f "file_$way" -d . -I $way "$@" >output ||
			{ cat output; return 1; }
		grep -q 'passed' output
	done
	same "$(sha256sum file_*)"
	result "$(find . -name 'file_*' -printf . | wc -c) files, each block compared when written"
}

row_files() { grow -i 400 -r 1-5000 -R 0--2 -T 7; }

# The whole of each file is compared too, which it can do with the first 196608 bytes.
row_append() { grow -i 60 -r 1-4000 -c 9 -o O_RDWR,O_CREAT,O_APPEND; }
