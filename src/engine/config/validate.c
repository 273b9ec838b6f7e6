/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - rules between keys, and against the machine
 *
 * A table of small rules, run in order; each looks at its keys, puts effective values in place, or
 * fails. Files are assets.c's.
 *
 * Source: Kata Containers 3.32, src/runtime/pkg/katautils/config.go and
 * config-settings.go.in; the words of messages that people search for are Kata's
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/config/assets.h"
#include "engine/config/config.h"
#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/report.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MEMORY_MIN_MIB     256
#define MEMORY_DEFAULT_MIB 2048
#define SLOTS_DEFAULT      10
#define SECTOR_MIN         512
#define Q35_MAX_CPUS       255 /* more need an emulated IOMMU with interrupt remapping */

struct rules {
	struct config *config;
	const struct config_facts *facts;
	char ***warnings;
};

static const char *where_of(const struct config *config, const struct config_key *key)
{
	const char *where = origin_get(config, key);

	return where ? where : "default configuration";
}

static bool is_asked(const struct rules *r, const char *name)
{
	return origin_is_annotation(r->config, config_key_find("hypervisor", name));
}

/* Put "configuration 'x': line 12: 'name'" in front. */
static int blame(const struct rules *r, const char *section, const char *name, struct err *err)
{
	const struct config_key *key = config_key_find(section, name);

	return err_wrap(err, "%s: '%s'", where_of(r->config, key), name);
}

static void replace(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

/* ---- CPUs and memory ---- */

static int rule_vcpus(struct rules *r, struct err *err)
{
	struct config_hypervisor *h = &r->config->hypervisor;
	double host = r->facts->host_cpus;

	if (is_asked(r, "default_vcpus") && h->default_vcpus > host) {
		err_set(err, ERR_INVALID, "%g vCPUs are more than the host's %u CPUs",
			h->default_vcpus, r->facts->host_cpus);
		return blame(r, "hypervisor", "default_vcpus", err);
	}
	if (h->default_vcpus == 0)
		h->default_vcpus = 1;
	if (h->default_vcpus < 0 || h->default_vcpus > host)
		h->default_vcpus = host;
	return 0;
}

static int rule_max_vcpus(struct rules *r, struct err *err)
{
	struct config_hypervisor *h = &r->config->hypervisor;
	uint32_t most = MIN(r->facts->host_cpus, r->facts->vmm_max_cpus);

	if (is_asked(r, "default_maxvcpus") && h->default_maxvcpus > most) {
		err_set(err, ERR_INVALID, "%u vCPUs are more than the %u that a VM can have here",
			(unsigned int)h->default_maxvcpus, (unsigned int)most);
		return blame(r, "hypervisor", "default_maxvcpus", err);
	}
	if (h->default_maxvcpus == 0 || h->default_maxvcpus > most)
		h->default_maxvcpus = most;
	if (h->default_maxvcpus < ceil(h->default_vcpus))
		h->default_maxvcpus = (uint32_t)ceil(h->default_vcpus);
	return 0;
}

static int rule_memory(struct rules *r, struct err *err)
{
	struct config_hypervisor *h = &r->config->hypervisor;

	if (h->default_memory == 0) {
		err_set(err, ERR_INVALID, "a VM without memory cannot be");
		return blame(r, "hypervisor", "default_memory", err);
	}
	if (h->default_memory < MEMORY_MIN_MIB && is_asked(r, "default_memory")) {
		err_set(err, ERR_INVALID, "%u MiB are less than the %d that a VM needs",
			(unsigned int)h->default_memory, MEMORY_MIN_MIB);
		return blame(r, "hypervisor", "default_memory", err);
	}
	if (h->default_memory < MEMORY_MIN_MIB) {
		warn_add(r->warnings, "%s: 'default_memory' is under %d MiB, %d are taken",
			 where_of(r->config, config_key_find("hypervisor", "default_memory")),
			 MEMORY_MIN_MIB, MEMORY_DEFAULT_MIB);
		h->default_memory = MEMORY_DEFAULT_MIB;
	}
	if (h->default_maxmemory == 0 || h->default_maxmemory > r->facts->host_memory_mib)
		h->default_maxmemory = r->facts->host_memory_mib;
	h->default_maxmemory = MAX(h->default_maxmemory, (uint64_t)h->default_memory);
	if (h->memory_slots == 0)
		h->memory_slots = SLOTS_DEFAULT;
	return 0;
}

static int rule_numa(struct rules *r, struct err *err)
{
	const struct config_hypervisor *h = &r->config->hypervisor;

	if (h->enable_numa && strv_len(h->numa_mapping) > 1 &&
	    !r->config->runtime.static_sandbox_resource_mgmt) {
		err_set(err, ERR_INVALID, "more than one node needs static_sandbox_resource_mgmt");
		return blame(r, "hypervisor", "numa_mapping", err);
	}
	return 0;
}

/* ---- devices ---- */

static bool is_sector_size(uint32_t size)
{
	return size == 0 || (size >= SECTOR_MIN && (size & (size - 1)) == 0);
}

static int rule_sectors(struct rules *r, struct err *err)
{
	const struct config_hypervisor *h = &r->config->hypervisor;
	uint32_t logical = h->block_device_logical_sector_size;
	uint32_t physical = h->block_device_physical_sector_size;

	if (!is_sector_size(logical)) {
		err_set(err, ERR_INVALID, "%u is no power of two from 512 to 65536",
			(unsigned int)logical);
		return blame(r, "hypervisor", "block_device_logical_sector_size", err);
	}
	if (!is_sector_size(physical)) {
		err_set(err, ERR_INVALID, "%u is no power of two from 512 to 65536",
			(unsigned int)physical);
		return blame(r, "hypervisor", "block_device_physical_sector_size", err);
	}
	if (physical && logical > physical) {
		err_set(err, ERR_INVALID, "the logical sector size %u is over the physical %u",
			(unsigned int)logical, (unsigned int)physical);
		return blame(r, "hypervisor", "block_device_logical_sector_size", err);
	}
	return 0;
}

static int rule_vfio(struct rules *r, struct err *err)
{
	const struct config_hypervisor *h = &r->config->hypervisor;

	if (strcmp(h->hot_plug_vfio, "no-port") != 0 && strcmp(h->cold_plug_vfio, "no-port") != 0) {
		err_set(err, ERR_INVALID,
			"'hot_plug_vfio' and 'cold_plug_vfio' cannot both be set");
		return blame(r, "hypervisor", "cold_plug_vfio", err);
	}
	return 0;
}

static int rule_share(struct rules *r, struct err *err)
{
	struct config_hypervisor *h = &r->config->hypervisor;
	uint32_t queue = h->virtio_fs_queue_size;

	if (strcmp(h->shared_fs, "virtio-fs") != 0)
		return 0;
	if (h->virtio_fs_daemon[0] == '\0') {
		err_set(err, ERR_INVALID, "shared_fs 'virtio-fs' needs the path of virtiofsd");
		return blame(r, "hypervisor", "virtio_fs_daemon", err);
	}
	if (queue & (queue - 1)) {
		err_set(err, ERR_INVALID, "%u is no power of two", (unsigned int)queue);
		return blame(r, "hypervisor", "virtio_fs_queue_size", err);
	}
	return 0;
}

/* ---- the other sections ---- */

static int rule_factory(struct rules *r, struct err *err)
{
	if (r->config->factory.enable_template && r->config->hypervisor.initrd[0] == '\0') {
		err_set(err, ERR_INVALID,
			"Factory option enable_template requires an initrd image");
		return blame(r, "factory", "enable_template", err);
	}
	return 0;
}

static int rule_network(struct rules *r, struct err *err)
{
	struct config_runtime *run = &r->config->runtime;

	if (strcmp(run->internetworking_model, "default") == 0)
		replace(&run->internetworking_model, "tcfilter");
	if (run->disable_new_netns && strcmp(run->internetworking_model, "none") != 0) {
		err_set(err, ERR_INVALID, "it needs internetworking_model 'none', and not '%s'",
			run->internetworking_model);
		return blame(r, "runtime", "disable_new_netns", err);
	}
	return 0;
}

static int rule_experimental(struct rules *r, struct err *err)
{
	char **names = r->config->runtime.experimental;

	if (names[0]) {
		err_set(err, ERR_UNIMPLEMENTED, "Unsupported experimental feature '%s'", names[0]);
		return blame(r, "runtime", "experimental", err);
	}
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int rule_bind_mounts(struct rules *r, struct err *err)
{
	char **mounts = r->config->runtime.sandbox_bind_mounts;

	for (size_t i = 0; mounts[i]; i++) {
		if (assets_resolve(&mounts[i], err) < 0)
			return blame(r, "runtime", "sandbox_bind_mounts", err);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(base_name(mounts[i]), base_name(mounts[j])) != 0)
				continue;
			err_set(err, ERR_INVALID,
				"'%s' and '%s' would have the same name in the guest", mounts[j],
				mounts[i]);
			return blame(r, "runtime", "sandbox_bind_mounts", err);
		}
	}
	return 0;
}

static int rule_assets(struct rules *r, struct err *err)
{
	return assets_check(r->config, r->warnings, err);
}

/* Cheap ones first; those that read files last. */
/* clang-format off */
static int (*const rules[])(struct rules *r, struct err *err) = {
	rule_vcpus,
	rule_max_vcpus,
	rule_memory,
	rule_numa,
	rule_sectors,
	rule_vfio,
	rule_share,
	rule_network,
	rule_experimental,
	rule_bind_mounts,
	rule_assets,
	rule_factory,
};
/* clang-format on */

int config_validate(struct config *config, const struct config_facts *facts, char ***warnings,
		    struct err *err)
{
	struct rules r = { .config = config, .facts = facts, .warnings = warnings };

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i](&r, err) < 0)
			return -1;
	return 0;
}

int config_facts_read(struct config_facts *ret, struct err *err)
{
	scoped_free char *text = NULL;
	long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long long kib;

	if (file_read("/proc/meminfo", 65536, &text, NULL, err) < 0)
		return -1;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
	if (n_cpus < 1 || sscanf(text, "MemTotal: %llu kB", &kib) != 1)
		return err_set(err, ERR_INTERNAL, "read the host's CPUs and memory");
	*ret = (struct config_facts){
		.host_cpus = (uint32_t)n_cpus,
		.host_memory_mib = kib / 1024,
		.vmm_max_cpus = Q35_MAX_CPUS,
	};
	return 0;
}
