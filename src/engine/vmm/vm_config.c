/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/vm_config.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "engine/config/config.h"
#include "engine/vmm/kernel_params.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define MEMORY_SPARE_MIB 1024u /* Kata's room above the host's memory, for hot-plugged devices */
#define MEMORY_MIN_MIB   64u   /* less does not unpack any initrd of ours */

static int plan_machine(const struct config_hypervisor *hv, struct vm_config *vm, struct err *err)
{
	static const char *const unbuilt[] = { "virt", "microvm", "pc-lite", "pseries",
					       "s390-ccw-virtio" };

	if (strcmp(hv->machine_type, "q35") == 0)
		vm->machine = VM_MACHINE_Q35;
	else if (strcmp(hv->machine_type, "pc") == 0)
		vm->machine = VM_MACHINE_PC;
	else {
		for (size_t i = 0; i < ARRAY_LEN(unbuilt); i++)
			if (strcmp(hv->machine_type, unbuilt[i]) == 0)
				return err_set(err, ERR_UNIMPLEMENTED,
					       "machine_type '%s': not built; use q35 or pc",
					       hv->machine_type);
		return err_set(err, ERR_INVALID, "machine_type '%s': unknown; use q35 or pc",
			       hv->machine_type);
	}
	vm->path = xstrdup(hv->path);
	vm->machine_accelerators = xstrdup(hv->machine_accelerators);
	vm->cpu_features = xstrdup(hv->cpu_features);
	vm->firmware = xstrdup(hv->firmware);
	return 0;
}

static int plan_cpus(const struct config_hypervisor *hv, const struct vm_facts *facts,
		     struct vm_config *vm, struct err *err)
{
	double want = ceil(hv->default_vcpus);
	unsigned int max = hv->default_maxvcpus ? hv->default_maxvcpus : facts->host_cpus;

	if (want < 0 || want > facts->host_cpus)
		want = facts->host_cpus;
	vm->cpus = want < 1 ? 1 : (unsigned int)want;
	vm->max_cpus = MAX(max, 1u);
	if (vm->cpus > vm->max_cpus)
		return err_set(err, ERR_INVALID, "default_vcpus %u: more than default_maxvcpus %u",
			       vm->cpus, vm->max_cpus);
	return 0;
}

static int plan_memory(const struct config_hypervisor *hv, const struct vm_facts *facts,
		       struct vm_config *vm, struct err *err)
{
	vm->memory_mib = hv->default_memory;
	if (vm->memory_mib < MEMORY_MIN_MIB)
		return err_set(err, ERR_INVALID, "default_memory %" PRIu64 " MiB: too little",
			       vm->memory_mib);
	vm->memory_slots = hv->memory_slots;
	vm->max_memory_mib = hv->default_maxmemory ? hv->default_maxmemory : facts->host_memory_mib;
	if (vm->max_memory_mib < vm->memory_mib)
		vm->max_memory_mib = vm->memory_mib;
	vm->max_memory_mib += MEMORY_SPARE_MIB;
	vm->hugepages = hv->enable_hugepages;
	vm->prealloc = hv->enable_mem_prealloc || hv->enable_hugepages;
	vm->free_page_reporting = hv->reclaim_guest_freed_memory;
	return 0;
}

static int plan_boot(const struct config_hypervisor *hv, struct vm_config *vm, struct err *err)
{
	bool has_image = *hv->image, has_initrd = *hv->initrd;

	if (!*hv->kernel)
		return err_set(err, ERR_INVALID, "kernel: not set");
	if (has_image && has_initrd)
		return err_set(err, ERR_INVALID, "Image and initrd path cannot be both set");
	if (!has_image && !has_initrd)
		return err_set(err, ERR_INVALID, "Missing image and initrd path");
	vm->kernel = xstrdup(hv->kernel);
	vm->initrd = has_initrd ? xstrdup(hv->initrd) : NULL;
	vm->image = has_image ? xstrdup(hv->image) : NULL;
	return 0;
}

static int plan_channel(const struct config *config, const struct vm_facts *facts,
			struct vm_config *vm, struct err *err)
{
	enum config_tristate want = config->hypervisor.use_vsock;

	if (want == CONFIG_YES && !facts->has_vsock)
		return err_set(err, ERR_UNAVAILABLE, "use_vsock: this host has no /dev/vhost-vsock");
	vm->channel = want != CONFIG_NO && facts->has_vsock ? VM_CHANNEL_VSOCK : VM_CHANNEL_SERIAL;
	vm->cid = vm->channel == VM_CHANNEL_VSOCK ? facts->cid : 0;
	vm->has_debug_port =
		vm->channel == VM_CHANNEL_SERIAL && config->agent.debug_console_enabled;
	vm->legacy_serial = config->hypervisor.use_legacy_serial;
	vm->extra_monitor = xstrdup(config->hypervisor.extra_monitor_socket);
	return 0;
}

static int plan_share(const struct config_hypervisor *hv, const struct vm_facts *facts,
		      struct vm_config *vm, struct err *err)
{
	if (strcmp(hv->shared_fs, "virtio-fs") == 0)
		vm->share = VM_SHARE_VIRTIOFS;
	else if (strcmp(hv->shared_fs, "virtio-9p") == 0)
		vm->share = VM_SHARE_9P;
	else if (strcmp(hv->shared_fs, "none") == 0)
		vm->share = VM_SHARE_NONE;
	else if (strcmp(hv->shared_fs, "virtio-fs-nydus") == 0)
		return err_set(err, ERR_UNIMPLEMENTED, "shared_fs 'virtio-fs-nydus': not built");
	else
		return err_set(err, ERR_INVALID, "shared_fs '%s': unknown", hv->shared_fs);
	vm->share_dir = xstrdup(facts->share_dir ? facts->share_dir : "");
	vm->fs_queue_size = hv->virtio_fs_queue_size ? hv->virtio_fs_queue_size : 1024;
	vm->fs_cache_mib = hv->virtio_fs_cache_size;
	/* The 9p server is QEMU itself: as another user it could not open a container's files. */
	if (vm->share != VM_SHARE_9P)
		vm->user = facts->user;
	return 0;
}

static void plan_devices(const struct config_hypervisor *hv, struct vm_config *vm)
{
	vm->bridges = hv->default_bridges;
	vm->has_scsi = !hv->disable_block_device_use &&
		       strcmp(hv->block_device_driver, "virtio-scsi") == 0;
	vm->iothreads = hv->enable_iothreads;
	vm->entropy_source = xstrdup(*hv->entropy_source ? hv->entropy_source : "/dev/urandom");
	vm->debug = hv->enable_debug;
}

/* FNV-1a, twice with different starts: the same name always gives the same machine id. */
static uint64_t hash(const char *text, uint64_t start)
{
	uint64_t h = start;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return h;
}

static char *make_uuid(const char *id)
{
	uint64_t a = hash(id, 0xcbf29ce484222325ull), b = hash(id, a);

	/* Version 8 (own scheme), variant 1: RFC 9562. */
	return xasprintf("%08x-%04x-8%03x-%04x-%012" PRIx64, (unsigned int)(a >> 32),
			 (unsigned int)(a >> 16) & 0xffffu, (unsigned int)a & 0xfffu,
			 0x8000u | ((unsigned int)(b >> 48) & 0x3fffu), b & (UINT64_MAX >> 16));
}

static int plan_all(const struct config *config, const struct vm_facts *facts,
		    struct vm_config *vm, struct err *err)
{
	const struct config_hypervisor *hv = &config->hypervisor;

	vm->id = xstrdup(facts->id);
	vm->uuid = make_uuid(facts->id);
	vm->vm_dir = xstrdup(facts->vm_dir);
	vm->accel = facts->accel;
	vm->fips = facts->fips;
	vm->tsc_khz = facts->tsc_khz;
	vm->seccomp = xstrdup(hv->seccompsandbox);
	plan_devices(hv, vm);
	if (plan_machine(hv, vm, err) < 0 || plan_cpus(hv, facts, vm, err) < 0 ||
	    plan_memory(hv, facts, vm, err) < 0 || plan_boot(hv, vm, err) < 0 ||
	    plan_channel(config, facts, vm, err) < 0 || plan_share(hv, facts, vm, err) < 0)
		return -1;
	vm->cmdline = kernel_params(config, vm, err);
	return vm->cmdline ? 0 : -1;
}

int vm_config_plan(const struct config *config, const struct vm_facts *facts,
		   struct vm_config *ret, struct err *err)
{
	struct vm_config vm = { 0 };

	if (plan_all(config, facts, &vm, err) < 0) {
		vm_config_done(&vm);
		return err_wrap(err, "plan the virtual machine");
	}
	*ret = vm;
	return 0;
}

void vm_config_done(struct vm_config *vm)
{
	char *const strings[] = { vm->id,      vm->uuid,   vm->vm_dir,  vm->path,
				  vm->machine_accelerators, vm->cpu_features,
				  vm->seccomp, vm->kernel, vm->initrd,  vm->image,
				  vm->cmdline, vm->firmware, vm->extra_monitor,
				  vm->share_dir, vm->entropy_source };

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	*vm = (struct vm_config){ 0 };
}
