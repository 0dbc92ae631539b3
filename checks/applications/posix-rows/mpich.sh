# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# MPICH, whose ROMIO begins aio_read and aio_write, and waits in aio_suspend: two ranks on one file.
packages='libmpich12 mpich libmpich-dev gcc libc6-dev'
rows='ranks'

row_ranks() {
	[ -e "$compiled/mpich" ] || mpicc.mpich -O2 -Wall -Wextra -Werror -o "$compiled/mpich" "$sources/mpi_file.c"
	drive_other mpiexec.mpich -n 2 "${on_library[@]}" "$compiled/mpich" file >output || { cat output; return 1; }
	cat output
	grep -q '^2048 blocks, sum' output
	same "$(cat output)" "$(sha256sum <file)"
	result "$(sed 's/, sum.*//' output) written and read by the other rank"
}
