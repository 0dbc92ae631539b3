/* Ranks write blocks of one file with MPI_File_iwrite_at, many at a time, and each reads those of its neighbour with
   MPI_File_iread_at. usage: mpi_file FILE. Prints the sum of what it read, the same for every library. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384, AT_ONCE = 64, ROUNDS = 16 };

static void must(int status, const char *what)
{
	if (status == MPI_SUCCESS)
		return;
	fprintf(stderr, "%s failed: %d\n", what, status);
	MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Each block says whose it is. */
static void fill(char *block, int rank, int number)
{
	unsigned state = 2654435761u * (unsigned)(rank * 100003 + number + 1);
	for (int i = 0; i < BLOCK; i++) {
		state = state * 1103515245u + 12345u;
		block[i] = (char)(state >> 16);
	}
}

/* The ranks' blocks alternate. */
static MPI_Offset place(int rank, int ranks, int number)
{
	return ((MPI_Offset)number * ranks + rank) * BLOCK;
}

int main(int argc, char **argv)
{
	static char blocks[AT_ONCE][BLOCK], expected[BLOCK];
	MPI_Request requests[AT_ONCE];
	MPI_Status statuses[AT_ONCE];
	MPI_File file;
	int rank, ranks, count;
	unsigned long sum = 0, all = 0;

	must(MPI_Init(&argc, &argv), "MPI_Init");
	if (argc != 2)
		MPI_Abort(MPI_COMM_WORLD, 2);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	must(MPI_File_open(MPI_COMM_WORLD, argv[1], MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file), "MPI_File_open");
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < AT_ONCE; i++) {
			fill(blocks[i], rank, round * AT_ONCE + i);
			must(MPI_File_iwrite_at(file, place(rank, ranks, round * AT_ONCE + i), blocks[i], BLOCK, MPI_BYTE, &requests[i]),
				"MPI_File_iwrite_at");
		}
		must(MPI_Waitall(AT_ONCE, requests, statuses), "MPI_Waitall");
		for (int i = 0; i < AT_ONCE; i++) {
			MPI_Get_count(&statuses[i], MPI_BYTE, &count);
			if (count != BLOCK) {
				fprintf(stderr, "rank %d wrote %d bytes of block %d\n", rank, count, round * AT_ONCE + i);
				MPI_Abort(MPI_COMM_WORLD, 1);
			}
		}
	}
	must(MPI_File_sync(file), "MPI_File_sync");
	MPI_Barrier(MPI_COMM_WORLD);
	int other = (rank + 1) % ranks;
	for (int round = 0; round < ROUNDS; round++) {
		memset(blocks, 0, sizeof blocks);
		for (int i = 0; i < AT_ONCE; i++)
			must(MPI_File_iread_at(file, place(other, ranks, round * AT_ONCE + i), blocks[i], BLOCK, MPI_BYTE, &requests[i]),
				"MPI_File_iread_at");
		must(MPI_Waitall(AT_ONCE, requests, statuses), "MPI_Waitall");
		for (int i = 0; i < AT_ONCE; i++) {
			MPI_Get_count(&statuses[i], MPI_BYTE, &count);
			fill(expected, other, round * AT_ONCE + i);
			if (count != BLOCK || memcmp(blocks[i], expected, BLOCK) != 0) {
				fprintf(stderr, "rank %d read %d bytes of block %d of rank %d, and not what it wrote\n", rank, count,
					round * AT_ONCE + i, other);
				MPI_Abort(MPI_COMM_WORLD, 1);
			}
			for (int k = 0; k < BLOCK; k++)
				sum += (unsigned char)blocks[i][k];
		}
	}
	must(MPI_File_close(&file), "MPI_File_close");
	MPI_Reduce(&sum, &all, 1, MPI_UNSIGNED_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("%d blocks, sum %lu\n", ranks * ROUNDS * AT_ONCE, all);
	MPI_Finalize();
	return 0;
}
