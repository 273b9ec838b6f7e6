/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_probe.c - run a few instructions of a guest under KVM and say whether they ran
 *
 * A program of its own that lives a few milliseconds: KVM_RUN may never come back on a
 * host that cannot do it, and then the whole process is killed from outside.
 *
 * What the guest does is what real ones do first and what has been seen to fail: some code
 * in real mode (firmware), then in long mode a stack, cpuid, a locked compare-and-exchange
 * of 16 bytes, and a loop that takes no time on a CPU and for ever in an emulator.
 *
 * Source: kernel Documentation/virt/kvm/api.rst; Intel SDM volume 3, 9.8.5 (long mode)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/vmm/accel.h"
#include "engine/vmm/kvm_probe.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define MEMORY_SIZE 0x200000u /* one 2 MiB page, mapped to itself */
#define PML4        0x1000u
#define PDPT        0x2000u
#define PAGE_DIR    0x3000u
#define GDT         0x4000u
#define REAL_CODE   0x8000u
#define LONG_CODE   0x9000u
#define DATA        0xa000u /* 16 bytes, aligned */
#define STACK_TOP   0xc000u
#define PORT        0x10u
#define REAL_ANSWER 0x2au
#define LONG_ANSWER 0x55u
#define CPUID_MAX   256u /* entries; KVM has under 100 */

#define PTE_PRESENT_WRITE 0x3u
#define PTE_LARGE         0x80u
#define CR0_PE            0x1u
#define CR0_PG            0x80000000u
#define CR4_PAE           0x20u
#define EFER_LME          0x100u
#define EFER_LMA          0x400u

/* mov al, 0x2a; out 0x10, al; hlt */
static const uint8_t real_code[] = { 0xb0, REAL_ANSWER, 0xe6, PORT, 0xf4 };

static const uint8_t long_code[] = {
	0x31, 0xc0, 0x31, 0xc9,             /* xor eax, eax; xor ecx, ecx */
	0x0f, 0xa2,                         /* cpuid */
	0x31, 0xc0, 0x31, 0xd2,             /* xor eax, eax; xor edx, edx */
	0x31, 0xdb, 0x31, 0xc9,             /* xor ebx, ebx; xor ecx, ecx */
	0xb3, LONG_ANSWER,                  /* mov bl, 0x55: the new value */
	0xbf, 0x00, 0xa0, 0x00, 0x00,       /* mov edi, DATA */
	0xf0, 0x48, 0x0f, 0xc7, 0x0f,       /* lock cmpxchg16b [rdi] */
	0xb9, 0x40, 0x42, 0x0f, 0x00,       /* mov ecx, 1000000 */
	0x50, 0x58,                         /* 1: push rax; pop rax */
	0xff, 0xc9,                         /* dec ecx */
	0x75, 0xfa,                         /* jnz 1b */
	0x8a, 0x07,                         /* mov al, [rdi] */
	0xe6, PORT,                         /* out 0x10, al */
	0xf4,                               /* hlt */
};

struct machine {
	int kvm_fd, vm_fd, cpu_fd;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_len;
};

/* One line to standard output, which is the parent's pipe. */
static int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(STDOUT_FILENO, fmt, ap);
	va_end(ap);
	return -1;
}

static int open_machine(struct machine *m)
{
	int version;

	m->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm_fd < 0)
		return fail("open '/dev/kvm': %s", strerror(errno));
	version = ioctl(m->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return fail("KVM speaks version %d, not %d", version, KVM_API_VERSION);
	m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	if (m->vm_fd < 0)
		return fail("make a virtual machine: %s", strerror(errno));
	m->cpu_fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, 0);
	if (m->cpu_fd < 0)
		return fail("make a virtual CPU: %s", strerror(errno));
	return 0;
}

static int map_memory(struct machine *m)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY_SIZE };
	int len = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	m->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	if (m->memory == MAP_FAILED)
		return fail("map memory: %s", strerror(errno));
	region.userspace_addr = (uint64_t)(uintptr_t)m->memory;
	if (ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return fail("give memory to the machine: %s", strerror(errno));
	m->run_len = len > 0 ? (size_t)len : 0;
	m->run = mmap(NULL, m->run_len, PROT_READ | PROT_WRITE, MAP_SHARED, m->cpu_fd, 0);
	if (m->run == MAP_FAILED)
		return fail("map the virtual CPU: %s", strerror(errno));
	return 0;
}

static void put_u64(struct machine *m, uint32_t at, uint64_t v)
{
	memcpy(m->memory + at, &v, sizeof(v));
}

static void fill_memory(struct machine *m)
{
	put_u64(m, PML4, PDPT | PTE_PRESENT_WRITE);
	put_u64(m, PDPT, PAGE_DIR | PTE_PRESENT_WRITE);
	put_u64(m, PAGE_DIR, PTE_LARGE | PTE_PRESENT_WRITE);
	put_u64(m, GDT + 8, 0x00af9b000000ffffull);  /* 64-bit code */
	put_u64(m, GDT + 16, 0x00cf93000000ffffull); /* data */
	memcpy(m->memory + REAL_CODE, real_code, sizeof(real_code));
	memcpy(m->memory + LONG_CODE, long_code, sizeof(long_code));
}

/* The CPU's own features; without cmpxchg16b in them the guest would rightly fault. */
static int set_cpuid(struct machine *m)
{
	scoped_free struct kvm_cpuid2 *cpuid =
		xcalloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));

	cpuid->nent = CPUID_MAX;
	if (ioctl(m->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ||
	    ioctl(m->cpu_fd, KVM_SET_CPUID2, cpuid) < 0)
		return fail("set the CPU's features: %s", strerror(errno));
	return 0;
}

static int enter_real_mode(struct machine *m)
{
	struct kvm_regs regs = { .rip = REAL_CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(m->cpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return fail("read registers: %s", strerror(errno));
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(m->cpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(m->cpu_fd, KVM_SET_REGS, &regs) < 0)
		return fail("set registers for real mode: %s", strerror(errno));
	return 0;
}

static int enter_long_mode(struct machine *m)
{
	const struct kvm_segment code = { .limit = 0xffffffff, .selector = 8, .type = 11,
					  .present = 1, .s = 1, .l = 1, .g = 1 };
	const struct kvm_segment data = { .limit = 0xffffffff, .selector = 16, .type = 3,
					  .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = LONG_CODE, .rsp = STACK_TOP, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(m->cpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return fail("read registers: %s", strerror(errno));
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 23;
	sregs.cr3 = PML4;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	if (ioctl(m->cpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(m->cpu_fd, KVM_SET_REGS, &regs) < 0)
		return fail("set registers for long mode: %s", strerror(errno));
	return 0;
}

/* Run to the `out`, and look at what comes out. */
static int run(struct machine *m, const char *mode, uint8_t want)
{
	const struct kvm_run *r = m->run;
	uint8_t got;
	int rc;

	do
		rc = ioctl(m->cpu_fd, KVM_RUN, 0);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return fail("run in %s mode: %s", mode, strerror(errno));
	if (r->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		return fail("KVM could not run an instruction in %s mode (internal error %u)", mode,
			    r->internal.suberror);
	if (r->exit_reason != KVM_EXIT_IO || r->io.port != PORT)
		return fail("the guest went astray in %s mode (exit reason %u)", mode,
			    r->exit_reason);
	memcpy(&got, (const uint8_t *)r + r->io.data_offset, sizeof(got));
	if (got != want)
		return fail("the guest computed %u instead of %u in %s mode", got, want, mode);
	return 0;
}

static int probe(void)
{
	struct machine m = { -1, -1, -1, NULL, NULL, 0 };

	if (open_machine(&m) < 0 || map_memory(&m) < 0)
		return -1;
	fill_memory(&m);
	if (set_cpuid(&m) < 0)
		return -1;
	if (enter_real_mode(&m) < 0 || run(&m, "real", REAL_ANSWER) < 0)
		return -1;
	return enter_long_mode(&m) < 0 ? -1 : run(&m, "long", LONG_ANSWER);
	/* The process ends now and with it all that was opened. */
}

int kvm_probe_main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], KVM_PROBE_ARG) != 0)
		return -1;
	return probe() < 0 ? 1 : 0;
}
