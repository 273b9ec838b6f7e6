/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qemu_argv.c - from a plan to QEMU's command line
 *
 * Order and spelling are Kata's (virtcontainers, govmm). Departures, on purpose:
 *
 *  - every socket is a descriptor (fd=N) instead of a path: QEMU may run as another user,
 *    and we are connected before it runs. No -pidfile for the same reason: we know the pid.
 *  - memory is a memfd always (memory-backend-memfd), never a file in /dev/shm, which is
 *    half the machine's size by default; huge pages are asked from the memfd as well, so
 *    no hugetlbfs mount is needed.
 *  - the image is a read-only virtio-blk disk, never an nvdimm: pmem has no read-only, and
 *    a guest that may make device nodes could rewrite its root there (CVE-2026-24834).
 *  - beside hvc0 there is a serial port that only we read, for what the kernel says before
 *    hvc0 is there: a guest that cannot start says why.
 *  - the SCSI controller comes only when block devices are in use; disable-modern is never
 *    set; kvm-pit only under KVM, which alone has it.
 */
#include "engine/vmm/qemu_argv.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct argv {
	char **v;
	const struct vm_config *vm;
};

#define ADD(a, ...) add((a), (const char *const[]){ __VA_ARGS__, NULL })

static void add(struct argv *a, const char *const *words)
{
	for (; *words; words++)
		strv_add(&a->v, *words);
}

static void add_device(struct argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_device(struct argv *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	ADD(a, "-device", text);
	free(text);
}

/* QEMU's option syntax: a comma inside a value is written twice. */
static char *quote(const char *value)
{
	struct str out = { 0 };

	for (; *value; value++) {
		str_add_n(&out, value, 1);
		if (*value == ',')
			str_add(&out, ",");
	}
	return str_take(&out);
}

static const char *bus(const struct argv *a)
{
	return a->vm->machine == VM_MACHINE_Q35 ? "pcie.0" : "pci.0";
}

static void add_name(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	ADD(a, "-name");
	strv_addf(&a->v, "sandbox-%s%s", vm->id, vm->debug ? ",debug-threads=on" : "");
	ADD(a, "-uuid", vm->uuid);
}

static void add_machine(struct argv *a)
{
	const struct vm_config *vm = a->vm;
	const char *more = vm->machine_accelerators;
	const char *features = vm->cpu_features;

	ADD(a, "-machine");
	strv_addf(&a->v, "%s%s%s%s", vm->machine == VM_MACHINE_Q35 ? "q35" : "pc",
		  vm->accel == VM_ACCEL_KVM ? ",accel=kvm" : "", *more ? "," : "", more);
	/*
	 * QEMU would keep up to 1 GiB of translated code a VM, and a guest that starts many programs
	 * fills it. A boot needs 60 MiB; when the buffer is full, translation begins anew.
	 *
	 * With a thread a CPU, QEMU 7.2 may keep the translation of an instruction that another CPU is
	 * replacing (the kernel's breakpoints, where it patches itself): a boot with two CPUs has been
	 * seen to go round such a breakpoint for ever.
	 */
	if (vm->accel == VM_ACCEL_TCG)
		ADD(a, "-accel",
		    vm->cpus > 1 ? "tcg,tb-size=256,thread=single" : "tcg,tb-size=256"); /* MiB */
	ADD(a, "-cpu");
	/*
	 * Emulation does "rep movsb" byte by byte. A CPU that does not claim to be fast at it gets
	 * eight bytes at a time from the guest's kernel and C library; a boot is 5 to 10 % shorter.
	 */
	strv_addf(&a->v, "%s%s%s", vm->accel == VM_ACCEL_KVM ? "host" : "max,erms=off",
		  *features ? "," : "", features);
}

static void add_monitors(struct argv *a)
{
	const char *extra = a->vm->extra_monitor;

	ADD(a, "-qmp");
	strv_addf(&a->v, "unix:fd=%d,server=on,wait=off", QEMU_FD_QMP);
	if (!*extra)
		return;
	/* -monitor is the human one; -qmp and -qmp-pretty are named as the setting is. */
	strv_addf(&a->v, "-%s", strcmp(extra, "hmp") == 0 ? "monitor" : extra);
	strv_addf(&a->v, "unix:fd=%d,server=on,wait=off", QEMU_FD_MONITOR);
}

static void add_memory_size(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	ADD(a, "-m");
	strv_addf(&a->v, "%" PRIu64 "M,slots=%u,maxmem=%" PRIu64 "M", vm->memory_mib,
		  vm->memory_slots, vm->max_memory_mib);
}

static void add_bridges(struct argv *a)
{
	for (unsigned int i = 0; i < a->vm->bridges; i++)
		add_device(a,
			   "pci-bridge,bus=%s,id=pci-bridge-%u,chassis_nr=%u,shpc=off,addr=%x,"
			   "io-reserve=4k,mem-reserve=1m,pref64-reserve=1m",
			   bus(a), i, i + 1, i + 2);
}

static void add_serial_port(struct argv *a, const char *number, const char *name, int fd)
{
	add_device(a, "virtserialport,chardev=charch%s,id=channel%s,name=%s", number, number, name);
	ADD(a, "-chardev");
	strv_addf(&a->v, "socket,id=charch%s,fd=%d,server=on,wait=off", number, fd);
}

/*
 * A kernel cannot show on hvc0 what it said before the driver was there: its replay comes
 * before the port accepts anything. So there is a serial port for earlyprintk.
 */
static void add_early_console(struct argv *a)
{
	ADD(a, "-serial", "chardev:charearly0", "-chardev");
	strv_addf(&a->v, "socket,id=charearly0,fd=%d", QEMU_FD_EARLY);
}

static void add_console(struct argv *a)
{
	const struct vm_config *vm = a->vm;
	bool has_channel = vm->channel == VM_CHANNEL_SERIAL;

	/* A port costs the guest two queues, so there are as many as are used. */
	add_device(a, "virtio-serial-pci,disable-modern=false,id=serial0,max_ports=%d",
		   2 + vm->has_debug_port);
	if (vm->legacy_serial)
		ADD(a, "-serial", "chardev:charconsole0");
	else
		add_device(a, "virtconsole,chardev=charconsole0,id=console0");
	if (!vm->legacy_serial)
		add_early_console(a);
	ADD(a, "-chardev");
	strv_addf(&a->v, "socket,id=charconsole0,fd=%d,server=on,wait=off", QEMU_FD_CONSOLE);
	if (has_channel)
		add_serial_port(a, "0", "agent.channel.0", QEMU_FD_AGENT);
	if (vm->has_debug_port)
		add_serial_port(a, "1", "console.channel.0", QEMU_FD_DEBUG);
}

/* The name of a file, or, for a user who may not be let in there, of our descriptor of it. */
static char *file_name(const struct argv *a, const char *path, int fd)
{
	return a->vm->user.own ? xasprintf("/proc/self/fd/%d", fd) : xstrdup(path);
}

static void add_file(struct argv *a, const char *flag, const char *path, int fd)
{
	scoped_free char *name = NULL;

	if (!path || !*path)
		return;
	name = file_name(a, path, fd);
	ADD(a, flag, name);
}

static void add_image(struct argv *a)
{
	scoped_free char *name = NULL, *path = NULL;

	if (!a->vm->image)
		return;
	name = file_name(a, a->vm->image, QEMU_FD_IMAGE);
	path = quote(name);
	add_device(a, "virtio-blk-pci,disable-modern=false,drive=image-0,config-wce=off,"
		      "share-rw=on,serial=image-0");
	ADD(a, "-drive");
	strv_addf(&a->v, "id=image-0,file=%s,aio=threads,format=raw,if=none,readonly=on", path);
}

static void add_scsi(struct argv *a)
{
	if (!a->vm->has_scsi)
		return;
	add_device(a, "virtio-scsi-pci,id=scsi0,disable-modern=false%s",
		   a->vm->iothreads ? ",iothread=iothread-0" : "");
	if (a->vm->iothreads)
		ADD(a, "-object", "iothread,id=iothread-0");
}

static void add_entropy(struct argv *a)
{
	char *path = quote(a->vm->entropy_source);

	ADD(a, "-object");
	strv_addf(&a->v, "rng-random,id=rng0,filename=%s", path);
	add_device(a, "virtio-rng-pci,rng=rng0");
	free(path);
}

static void add_balloon(struct argv *a)
{
	if (a->vm->free_page_reporting)
		add_device(a, "virtio-balloon-pci,disable-modern=false,id=balloon0,"
			      "deflate-on-oom=on,free-page-reporting=on");
}

static void add_vsock(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	if (vm->channel == VM_CHANNEL_VSOCK)
		add_device(a,
			   "vhost-vsock-pci,disable-modern=false,vhostfd=%d,id=vsock-%u,guest-cid=%u",
			   QEMU_FD_VSOCK, vm->cid, vm->cid);
}

static void add_virtiofs(struct argv *a)
{
	const struct vm_config *vm = a->vm;
	struct str window = { 0 };

	if (vm->fs_cache_mib)
		str_addf(&window, ",cache-size=%" PRIu64 "M", vm->fs_cache_mib);
	ADD(a, "-chardev");
	strv_addf(&a->v, "socket,id=char-fs0,fd=%d", QEMU_FD_FS);
	add_device(a, "vhost-user-fs-pci,chardev=char-fs0,tag=%s,queue-size=%u%s", VM_SHARE_TAG,
		   vm->fs_queue_size, str_get(&window));
	str_done(&window);
}

static void add_9p(struct argv *a)
{
	char *path = quote(a->vm->share_dir);

	add_device(a, "virtio-9p-pci,disable-modern=false,fsdev=extra-9p-%s,mount_tag=%s",
		   VM_SHARE_TAG, VM_SHARE_TAG);
	ADD(a, "-fsdev");
	strv_addf(&a->v, "local,id=extra-9p-%s,path=%s,security_model=none,multidevs=remap",
		  VM_SHARE_TAG, path);
	free(path);
}

static void add_share(struct argv *a)
{
	switch (a->vm->share) {
	case VM_SHARE_VIRTIOFS:
		add_virtiofs(a);
		break;
	case VM_SHARE_9P:
		add_9p(a);
		break;
	case VM_SHARE_NONE:
		break;
	}
}

static void add_knobs(struct argv *a)
{
	ADD(a, "-rtc", "base=utc,driftfix=slew,clock=host");
	if (a->vm->accel == VM_ACCEL_KVM)
		ADD(a, "-global", "kvm-pit.lost_tick_policy=discard");
	/* A guest that panics resets itself (panic=1), which then ends QEMU. */
	ADD(a, "-vga", "none", "-no-user-config", "-nodefaults", "-nographic", "--no-reboot");
}

static void add_memory(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	ADD(a, "-object");
	strv_addf(&a->v, "memory-backend-memfd,id=dimm1,size=%" PRIu64 "M,share=on%s%s",
		  vm->memory_mib, vm->hugepages ? ",hugetlb=on" : "",
		  vm->prealloc ? ",prealloc=on" : "");
	ADD(a, "-numa", "node,memdev=dimm1");
}

static void add_kernel(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	add_file(a, "-kernel", vm->kernel, QEMU_FD_KERNEL);
	add_file(a, "-initrd", vm->initrd, QEMU_FD_INITRD);
	ADD(a, "-append", vm->cmdline);
	add_file(a, "-bios", vm->firmware, QEMU_FD_FIRMWARE);
}

static void add_rest(struct argv *a)
{
	const struct vm_config *vm = a->vm;

	if (vm->start_paused)
		ADD(a, "-S");
	if (*vm->seccomp)
		ADD(a, "-sandbox", vm->seccomp);
	ADD(a, "-smp");
	strv_addf(&a->v, "%u,cores=1,threads=1,sockets=%u,maxcpus=%u", vm->cpus, vm->max_cpus,
		  vm->max_cpus);
}

char **qemu_argv(const struct vm_config *vm)
{
	static void (*const parts[])(struct argv *) = {
		add_name,    add_machine, add_monitors, add_memory_size, add_bridges,
		add_console, add_image,   add_scsi,     add_entropy,     add_balloon,
		add_vsock,   add_share,   add_knobs,    add_memory,      add_kernel,
		add_rest,
	};
	struct argv a = { .vm = vm };

	ADD(&a, vm->path);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		parts[i](&a);
	return a.v;
}
