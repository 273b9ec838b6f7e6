/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - one row a key
 *
 * Source: Kata Containers 1.x to 3.32, src/runtime/config/configuration-qemu.toml.in and
 * src/runtime/virtcontainers/pkg/annotations/annotations.go, for names, types, ranges and
 * annotations. Where a default differs from Kata's on purpose, the meaning says so.
 *
 * KATA_DATADIR and KATA_LIBEXECDIR are where this build is installed: PREFIX/share, PREFIX/libexec.
 */
#include "engine/config/keys.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/str.h"

#define MEMBER(section_, name_) (((struct config *)0)->section_.name_)

#define KEY_AS(section_, name_, type_)                                                  \
	.section = #section_, .name = #name_, .type = (type_),                          \
	.offset = offsetof(struct config, section_.name_), .size = sizeof(MEMBER(section_, name_))

/* The type follows from the member, so a row cannot disagree with config.h. */
#define KEY(section_, name_)                                \
	KEY_AS(section_, name_,                             \
	       _Generic(MEMBER(section_, name_),            \
			bool: CONFIG_BOOL,                  \
			uint32_t: CONFIG_UINT,              \
			uint64_t: CONFIG_UINT,              \
			double: CONFIG_FLOAT,               \
			char *: CONFIG_STRING,              \
			char **: CONFIG_LIST))

#define OPEN    .access = ANNOTATION_OPEN
#define ENABLED .access = ANNOTATION_ENABLED
#define NEVER   .access = ANNOTATION_NEVER

#define SECTOR_MAX 65536

/* clang-format off */
const struct config_key config_keys[] = {
	/* [hypervisor.qemu]: what runs */
	{ KEY(hypervisor, path), NEVER, .since = "1.0", .def = "/usr/bin/qemu-system-x86_64",
	  .meaning = "the QEMU program" },
	{ KEY(hypervisor, valid_hypervisor_paths), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "globs of programs an annotation may name; no annotation names a "
		     "program here" },
	{ KEY(hypervisor, accel), ENABLED, .since = "own", .def = "auto", .choices = "auto,kvm,tcg",
	  .meaning = "kvm; tcg, which emulates the CPU and is slow; or auto: kvm when a "
		     "short trial VM runs under it" },
	{ KEY(hypervisor, kernel), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .def = KATA_DATADIR "/kata-containers/vmlinux.container",
	  .meaning = "the guest's kernel: vmlinux (fastest) or bzImage" },
	{ KEY(hypervisor, image), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .meaning = "the guest's root file system as a disk image; either this or initrd" },
	{ KEY(hypervisor, initrd), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .meaning = "the guest's root file system as an initrd; either this or image" },
	{ KEY(hypervisor, rootfs_type), .since = "3.1", .def = "ext4", .choices = "ext4,xfs,erofs",
	  .meaning = "file system in image" },
	{ KEY(hypervisor, firmware), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .meaning = "firmware given to QEMU with -bios" },
	{ KEY(hypervisor, firmware_volume), ENABLED, .text = TEXT_PATH,
	  .since = "2.4", .state = KEY_IDLE,
	  .meaning = "writable firmware variables" },
	{ KEY(hypervisor, pflashes), .since = "1.0", .state = KEY_IDLE,
	  .meaning = "flash images (arm64)" },
	{ KEY(hypervisor, machine_type), ENABLED, .since = "1.0", .def = "q35",
	  .choices = "q35,pc,virt,microvm", .later = "virt,microvm", .meaning = "QEMU's machine" },
	{ KEY(hypervisor, machine_accelerators), ENABLED, .text = TEXT_ACCELERATORS, .since = "1.0",
	  .meaning = "added to -machine, separated by commas" },
	{ KEY(hypervisor, cpu_features), ENABLED, .text = TEXT_CPU_FEATURES,
	  .since = "1.0", .def = "pmu=off",
	  .meaning = "added to -cpu, separated by commas" },
	{ KEY(hypervisor, seccompsandbox), .since = "2.5",
	  .def = "on,obsolete=deny,spawn=deny,resourcecontrol=deny",
	  .meaning = "QEMU's own system call filter (-sandbox); \"\" turns it off. Kata's "
		     "default is off" },
	{ KEY(hypervisor, kernel_params), ENABLED, .text = TEXT_WORDS, .append = true,
	  .since = "1.0",
	  .def = "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1",
	  .meaning = "added to the guest kernel's command line; an annotation adds to the file's" },
	{ KEY(hypervisor, kernel_verity_params), ENABLED, .text = TEXT_WORDS,
	  .since = "3.27", .state = KEY_REFUSED,
	  .meaning = "dm-verity parameters of image" },

	/* CPUs and memory */
	{ KEY(hypervisor, default_vcpus), ENABLED, .since = "1.0", .def = "1",
	  .meaning = "vCPUs at boot, rounded up; 0 is 1; below 0 or over the host's: as "
		     "many as the host has" },
	{ KEY(hypervisor, default_maxvcpus), ENABLED,
	  .since = "1.0", .annotation = "default_max_vcpus",
	  .meaning = "the most vCPUs a VM can grow to; 0: as many as the host has" },
	{ KEY(hypervisor, default_memory), ENABLED, .since = "1.0", .def = "2048",
	  .meaning = "MiB at boot; under 256 in a file is taken as 2048" },
	{ KEY(hypervisor, default_maxmemory), .since = "2.5",
	  .meaning = "the most MiB a VM can grow to; 0: as much as the host has" },
	{ KEY(hypervisor, memory_slots), ENABLED, .since = "1.0", .def = "10", .max = 256,
	  .meaning = "memory modules that can be plugged; 0 is 10" },
	{ KEY(hypervisor, memory_offset), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "MiB added to the largest size, for NVDIMM" },
	{ KEY(hypervisor, default_bridges), .since = "1.0", .def = "1", .max = 5, .clamp = true,
	  .meaning = "PCI bridges for devices that are plugged later" },
	{ KEY(hypervisor, enable_virtio_mem), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "grow and shrink memory with virtio-mem" },
	{ KEY(hypervisor, enable_mem_prealloc), ENABLED, .since = "1.0",
	  .meaning = "take all guest memory from the host at start" },
	{ KEY(hypervisor, reclaim_guest_freed_memory), ENABLED, .since = "3.17",
	  .meaning = "give back what the guest frees (free page reporting)" },
	{ KEY(hypervisor, enable_hugepages), ENABLED, .since = "1.0",
	  .meaning = "guest memory from huge pages" },
	{ KEY(hypervisor, file_mem_backend), ENABLED, .text = TEXT_PATH,
	  .since = "1.0", .state = KEY_OLD,
	  .valid = "valid_file_mem_backends",
	  .meaning = "directory for guest memory; it is always a memfd here" },
	{ KEY(hypervisor, valid_file_mem_backends), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "globs for file_mem_backend" },
	{ KEY(hypervisor, enable_swap), ENABLED, .since = "1.0", .state = KEY_OLD,
	  .meaning = "let the host swap guest memory; it always may" },
	{ KEY(hypervisor, enable_guest_swap), ENABLED, .since = "2.2", .state = KEY_IDLE,
	  .meaning = "swap file for the guest" },
	{ KEY(hypervisor, enable_iommu), ENABLED, .since = "1.0", .state = KEY_REFUSED,
	  .meaning = "emulated IOMMU in the guest" },
	{ KEY(hypervisor, enable_iommu_platform), ENABLED, .since = "1.0", .state = KEY_REFUSED,
	  .meaning = "devices behind the IOMMU" },
	{ KEY(hypervisor, enable_numa), .since = "3.27", .state = KEY_IDLE,
	  .meaning = "show the host's NUMA nodes to the guest" },
	{ KEY(hypervisor, numa_mapping), ENABLED, .since = "3.27", .state = KEY_IDLE,
	  .meaning = "host nodes of each guest node" },

	/* block devices */
	{ KEY(hypervisor, disable_block_device_use), ENABLED, .since = "1.0", .def = "true",
	  .state = KEY_IDLE, .meaning = "show block root file systems through shared_fs" },
	{ KEY(hypervisor, block_device_driver), ENABLED, .since = "1.0", .def = "virtio-scsi",
	  .choices = "virtio-scsi,virtio-blk,virtio-mmio,nvdimm,virtio-blk-ccw", .state = KEY_IDLE,
	  .meaning = "how block devices reach the guest" },
	{ KEY(hypervisor, block_device_aio), ENABLED, .since = "3.0", .def = "io_uring",
	  .choices = "io_uring,native,threads", .state = KEY_IDLE,
	  .meaning = "QEMU's way of asynchronous I/O" },
	{ KEY(hypervisor, block_device_cache_set), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "pass the two cache options below to QEMU" },
	{ KEY(hypervisor, block_device_cache_direct), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "pass by the host's page cache" },
	{ KEY(hypervisor, block_device_cache_noflush), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "ignore flushes" },
	{ KEY(hypervisor, block_device_logical_sector_size), ENABLED, .since = "3.29",
	  .annotation = "blk_logical_sector_size", .max = SECTOR_MAX, .state = KEY_IDLE,
	  .meaning = "bytes; 0: QEMU's, else a power of two from 512" },
	{ KEY(hypervisor, block_device_physical_sector_size), ENABLED, .since = "3.29",
	  .annotation = "blk_physical_sector_size", .max = SECTOR_MAX, .state = KEY_IDLE,
	  .meaning = "bytes; 0: QEMU's, else a power of two from 512 and not under the "
		     "logical size" },
	{ KEY(hypervisor, enable_iothreads), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "an I/O thread for disks" },
	{ KEY(hypervisor, indep_iothreads), ENABLED, .since = "3.24", .max = 49, .state = KEY_IDLE,
	  .meaning = "I/O threads for plugged disks" },
	{ KEY(hypervisor, disk_rate_limiter_bw_max_rate), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: disk bandwidth" },
	{ KEY(hypervisor, disk_rate_limiter_bw_one_time_burst), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: disk bandwidth, first burst" },
	{ KEY(hypervisor, disk_rate_limiter_ops_max_rate), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: disk operations" },
	{ KEY(hypervisor, disk_rate_limiter_ops_one_time_burst), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: disk operations, first burst" },
	{ KEY(hypervisor, net_rate_limiter_bw_max_rate), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: network bandwidth" },
	{ KEY(hypervisor, net_rate_limiter_bw_one_time_burst), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: network bandwidth, first burst" },
	{ KEY(hypervisor, net_rate_limiter_ops_max_rate), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: network operations" },
	{ KEY(hypervisor, net_rate_limiter_ops_one_time_burst), .since = "2.5", .state = KEY_OLD,
	  .meaning = "limit of other monitors: network operations, first burst" },
	{ KEY(hypervisor, rx_rate_limiter_max_rate), ENABLED, .since = "2.0",
	  .meaning = "bit/s into the guest" },
	{ KEY(hypervisor, tx_rate_limiter_max_rate), ENABLED, .since = "2.0",
	  .meaning = "bit/s out of the guest" },

	/* the shared directory */
	{ KEY(hypervisor, shared_fs), ENABLED, .since = "1.0", .def = "virtio-fs",
	  .choices = "virtio-fs,virtio-9p,virtio-fs-nydus,none", .later = "virtio-fs-nydus,none",
	  .meaning = "how files of the host reach the guest" },
	{ KEY(hypervisor, virtio_fs_daemon), NEVER,
	  .since = "1.0", .def = "/usr/lib/qemu/virtiofsd",
	  .meaning = "the virtiofsd program, C or Rust" },
	{ KEY(hypervisor, valid_virtio_fs_daemon_paths), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "globs of programs an annotation may name; no annotation names a "
		     "program here" },
	{ KEY(hypervisor, virtio_fs_cache), ENABLED, .since = "1.0", .def = "auto",
	  .choices = "never,auto,always,metadata", .meaning = "what the guest may cache" },
	{ KEY(hypervisor, virtio_fs_cache_size), ENABLED, .since = "1.0",
	  .meaning = "MiB of the DAX window; 0: none" },
	{ KEY(hypervisor, virtio_fs_queue_size),
	  .since = "3.1", .def = "1024", .min = 1, .max = 1024,
	  .meaning = "requests in the queue, a power of two" },
	{ KEY(hypervisor, virtio_fs_extra_args), ENABLED, .text = TEXT_VIRTIOFSD_ARG,
	  .since = "1.0",
	  .meaning = "added to virtiofsd's command line; an annotation may only use a "
		     "short list of options" },
	{ KEY(hypervisor, msize_9p), ENABLED,
	  .since = "1.0", .def = "8192", .min = 4096, .max = 1048576,
	  .meaning = "bytes in one 9p message" },

	/* other devices */
	{ KEY_AS(hypervisor, use_vsock, CONFIG_TRISTATE), ENABLED, .since = "1.0", .def = "auto",
	  .annotation = "io.katacontainers.config.runtime.use_vsock",
	  .meaning = "talk to the agent over vsock (true), virtio-serial (false), or by "
		     "what the host has (auto)" },
	{ KEY(hypervisor, entropy_source), ENABLED, .text = TEXT_PATH,
	  .since = "1.0", .def = "/dev/urandom",
	  .valid = "valid_entropy_sources", .meaning = "what feeds the guest's virtio-rng" },
	{ KEY(hypervisor, valid_entropy_sources),
	  .since = "2.1", .def = "/dev/urandom\n/dev/random\n",
	  .meaning = "globs for entropy_source in an annotation" },
	{ KEY(hypervisor, disable_image_nvdimm), ENABLED, .since = "1.0", .def = "true",
	  .state = KEY_IDLE,
	  .meaning = "attach image as a read-only disk. Kata's default is false: a pmem "
		     "device cannot be made read only, so a guest could change the image "
		     "in its memory" },
	{ KEY(hypervisor, enable_vhost_user_store), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "volumes of a vhost-user target (SPDK)" },
	{ KEY(hypervisor, vhost_user_store_path), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .def = "/var/run/kata-containers/vhost-user", .valid = "valid_vhost_user_store_paths",
	  .state = KEY_IDLE, .meaning = "where its sockets are" },
	{ KEY(hypervisor, valid_vhost_user_store_paths), .since = "1.0",
	  .def = "/var/run/kata-containers/vhost-user", .state = KEY_IDLE,
	  .meaning = "globs for vhost_user_store_path in an annotation" },
	{ KEY(hypervisor, vhost_user_reconnect_timeout_sec), ENABLED,
	  .since = "3.1", .state = KEY_IDLE,
	  .meaning = "seconds between tries to connect again; 0: never" },
	{ KEY(hypervisor, hotplug_vfio_on_root_bus), ENABLED, .since = "1.0", .state = KEY_OLD,
	  .meaning = "plug VFIO devices into the root bus" },
	{ KEY(hypervisor, hot_plug_vfio), ENABLED, .since = "3.2", .def = "no-port",
	  .choices = "no-port,bridge-port,root-port,switch-port", .state = KEY_IDLE,
	  .meaning = "where VFIO devices are plugged while the VM runs" },
	{ KEY(hypervisor, cold_plug_vfio), ENABLED, .since = "3.2", .def = "no-port",
	  .choices = "no-port,bridge-port,root-port,switch-port",
	  .meaning = "all but no-port hand PCI network interfaces of the pod to the VM (VFIO), "
		     "behind its bridge whichever is named" },
	{ KEY(hypervisor, pcie_root_port), ENABLED, .since = "1.0", .max = 16, .clamp = true,
	  .state = KEY_IDLE, .meaning = "PCIe root ports" },
	{ KEY(hypervisor, pcie_switch_port), ENABLED, .since = "3.6", .max = 16, .clamp = true,
	  .state = KEY_IDLE, .meaning = "PCIe switch ports" },
	{ KEY(hypervisor, disable_vhost_net), ENABLED, .since = "1.0",
	  .meaning = "network packets through QEMU, not the host kernel's vhost" },
	{ KEY(hypervisor, guest_hook_path), ENABLED, .text = TEXT_PATH, .since = "1.0",
	  .meaning = "directory in the guest with hooks to run" },
	{ KEY(hypervisor, use_legacy_serial), ENABLED, .since = "2.5",
	  .meaning = "guest console on ttyS0" },

	/* looking inside */
	{ KEY(hypervisor, enable_debug), .since = "1.0",
	  .meaning = "verbose guest kernel, console in the log" },
	{ KEY(hypervisor, hypervisor_loglevel),
	  .since = "3.14", .def = "1", .max = 3, .clamp = true,
	  .state = KEY_IDLE, .meaning = "how much QEMU logs" },
	{ KEY(hypervisor, extra_monitor_socket), .since = "3.2", .choices = ",hmp,qmp,qmp-pretty",
	  .meaning = "a second QEMU monitor for debugging" },
	{ KEY(hypervisor, disable_nesting_checks), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "treat a nested host as any other; there are no such checks here, "
		     "KVM is tried instead" },
	{ KEY(hypervisor, guest_memory_dump_path), .since = "2.1", .state = KEY_IDLE,
	  .meaning = "directory for a memory dump when the guest's kernel panics" },
	{ KEY(hypervisor, guest_memory_dump_paging), .since = "2.1", .state = KEY_IDLE,
	  .meaning = "dump with guest paging" },

	/* confinement */
	{ KEY(hypervisor, disable_seccomp), .since = "2.3", .state = KEY_MOOT,
	  .meaning = "turn off the filters of other monitors; for QEMU see seccompsandbox" },
	{ KEY(hypervisor, disable_selinux), .since = "2.4", .state = KEY_MOOT,
	  .meaning = "no SELinux label for QEMU; it gets none here" },
	{ KEY(hypervisor, disable_guest_selinux),
	  .since = "3.1", .def = "true", .state = KEY_REFUSED,
	  .meaning = "no SELinux in the guest" },
	{ KEY(hypervisor, rootless), ENABLED, .since = "2.3",
	  .meaning = "QEMU as a user of its own; else as the system user kata when there is one" },
	{ KEY(hypervisor, confidential_guest), .since = "2.2", .state = KEY_REFUSED,
	  .meaning = "memory hidden from the host (SEV, TDX, SE)" },
	{ KEY(hypervisor, sev_snp_guest), .since = "3.1", .state = KEY_REFUSED,
	  .meaning = "SEV-SNP instead of SEV" },
	{ KEY(hypervisor, snp_id_block), .since = "3.15", .state = KEY_IDLE,
	  .meaning = "SNP id block" },
	{ KEY(hypervisor, snp_id_auth), .since = "3.15", .state = KEY_IDLE,
	  .meaning = "SNP id authentication" },
	{ KEY(hypervisor, snp_guest_policy), .since = "3.20", .def = "196608", .state = KEY_IDLE,
	  .meaning = "SNP guest policy" },
	{ KEY(hypervisor, tdx_quote_generation_service_socket_port), .since = "3.6", .def = "4050",
	  .state = KEY_IDLE, .meaning = "vsock port of the TDX quote service" },
	{ KEY(hypervisor, measurement_algo), .since = "3.22", .state = KEY_IDLE,
	  .meaning = "hash for measurements" },
	{ KEY(hypervisor, enable_annotations), .since = "1.0",
	  .meaning = "regular expressions (POSIX extended, found anywhere in the key's "
		     "name) of the keys that annotations may set" },

	/* keys of other monitors that files contain */
	{ KEY(hypervisor, jailer_path), NEVER, .since = "1.0", .def = "/usr/bin/jailer",
	  .state = KEY_OLD, .meaning = "Firecracker's jailer" },
	{ KEY(hypervisor, valid_jailer_paths), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "globs for jailer_path" },
	{ KEY(hypervisor, ctlpath), NEVER, .since = "1.0", .state = KEY_OLD,
	  .meaning = "ACRN's control program" },
	{ KEY(hypervisor, valid_ctlpaths), .since = "1.0", .state = KEY_MOOT,
	  .meaning = "globs for ctlpath" },
	{ KEY(hypervisor, remote_hypervisor_socket), .since = "3.3",
	  .def = "/run/peerpod/hypervisor.sock", .state = KEY_OLD,
	  .meaning = "socket of a remote hypervisor" },
	{ KEY(hypervisor, remote_hypervisor_timeout),
	  .since = "3.3", .def = "600", .state = KEY_OLD,
	  .meaning = "seconds it may take" },

	/* from annotations only */
	{ KEY(hypervisor, kernel_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .meaning = "sha512 of kernel" },
	{ KEY(hypervisor, image_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .meaning = "sha512 of image" },
	{ KEY(hypervisor, initrd_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .meaning = "sha512 of initrd" },
	{ KEY(hypervisor, hypervisor_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .meaning = "sha512 of path" },
	{ KEY(hypervisor, jailer_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .state = KEY_OLD, .meaning = "sha512 of jailer_path" },
	{ KEY(hypervisor, firmware_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "1.0",
	  .meaning = "sha512 of firmware" },
	{ KEY(hypervisor, firmware_volume_hash), ENABLED, .annotation_only = true, .text = TEXT_HASH,
	  .since = "2.4",
	  .meaning = "sha512 of firmware_volume" },
	{ KEY(hypervisor, asset_hash_type), OPEN, .annotation_only = true, .since = "1.0",
	  .annotation = "io.katacontainers.asset_hash_type", .def = "sha512", .choices = "sha512",
	  .meaning = "the hash of the keys above" },
	{ KEY(hypervisor, default_gpus), ENABLED, .annotation_only = true, .since = "3.8",
	  .state = KEY_REFUSED, .meaning = "GPUs of a remote VM" },
	{ KEY(hypervisor, default_gpu_model), ENABLED, .annotation_only = true, .since = "3.8",
	  .state = KEY_REFUSED, .meaning = "GPU model of a remote VM" },
	{ KEY(hypervisor, cc_init_data), ENABLED, .annotation_only = true, .since = "3.8",
	  .state = KEY_REFUSED, .meaning = "initial data of a confidential guest" },

	/* [factory] */
	{ KEY(factory, enable_template), .since = "1.0", .state = KEY_IDLE,
	  .meaning = "start VMs from a saved, booted one" },
	{ KEY(factory, template_path), .since = "1.0", .def = "/run/vc/vm/template",
	  .state = KEY_IDLE, .meaning = "where it is saved" },
	{ KEY(factory, vm_cache_number), .since = "1.0", .max = 1024, .state = KEY_IDLE,
	  .meaning = "VMs kept ready" },
	{ KEY(factory, vm_cache_endpoint), .since = "1.0",
	  .def = "/var/run/kata-containers/cache.sock", .state = KEY_IDLE,
	  .meaning = "socket of the process that keeps them" },

	/* [agent.kata] */
	{ KEY(agent, enable_debug), .since = "1.0", .meaning = "verbose agent (agent.log=debug)" },
	{ KEY(agent, enable_tracing), OPEN, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "trace spans from the agent" },
	{ KEY(agent, trace_mode), OPEN,
	  .since = "1.0", .def = "dynamic", .choices = "dynamic,static",
	  .state = KEY_OLD, .meaning = "when tracing starts" },
	{ KEY(agent, trace_type), OPEN, .since = "1.0", .def = "isolated",
	  .choices = "isolated,collated", .state = KEY_OLD, .meaning = "what a trace covers" },
	{ KEY(agent, kernel_modules), OPEN, .text = TEXT_MODULE, .separator = ";", .since = "1.0",
	  .meaning = "modules the guest loads: name and parameters; separated by \";\" in "
		     "the annotation" },
	{ KEY(agent, debug_console_enabled), .since = "2.0",
	  .meaning = "a shell in the guest for the host's root (port 1026, or console.channel.0)" },
	{ KEY(agent, dial_timeout), .since = "2.1", .def = "45", .min = 1, .max = 3600,
	  .meaning = "seconds until the agent must have answered; without KVM four times that" },
	{ KEY(agent, cdh_api_timeout), .since = "3.9", .def = "50", .state = KEY_IDLE,
	  .meaning = "seconds for the confidential data hub" },
	{ KEY(agent, launch_process_timeout), .since = "3.29", .def = "6",
	  .meaning = "seconds for the guest's own helper processes" },
	{ KEY(agent, visible_cdi_devices), .since = "3.32", .state = KEY_IDLE,
	  .meaning = "show CDI devices to every container" },
	{ KEY(agent, container_pipe_size), OPEN, .annotation_only = true, .since = "1.0",
	  .max = 16777216, .meaning = "bytes of the pipes of a container's streams" },
	{ KEY(agent, policy), OPEN, .annotation_only = true, .since = "3.3", .state = KEY_REFUSED,
	  .meaning = "base64 of the policy for the agent" },

	/* [runtime] */
	{ KEY(runtime, enable_debug), .since = "1.0", .meaning = "verbose log of the host side" },
	{ KEY(runtime, internetworking_model), OPEN, .since = "1.0", .def = "tcfilter",
	  .choices = "default,tcfilter,macvtap,none",
	  .meaning = "how the VM meets the pod's interfaces (default: tcfilter)" },
	{ KEY(runtime, disable_new_netns), ENABLED, .since = "1.0",
	  .meaning = "QEMU in the host's network namespace; needs model none" },
	{ KEY(runtime, disable_guest_seccomp), ENABLED, .since = "1.0",
	  .meaning = "leave out the spec's seccomp filter in the guest. Kata's file says true" },
	{ KEY(runtime, enable_vcpus_pinning), ENABLED, .since = "3.1", .state = KEY_IDLE,
	  .annotation = "io.katacontainers.enable_vcpus_pinning",
	  .meaning = "each vCPU thread on its own host CPU" },
	{ KEY(runtime, guest_selinux_label), OPEN, .since = "3.1", .state = KEY_IDLE,
	  .meaning = "SELinux label of processes in the guest" },
	{ KEY(runtime, enable_tracing), .since = "1.0", .state = KEY_IDLE,
	  .meaning = "trace spans from the host side" },
	{ KEY(runtime, jaeger_endpoint), .since = "2.1", .state = KEY_IDLE,
	  .meaning = "where they are sent" },
	{ KEY(runtime, jaeger_user), .since = "2.1", .state = KEY_IDLE, .meaning = "user there" },
	{ KEY(runtime, jaeger_password), .since = "2.1", .state = KEY_IDLE,
	  .meaning = "password there" },
	{ KEY(runtime, sandbox_cgroup_only), ENABLED, .since = "1.0", .state = KEY_IDLE,
	  .meaning = "every process of a sandbox in the pod's cgroup" },
	{ KEY(runtime, static_sandbox_resource_mgmt), .since = "2.4", .state = KEY_MOOT,
	  .meaning = "size the VM once, at start; it always is, nothing is hot-plugged" },
	{ KEY(runtime, sandbox_bind_mounts), .since = "2.1", .state = KEY_IDLE,
	  .meaning = "host paths shown read only to every guest; basenames must differ" },
	{ KEY(runtime, vfio_mode), OPEN, .since = "2.3", .def = "guest-kernel",
	  .choices = "guest-kernel,vfio", .state = KEY_IDLE,
	  .meaning = "who drives VFIO devices in the guest" },
	{ KEY(runtime, disable_guest_empty_dir), .since = "2.4", .state = KEY_IDLE,
	  .meaning = "emptyDir volumes on the host" },
	{ KEY(runtime, emptydir_mode), .since = "3.28", .def = "shared-fs",
	  .choices = "shared-fs,block-encrypted", .state = KEY_REFUSED,
	  .meaning = "what emptyDir volumes are" },
	{ KEY(runtime, experimental), ENABLED, .separator = " ", .since = "1.0",
	  .meaning = "experimental features; there are none, so every name is an error" },
	{ KEY(runtime, enable_pprof), ENABLED, .since = "2.0", .state = KEY_OLD,
	  .meaning = "Go's profiler" },
	{ KEY(runtime, create_container_timeout), OPEN, .since = "3.4", .def = "60", .min = 1,
	  .max = 3600, .meaning = "seconds until a container must be made" },
	{ KEY(runtime, dan_conf), .since = "3.7", .def = "/run/kata-containers/dans",
	  .meaning = "directory of SANDBOX.json: its network devices, in place of the namespace's" },
	{ KEY(runtime, experimental_force_guest_pull), OPEN, .since = "3.18", .state = KEY_REFUSED,
	  .meaning = "the guest pulls images itself" },
	{ KEY(runtime, kubelet_root_dir), .since = "3.28", .def = "/var/lib/kubelet",
	  .state = KEY_IDLE, .meaning = "kubelet's directory" },
	{ KEY(runtime, pod_resource_api_sock), .since = "3.24", .state = KEY_IDLE,
	  .meaning = "kubelet's pod resources socket" },
	{ KEY(runtime, enable_agent_pidns), ENABLED, .since = "1.x", .state = KEY_REFUSED,
	  .meaning = "containers in the agent's PID namespace" },

	/* sections of older releases */
	{ KEY(netmon, path), .since = "1.x", .def = "/usr/libexec/kata-containers/kata-netmon",
	  .state = KEY_OLD, .meaning = "the network monitor program" },
	{ KEY(netmon, enable_netmon), .since = "1.x", .state = KEY_OLD, .meaning = "run it" },
	{ KEY(netmon, enable_debug), .since = "1.x", .state = KEY_OLD, .meaning = "its log" },
	{ KEY(proxy, path), .since = "1.x", .def = KATA_LIBEXECDIR "/kata-containers/kata-proxy",
	  .meaning = "the supervisor of a sandbox under docker and podman" },
	{ KEY(proxy, enable_debug), .since = "1.x", .meaning = "verbose log" },
	{ KEY(shim, path), .since = "1.x", .def = KATA_LIBEXECDIR "/kata-containers/kata-shim",
	  .meaning = "the process that stands for a container's process under docker and podman" },
	{ KEY(shim, enable_debug), .since = "1.x", .state = KEY_IDLE, .meaning = "verbose log" },
	{ KEY(shim, enable_tracing), .since = "1.x", .state = KEY_IDLE, .meaning = "trace spans" },
	{ KEY(image, service_offload), .since = "2.2", .state = KEY_OLD,
	  .meaning = "images pulled in the guest" },
	{ KEY(image, provision), .since = "2.2", .state = KEY_OLD, .meaning = "of image pulling" },
};
/* clang-format on */
const size_t config_n_keys = ARRAY_LEN(config_keys);

static const struct {
	const char *section;
	const char *table;
} sections[] = {
	{ "hypervisor", "hypervisor.qemu" },
	{ "factory", "factory" },
	{ "agent", "agent.kata" },
	{ "runtime", "runtime" },
	{ "netmon", "netmon" },
	{ "proxy", "proxy.kata" },
	{ "shim", "shim.kata" },
	{ "image", "image" },
};

const char *config_section_table(const char *section)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strcmp(sections[i].section, section) == 0)
			return sections[i].table;
	return NULL;
}

const char *config_section_find(const char *table)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strcmp(sections[i].table, table) == 0)
			return sections[i].section;
	return NULL;
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

const char *config_key_annotation(const struct config_key *key,
				  char buf[static CONFIG_ANNOTATION_NAME_MAX])
{
	const char *name = key->annotation ? key->annotation : key->name;

	if (key->access == ANNOTATION_NONE)
		snprintf(buf, CONFIG_ANNOTATION_NAME_MAX, "%s", "");
	else if (str_starts(name, "io.katacontainers."))
		snprintf(buf, CONFIG_ANNOTATION_NAME_MAX, "%s", name);
	else
		snprintf(buf, CONFIG_ANNOTATION_NAME_MAX, "io.katacontainers.config.%s.%s",
			 key->section, name);
	return buf;
}

void *config_at(struct config *config, const struct config_key *key)
{
	return (char *)config + key->offset;
}
