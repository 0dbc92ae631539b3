# glibc's POSIX AIO and libposixaio.so.1 timed against each other: BENCH_ROUNDS, BENCH_SECONDS and BENCH_ONLY.
.PHONY: bench-posix
bench-posix: tools-demo all posix
	checks/benches/posix.sh $(BUILD)
