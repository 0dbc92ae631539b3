#!/bin/sh
# Fails when one of the files belongs to a package of the distribution (dpkg, rpm or pacman), and says what to
# do instead. "make install" and "make uninstall" ask it, so that no system is left without its libaio.so.1.
#
# usage: owned-files.sh FILE...
set -u
export LC_ALL=C

# owner FILE: the package that owns it. Every tool is asked: a system may have another's beside its own.
owner() {
	if command -v dpkg-query >/dev/null; then
		dpkg-query -S "$1" 2>/dev/null | sed -n 's/: \/.*//p'
	fi
	if command -v rpm >/dev/null; then
		found=$(rpm -qf --qf '%{NAME}\n' "$1" 2>/dev/null) && echo "$found"
	fi
	if command -v pacman >/dev/null; then
		pacman -Qqo "$1" 2>/dev/null
	fi
}

status=0
for file; do
	[ -e "$file" ] || [ -L "$file" ] || continue
	# The name that packages know: without links and dots on the way, and with or without /usr where /lib is a
	# link to /usr/lib. The file itself may be a link, and is what counts.
	real=$(realpath "$(dirname "$file")")/$(basename "$file")
	for name in "$real" "${real#/usr}" "/usr$real"; do
		package=$(owner "$name" | head -n 1)
		[ -z "$package" ] || break
	done
	[ -n "$package" ] || continue
	echo "$file belongs to the package $package" >&2
	status=1
done
[ $status = 0 ] || cat >&2 <<'END'
Nothing was changed. To put this library in the place of the distribution's, build and install it as a package
(README, "Install it"); to have it beside, choose another prefix. FORCE=1 does it all the same: the next update
of that package puts its own file back, and without it programs may find no libaio.so.1.
END
exit $status
