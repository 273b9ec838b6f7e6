/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * vm_config.h - what one virtual machine is made of, as plain data
 *
 * Configuration and the facts of this host become a struct vm_config; that is all a
 * monitor needs to know. Pure: needs no root, opens nothing, asks the kernel nothing.
 * What was found out beforehand comes in as struct vm_facts.
 *
 * Source: Kata 3.x, virtcontainers (defaults, order and spelling; reference in the
 *         project's facts), with the departures named in qemu_argv.c
 * Owns:   every string in struct vm_config
 * Errors: ERR_INVALID names the key and the value that cannot be had;
 *         ERR_UNIMPLEMENTED names what is known and not built
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct config;
struct stat;

enum vm_machine { VM_MACHINE_Q35, VM_MACHINE_PC };
enum vm_accel { VM_ACCEL_KVM, VM_ACCEL_TCG };
enum vm_channel { VM_CHANNEL_SERIAL, VM_CHANNEL_VSOCK };
enum vm_share { VM_SHARE_NONE, VM_SHARE_VIRTIOFS, VM_SHARE_9P };

/*
 * A network device, plugged into a running or a not yet running machine (vmm_add_nic()). Borrowed
 * for the call.
 */
enum vm_nic_backend {
	VM_NIC_TAP,        /* descriptors, one a queue */
	VM_NIC_VHOST_USER, /* a socket that another process listens on */
	VM_NIC_VFIO,       /* a PCI device of the host's */
};
#define VM_NIC_QUEUES_MAX 16
#define VM_NIC_SLOTS      30 /* 1 to 30 of a bridge: 0 is its hotplug controller's, 31 stays free */
struct vm_nic {
	const char *id; /* "network-0": unique in the machine */
	enum vm_nic_backend backend;
	uint8_t mac[6]; /* not of VFIO */
	const int *fds; /* VM_NIC_TAP: one a queue */
	size_t n_fds;
	const int *vhost_fds; /* one a queue, or none: NULL and 0 */
	size_t n_vhost_fds;
	unsigned int queues;  /* pairs; of a tap n_fds */
	unsigned int slot;    /* of pci-bridge-0; the guest's path is VM_NIC_PATH */
	const char *pci;      /* VM_NIC_VFIO: "0000:00:05.0" */
	/*
	 * VM_NIC_VHOST_USER: a path that the monitor's user may connect to. A descriptor will not do:
	 * QEMU passes memory over none that it has not connected itself (7.2, and 9 still).
	 */
	const char *socket;
};
/* The bridge's slot on the root bus (add_bridges() in qemu_argv.c), and the device's behind it. */
#define VM_NIC_PATH "02/%02x"

/* The user that the monitor runs as. */
struct vm_user {
	bool own; /* false: ours */
	uid_t uid;
	gid_t gid;
	gid_t kvm_gid; /* supplementary; 0: none */
};

/* What the caller found out about this host and this sandbox. All borrowed. */
struct vm_facts {
	const char *id;        /* sandbox id, checked */
	const char *vm_dir;    /* "/run/vc/vm/<id>": sockets and the pid file */
	const char *share_dir; /* the directory the guest shall see (".../shared") */
	enum vm_accel accel;   /* see accel.h */
	bool has_vsock;
	uint32_t cid;          /* valid with has_vsock, >= 3 */
	unsigned int host_cpus;
	uint64_t host_memory_mib;
	uint32_t tsc_khz; /* tsc.h, when emulated; 0: not known */
	bool fips; /* the host's kernel runs in FIPS mode, so shall the guest's */
	struct vm_user user;
};

/* Fill host_cpus, host_memory_mib and fips; the rest stays as it is. */
int vm_facts_read_host(struct vm_facts *facts, struct err *err);

/*
 * The user for the monitor: the system user "kata" when there is one, a number of its
 * own when rootless is set, else ours. Reads /etc/passwd itself (NSS may block).
 */
int vm_user_choose(const struct config *config, struct vm_user *ret, struct err *err);

/*
 * The user "kata" in the text of a passwd file, which is cut up in doing so. Pure. False
 * when there is none, or it is root or no number.
 */
bool vm_user_parse(char *passwd, struct vm_user *ret);

/* By owner, group and mode of a file; pure. */
bool vm_user_may_read(const struct vm_user *user, const struct stat *st);

struct vm_config {
	char *id;
	char *uuid; /* made from the id, so that the same sandbox has the same one */
	char *vm_dir;
	char *path; /* the monitor's program */

	enum vm_machine machine;
	char *machine_accelerators; /* appended to -machine; "" for none */
	enum vm_accel accel;
	char *cpu_features; /* appended to -cpu; "" for none */
	char *seccomp;      /* for -sandbox; "" for off */
	struct vm_user user;
	bool debug;

	unsigned int cpus;
	unsigned int max_cpus;
	uint64_t memory_mib;
	uint64_t max_memory_mib; /* with what may be hot-plugged */
	unsigned int memory_slots;
	bool hugepages, prealloc, free_page_reporting;
	unsigned int bridges;

	char *kernel;
	char *initrd; /* NULL when image is set */
	char *image;  /* read-only block device; NULL when initrd is set */
	char *cmdline;
	char *firmware; /* "" for the machine's own */
	bool fips;
	uint32_t tsc_khz; /* 0: the guest finds out */

	enum vm_channel channel;
	uint32_t cid;
	bool legacy_serial;  /* console on ttyS0 */
	bool has_debug_port; /* console.channel.0: the debug console, without vsock */
	char *extra_monitor; /* "", "hmp", "qmp", "qmp-pretty" */

	enum vm_share share;
	char *share_dir;
	unsigned int fs_queue_size;
	uint64_t fs_cache_mib; /* DAX window; 0: none */

	bool has_scsi, iothreads;
	bool start_paused; /* devices are added before the guest runs; vmm_resume() lets it go */
	char *entropy_source;
};

/* Decide everything. Writes nothing on failure; release with vm_config_done(). */
int vm_config_plan(const struct config *config, const struct vm_facts *facts,
		   struct vm_config *ret, struct err *err);
void vm_config_done(struct vm_config *vm);

/* The mount tag of the share in the guest. */
#define VM_SHARE_TAG "kataShared"
