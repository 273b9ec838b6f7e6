/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * plan.h - a configuration and facts to start from, the same on every machine
 */
#include <stdlib.h>

#include "engine/config/config.h"
#include "engine/vmm/vm_config.h"
#include "lib/base/mem.h"

static inline void plan_set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

static inline struct config *plan_config(void)
{
	struct config *c = config_new_default();
	struct config_hypervisor *hv = &c->hypervisor;

	plan_set(&hv->path, "/usr/bin/qemu-system-x86_64");
	plan_set(&hv->kernel, "/usr/share/kata-containers/vmlinux.container");
	plan_set(&hv->initrd, "/usr/share/kata-containers/kata-containers-initrd.img");
	plan_set(&hv->image, "");
	plan_set(&hv->shared_fs, "virtio-fs");
	return c;
}

static inline struct vm_facts plan_facts(void)
{
	return (struct vm_facts){
		.id = "3f2a",
		.vm_dir = "/run/vc/vm/3f2a",
		.share_dir = "/run/kata-containers/shared/sandboxes/3f2a/shared",
		.accel = VM_ACCEL_KVM,
		.host_cpus = 8,
		.host_memory_mib = 16384,
	};
}
