/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours shared */
/*
 * The trace points of libaio(7), read from the library's file as tracers do: a breakpoint is put at each, and what they
 * tell is compared with what the calls were asked and said.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#ifndef __x86_64__
int main(void)
{
	SKIP("there are trace points on x86-64 only");
}
#else
#include <dlfcn.h>
#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <libaio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

enum { POINTS = 64, ARGUMENTS = 3, NOP = 0x90, BREAKPOINT = 0xcc };

static struct point {
	const char *name;
	unsigned char *at;
	int registers[ARGUMENTS];
} points[POINTS];
static int count;

static struct {
	const char *name;
	long arguments[ARGUMENTS];
} seen[POINTS];
static volatile int seen_count;

/* Each register's name in a note, and its place in a signal's context. */
static int register_named(const char *name, size_t length)
{
	static const struct {
		const char *name;
		int place;
	} registers[] = {
		{ "rax", REG_RAX }, { "rbx", REG_RBX }, { "rcx", REG_RCX }, { "rdx", REG_RDX },
		{ "rsi", REG_RSI }, { "rdi", REG_RDI }, { "rbp", REG_RBP }, { "r8", REG_R8 },
		{ "r9", REG_R9 },   { "r10", REG_R10 }, { "r11", REG_R11 }, { "r12", REG_R12 },
		{ "r13", REG_R13 }, { "r14", REG_R14 }, { "r15", REG_R15 },
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (strlen(registers[i].name) == length && !strncmp(registers[i].name, name, length))
			return registers[i].place;
	EXPECT(!"a register of that name");
	return -1;
}

static void trapped(int number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number, (void)info;
	for (int i = 0; i < count; i++) {
		if ((greg_t)(points[i].at + 1) != registers[REG_RIP])
			continue;
		seen[seen_count].name = points[i].name;
		for (int j = 0; j < ARGUMENTS; j++)
			seen[seen_count].arguments[j] = registers[points[i].registers[j]];
		seen_count++;
	}
}

static void read_note(const char *note, char *base)
{
	struct point *point = &points[count++];
	Elf64_Addr at;
	const char *provider = note + 3 * sizeof(at), *arguments;

	EXPECT(count < POINTS);
	memcpy(&at, note, sizeof(at));
	point->at = (unsigned char *)base + at;
	EXPECT_EQ(strcmp(provider, "libaio"), 0);
	point->name = provider + strlen(provider) + 1;
	arguments = point->name + strlen(point->name) + 1;
	for (int i = 0; i < ARGUMENTS; i++) {
		const char *name = strstr(arguments, "8@%") + 3;
		size_t length = strcspn(name, " ");

		point->registers[i] = register_named(name, length);
		arguments = name + length;
	}
	EXPECT_EQ(*arguments, 0);
	EXPECT_EQ(*point->at, NOP);
	EXPECT_EQ(mprotect((void *)((unsigned long)point->at & -4096UL), 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	*point->at = BREAKPOINT;
}

static void find_points(void)
{
	Dl_info library;
	struct stat file;
	int fd;

	EXPECT(dladdr((void *)io_setup, &library));
	fd = open(library.dli_fname, O_RDONLY);
	EXPECT_EQ(fstat(fd, &file), 0);
	const char *elf = mmap(NULL, file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)elf;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(elf + header->e_shoff);
	const char *names = elf + sections[header->e_shstrndx].sh_offset;

	for (int i = 0; i < header->e_shnum; i++) {
		const char *next = elf + sections[i].sh_offset, *end = next + sections[i].sh_size;

		if (strcmp(names + sections[i].sh_name, ".note.stapsdt"))
			continue;
		EXPECT_EQ(sections[i].sh_type, SHT_NOTE);
		while (next < end) {
			const Elf64_Nhdr *note = (const Elf64_Nhdr *)next;

			EXPECT_EQ(note->n_type, 3);
			EXPECT_EQ(strcmp(next + sizeof(*note), "stapsdt"), 0);
			read_note(next + sizeof(*note) + 8, library.dli_fbase);
			next += sizeof(*note) + 8 + ((note->n_descsz + 3) & ~3u);
		}
	}
}

static void expect(const char *name, long first, long second, long third)
{
	static int next;

	EXPECT(next < seen_count);
	EXPECT_EQ(strcmp(seen[next].name, name), 0);
	EXPECT_EQ(seen[next].arguments[0], first);
	EXPECT_EQ(seen[next].arguments[1], second);
	EXPECT_EQ(seen[next].arguments[2], third);
	next++;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
	struct timespec zero = { 0, 0 };
	struct iocb iocb, *iocbs[] = { &iocb, &iocb, &iocb };
	struct io_event events[4];
	io_context_t ctx = NULL;
	static char byte;
	const char *reaping = getenv("LIBAIO_REAP");
	int from_ring = !(reaping && !strcmp(reaping, "syscall"));

	start_watchdog();
	io_prep_pwrite(&iocb, open("/dev/null", O_WRONLY), &byte, 1, 0);
	find_points();
	for (const char *const *name = (const char *[]){ "setup", "submit", "reap", "wait_begin", "wait_end", NULL }; *name;
	     name++) {
		int found = 0;

		for (int i = 0; i < count; i++)
			found += !strcmp(points[i].name, *name);
		EXPECT(found);
	}
	EXPECT_EQ(sigaction(SIGTRAP, &action, NULL), 0);
	EXPECT_EQ(io_setup(7, &ctx), 0);
	expect("setup", (long)ctx, 7, 0);
	for (int turn = 0; turn < 3; turn++) {
		EXPECT_EQ(io_submit(ctx, 3, iocbs), 3);
		expect("submit", (long)ctx, 3, (long)iocbs);
		EXPECT_EQ(io_getevents(ctx, 2, 4, events, &zero), 3);
		if (turn == 2 && from_ring) {
			expect("reap", (long)ctx, 4, 3);
			continue;
		}
		expect("wait_begin", (long)ctx, 2, 4);
		expect("wait_end", (long)ctx, 2, 3);
	}
	EXPECT_EQ(io_submit(ctx, -1, iocbs), -EINVAL);
	expect("submit", (long)ctx, -1, (long)iocbs);
	EXPECT_EQ(io_getevents(ctx, -1, 4, events, &zero), -EINVAL);
	expect("wait_begin", (long)ctx, -1, 4);
	expect("wait_end", (long)ctx, -1, -EINVAL);
	EXPECT_EQ(io_destroy(ctx), 0);
	return 0;
}
#endif
