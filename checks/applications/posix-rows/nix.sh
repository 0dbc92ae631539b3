# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# nix, Rust's crate of POSIX: aio_read, aio_write and aio_fsync, aio_suspend for all that are pending.
packages='gcc libc6-dev'
version_of='sed -n "/^name = .nix./{n;s/[^0-9.]//g;p}" posix-rows/nix/Cargo.lock'
rows='rust'

row_rust() {
	local package=$sources/nix/Cargo.toml
	if ! [ -e "$compiled/aio-file" ]; then
		cargo fetch --locked --manifest-path "$package" || skip 'its crates cannot be downloaded'
		cargo build --release --locked --manifest-path "$package" --target-dir "$compiled/cargo"
		cp "$compiled/cargo/release/aio-file" "$compiled"
	fi
	drive "$compiled/aio-file" file >output || { cat output; return 1; }
	cat output
	grep -q '^2048 blocks, 1000 reads of a socket$' output
	same "$(cat output)" "$(sha256sum <file)"
	result "$(cat output)"
}
