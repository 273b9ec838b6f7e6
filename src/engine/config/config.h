/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * config.h - what the administrator and the pod asked for
 *
 * The life of a configuration: config_new_default(), config_load() (the file, then its
 * config.d), config_apply_annotations(), config_validate(). From there on it is read only,
 * paths are real paths of files that exist, and numbers are the effective ones.
 *
 * Every member is named exactly as its key; keys.c holds one row for each with its type,
 * default, range, annotation and state, and everything else is made from those rows: the
 * reader, the annotations, docs/configuration.md, kata-env.
 *
 * Strings and lists are never NULL: "" and { NULL } mean not set. All of them are owned by
 * the configuration.
 *
 * Units:  MiB for memory, seconds for timeouts, bits per second for rates
 * Errors: ERR_INVALID: wrong type, out of range, against a rule; ERR_NOT_FOUND: no such file;
 *         ERR_DENIED: an annotation that is not enabled; ERR_UNIMPLEMENTED: known, not built,
 *         and unsafe to ignore
 * Limits: CONFIG_FILE_MAX, CONFIG_DROPINS_MAX, CONFIG_ANNOTATION_MAX
 * Trust:  the files fully (root wrote them); annotations only as far as the files allow
 * Source: Kata Containers 3.32, src/runtime/config/configuration-qemu.toml.in
 * Blocks: on local files
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CONFIG_FILE_MAX       (1u << 20)  /* bytes of one file */
#define CONFIG_DROPINS_MAX    64          /* files in config.d */
#define CONFIG_ANNOTATION_MAX (64u << 10) /* bytes of one value */

enum config_tristate { CONFIG_AUTO, CONFIG_NO, CONFIG_YES };

struct config_hypervisor {
	/* what runs */
	char *path;
	char **valid_hypervisor_paths; /* globs */
	char *accel;                   /* own: "auto", "kvm", "tcg" */
	char *kernel;
	char *image;
	char *initrd;
	char *rootfs_type;
	char *firmware;
	char *firmware_volume;
	char **pflashes;
	char *machine_type;
	char *machine_accelerators;
	char *cpu_features;
	char *seccompsandbox;
	char *kernel_params;
	char *kernel_verity_params;

	/* CPUs and memory */
	double default_vcpus;
	uint32_t default_maxvcpus;
	uint32_t default_memory;    /* MiB */
	uint64_t default_maxmemory; /* MiB */
	uint32_t memory_slots;
	uint64_t memory_offset; /* MiB */
	uint32_t default_bridges;
	bool enable_virtio_mem;
	bool enable_mem_prealloc;
	bool reclaim_guest_freed_memory;
	bool enable_hugepages;
	char *file_mem_backend;
	char **valid_file_mem_backends;
	bool enable_swap;
	bool enable_guest_swap;
	bool enable_iommu;
	bool enable_iommu_platform;
	bool enable_numa;
	char **numa_mapping;

	/* block devices */
	bool disable_block_device_use;
	char *block_device_driver;
	char *block_device_aio;
	bool block_device_cache_set;
	bool block_device_cache_direct;
	bool block_device_cache_noflush;
	uint32_t block_device_logical_sector_size;  /* bytes, 0: QEMU's */
	uint32_t block_device_physical_sector_size; /* bytes, 0: QEMU's */
	bool enable_iothreads;
	uint32_t indep_iothreads;
	uint64_t disk_rate_limiter_bw_max_rate;
	uint64_t disk_rate_limiter_bw_one_time_burst;
	uint64_t disk_rate_limiter_ops_max_rate;
	uint64_t disk_rate_limiter_ops_one_time_burst;
	uint64_t net_rate_limiter_bw_max_rate;
	uint64_t net_rate_limiter_bw_one_time_burst;
	uint64_t net_rate_limiter_ops_max_rate;
	uint64_t net_rate_limiter_ops_one_time_burst;
	uint64_t rx_rate_limiter_max_rate; /* bit/s */
	uint64_t tx_rate_limiter_max_rate; /* bit/s */

	/* shared directory */
	char *shared_fs; /* "virtio-fs", "virtio-9p", "virtio-fs-nydus", "none" */
	char *virtio_fs_daemon;
	char **valid_virtio_fs_daemon_paths; /* globs */
	char *virtio_fs_cache;
	uint32_t virtio_fs_cache_size; /* MiB of DAX window */
	uint32_t virtio_fs_queue_size;
	char **virtio_fs_extra_args;
	uint32_t msize_9p; /* bytes */

	/* other devices */
	enum config_tristate use_vsock; /* auto: when /dev/vhost-vsock works */
	char *entropy_source;
	char **valid_entropy_sources;
	bool disable_image_nvdimm;
	bool enable_vhost_user_store;
	char *vhost_user_store_path;
	char **valid_vhost_user_store_paths;
	uint32_t vhost_user_reconnect_timeout_sec;
	bool hotplug_vfio_on_root_bus;
	char *hot_plug_vfio;
	char *cold_plug_vfio;
	uint32_t pcie_root_port;
	uint32_t pcie_switch_port;
	bool disable_vhost_net;
	char *guest_hook_path;
	bool use_legacy_serial;

	/* looking inside */
	bool enable_debug;
	uint32_t hypervisor_loglevel;
	char *extra_monitor_socket;
	bool disable_nesting_checks;
	char *guest_memory_dump_path;
	bool guest_memory_dump_paging;

	/* confinement */
	bool disable_seccomp;
	bool disable_selinux;
	bool disable_guest_selinux;
	bool rootless;
	bool confidential_guest;
	bool sev_snp_guest;
	char *snp_id_block;
	char *snp_id_auth;
	uint64_t snp_guest_policy;
	uint32_t tdx_quote_generation_service_socket_port;
	char *measurement_algo;
	char **enable_annotations; /* POSIX extended regular expressions, unanchored */

	/* other monitors' keys that are found in files */
	char *jailer_path;
	char **valid_jailer_paths;
	char *ctlpath;
	char **valid_ctlpaths;
	char *remote_hypervisor_socket;
	uint32_t remote_hypervisor_timeout;

	/* from annotations only: sha512 of the file in lower case hex, "" is not checked */
	char *kernel_hash;
	char *image_hash;
	char *initrd_hash;
	char *hypervisor_hash;
	char *jailer_hash;
	char *firmware_hash;
	char *firmware_volume_hash;
	char *asset_hash_type;
	uint32_t default_gpus;
	char *default_gpu_model;
	char *cc_init_data;
};

struct config_factory {
	bool enable_template;
	char *template_path;
	uint32_t vm_cache_number;
	char *vm_cache_endpoint;
};

/* A guest without KVM gets this many times dial_timeout: it boots in seconds, and many share a CPU. */
#define CONFIG_DIAL_EMULATED 4u

struct config_agent {
	bool enable_debug;
	bool enable_tracing;
	char *trace_mode;
	char *trace_type;
	char **kernel_modules; /* "name parameter..." */
	bool debug_console_enabled;
	uint32_t dial_timeout;           /* s; see CONFIG_DIAL_EMULATED */
	uint32_t cdh_api_timeout;        /* s */
	uint32_t launch_process_timeout; /* s */
	bool visible_cdi_devices;
	uint32_t container_pipe_size; /* bytes, 0: the guest kernel's; annotation only */
	char *policy;                 /* base64; annotation only */
};

struct config_runtime {
	bool enable_debug;
	char *internetworking_model; /* "tcfilter", "macvtap", "none" */
	bool disable_new_netns;
	bool disable_guest_seccomp;
	bool enable_vcpus_pinning;
	char *guest_selinux_label;
	bool enable_tracing;
	char *jaeger_endpoint;
	char *jaeger_user;
	char *jaeger_password;
	bool sandbox_cgroup_only;
	bool static_sandbox_resource_mgmt;
	char **sandbox_bind_mounts;
	char *vfio_mode;
	bool disable_guest_empty_dir;
	char *emptydir_mode;
	char **experimental;
	bool enable_pprof;
	uint32_t create_container_timeout; /* s */
	char *dan_conf;
	bool experimental_force_guest_pull;
	char *kubelet_root_dir;
	char *pod_resource_api_sock;
	bool enable_agent_pidns;
};

struct config_netmon {
	char *path;
	bool enable_netmon;
	bool enable_debug;
};

struct config_proxy {
	char *path;
	bool enable_debug;
};

struct config_shim {
	char *path;
	bool enable_debug;
	bool enable_tracing;
};

struct config_image {
	bool service_offload;
	char *provision;
};

struct config_origin;

struct config {
	struct config_hypervisor hypervisor; /* [hypervisor.qemu] */
	struct config_factory factory;
	struct config_agent agent; /* [agent.kata] */
	struct config_runtime runtime;
	struct config_netmon netmon;
	struct config_proxy proxy; /* [proxy.kata] */
	struct config_shim shim;   /* [shim.kata] */
	struct config_image image;

	char *path; /* the file that was loaded, links resolved; "" before config_load() */
	struct config_origin *origins; /* private: which file, line or annotation set a key */
};

/* What the machine can do: the rules are checked against this, so tests need no such machine. */
struct config_facts {
	uint32_t host_cpus;
	uint64_t host_memory_mib;
	uint32_t vmm_max_cpus; /* the most vCPUs that QEMU and KVM take for one VM */
};

struct config *config_new_default(void);
void config_free(struct config *config);     /* NULL is fine */
void config_free_at(struct config **config); /* for scoped() */

/*
 * /etc/kata-containers/configuration.toml, the one of this installation, then that of /usr;
 * NULL-terminated.
 */
const char *const *config_known_files(void);

/*
 * Which file to load: the first that is given of annotation (io.katacontainers.config_path),
 * option (CreateTask's config_path), env (KATA_CONF_FILE) and cli (--config), each NULL or ""
 * when not given; else the first that exists of config_known_files().
 * A configuration names the programs that run as root, so an annotation may only choose among the
 * files in the directories of those: ERR_DENIED. ERR_NOT_FOUND "Cannot find usable
 * config file (...)". *ret is owned by the caller.
 */
struct config_find {
	const char *annotation;
	const char *option;
	const char *env;
	const char *cli;
};
int config_find_file(const struct config_find *find, char **ret, struct err *err);

/*
 * Read path, then every file of config.d beside it in name order, hidden ones left out; each
 * only changes the keys that it contains. Appends one line a person can read to *warnings for each
 * unknown key and each key that has no effect here; *warnings may point to NULL at first. On
 * failure config is half changed: free it.
 */
int config_load(struct config *config, const char *path, char ***warnings, struct err *err);

/* As config_load() for one text, named name in messages. For tests and fuzzing. */
int config_load_text(struct config *config, const char *name, const char *text, size_t len,
		     char ***warnings, struct err *err);

struct config_annotation {
	const char *key;
	const char *value;
};

/*
 * Apply those of the annotations that are configuration (io.katacontainers.config.* and
 * friends; all others are passed over). Denied unless a row of keys.c allows it to everybody
 * or enable_annotations names it. On failure config is half changed: free it.
 */
int config_apply_annotations(struct config *config, const struct config_annotation *annotations,
			     size_t n_annotations, char ***warnings, struct err *err);

/* Ask the machine. */
int config_facts_read(struct config_facts *ret, struct err *err);

/*
 * Check every rule, resolve paths to existing files, check their hashes, and put effective
 * numbers in place of "0 means ...". To be called once, last.
 */
int config_validate(struct config *config, const struct config_facts *facts, char ***warnings,
		    struct err *err);
