# shellcheck shell=bash disable=SC2034,SC2154 # read by posix.sh; set by posix-row.sh
# Open MPI, whose module for POSIX files polls with aio_error: two ranks on one file. It loads the module with dlopen.
packages='libopenmpi3 openmpi-bin libopenmpi-dev gcc libc6-dev'
rows='ranks'

row_ranks() {
	[ -e "$compiled/openmpi" ] || mpicc.openmpi -O2 -Wall -Wextra -Werror -o "$compiled/openmpi" "$sources/mpi_file.c"
	drive_other mpiexec.openmpi --allow-run-as-root --oversubscribe --mca io ompio -n 2 "${on_library[@]}" "$compiled/openmpi" file >output || { cat output; return 1; }
	cat output
	grep -q '^2048 blocks, sum' output
	same "$(cat output)" "$(sha256sum <file)"
	result "$(sed 's/, sum.*//' output) written and read by the other rank"
}
