/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assets.c - the files that a configuration names
 */
#include "engine/config/assets.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/report.h"
#include "engine/config/sha512.h"
#include "lib/base/mem.h"

#define MIB (1024ull * 1024)

struct asset {
	const char *name; /* key in [hypervisor.qemu] */
	const char *hash; /* key of the hash; NULL: none */
	bool needed;      /* "" is an error */
	bool program;
};

static const struct asset assets[] = {
	{ "path", "hypervisor_hash", .needed = true, .program = true },
	{ "kernel", "kernel_hash", .needed = true },
	{ "image", "image_hash" },
	{ "initrd", "initrd_hash" },
	{ "firmware", "firmware_hash" },
	{ "firmware_volume", "firmware_volume_hash" },
};

int assets_resolve(char **path, struct err *err)
{
	char *real = realpath(*path, NULL);

	if (!real)
		return err_sys(err, errno, "find '%s'", *path);
	free(*path);
	*path = real;
	return 0;
}

static char **member_of(struct config *config, const char *name)
{
	return config_at(config, config_key_find("hypervisor", name));
}

/* Put the origin of the key in front. */
static int blame(const struct config *config, const char *name, struct err *err)
{
	const char *where = origin_get(config, config_key_find("hypervisor", name));

	return err_wrap(err, "%s: '%s'", where ? where : "default configuration", name);
}

static int check_file(char **path, bool program, struct err *err)
{
	struct stat st;

	if (assets_resolve(path, err) < 0)
		return -1;
	if (stat(*path, &st) < 0)
		return err_sys(err, errno, "find '%s'", *path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a regular file", *path);
	if (st.st_size == 0)
		return err_set(err, ERR_INVALID, "'%s' is empty", *path);
	if (program && access(*path, X_OK) < 0)
		return err_sys(err, errno, "execute '%s'", *path);
	return 0;
}

static int check_hash(const char *path, const char *hash, struct err *err)
{
	char found[SHA512_HEX_MAX];

	if (hash[0] == '\0')
		return 0;
	if (sha512_of_file(path, found, err) < 0)
		return -1;
	if (strcasecmp(found, hash) != 0)
		return err_set(err, ERR_DENIED, "'%s' has not the sha512 that was asked for", path);
	return 0;
}

static int check_asset(struct config *config, const struct asset *asset, struct err *err)
{
	char **path = member_of(config, asset->name);
	const char *hash = *member_of(config, asset->hash);

	if (*path[0] == '\0') {
		if (hash[0] != '\0')
			return err_set(err, ERR_INVALID, "'%s' is given and '%s' is not",
				       asset->hash, asset->name);
		if (!asset->needed)
			return 0;
		err_set(err, ERR_INVALID, "it must be set");
		return blame(config, asset->name, err);
	}
	if (check_file(path, asset->program, err) < 0 || check_hash(*path, hash, err) < 0)
		return blame(config, asset->name, err);
	return 0;
}

static int check_pair(const struct config *config, struct err *err)
{
	const struct config_hypervisor *h = &config->hypervisor;

	if (h->image[0] != '\0' && h->initrd[0] != '\0') {
		err_set(err, ERR_INVALID, "Image and initrd path cannot be both set");
		return blame(config, "initrd", err);
	}
	if (h->image[0] == '\0' && h->initrd[0] == '\0')
		return err_set(err, ERR_INVALID,
			       "image or initrd must be defined in the configuration file '%s'",
			       config->path);
	return 0;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return path[0] != '\0' && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The initrd is unpacked into memory; of an image only the parts that are used are cached. */
static int check_sizes(const struct config *config, char ***warnings, struct err *err)
{
	const struct config_hypervisor *h = &config->hypervisor;
	uint64_t memory = h->default_memory * MIB;

	if (size_of(h->initrd) >= memory) {
		err_set(err, ERR_INVALID, "'%s' is larger than default_memory, %u MiB", h->initrd,
			(unsigned int)h->default_memory);
		return blame(config, "initrd", err);
	}
	if (size_of(h->image) >= memory)
		warn_add(warnings, "image '%s' is larger than default_memory, %u MiB", h->image,
			 (unsigned int)h->default_memory);
	return 0;
}

static int check_pflashes(const struct config *config, struct err *err)
{
	for (char **at = config->hypervisor.pflashes; *at; at++)
		if (check_file(at, false, err) < 0)
			return blame(config, "pflashes", err);
	return 0;
}

static int check_daemon(struct config *config, struct err *err)
{
	struct config_hypervisor *h = &config->hypervisor;

	if (strcmp(h->shared_fs, "virtio-fs") != 0)
		return 0;
	if (check_file(&h->virtio_fs_daemon, true, err) < 0)
		return blame(config, "virtio_fs_daemon", err);
	return 0;
}

static int check_entropy(struct config *config, struct err *err)
{
	struct config_hypervisor *h = &config->hypervisor;
	struct stat st;

	if (h->entropy_source[0] == '\0') {
		free(h->entropy_source);
		h->entropy_source = xstrdup("/dev/urandom");
	}
	if (stat(h->entropy_source, &st) < 0) {
		err_sys(err, errno, "find '%s'", h->entropy_source);
		return blame(config, "entropy_source", err);
	}
	return 0;
}

int assets_check(struct config *config, char ***warnings, struct err *err)
{
	if (check_pair(config, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(assets); i++)
		if (check_asset(config, &assets[i], err) < 0)
			return -1;
	if (check_pflashes(config, err) < 0 || check_daemon(config, err) < 0 ||
	    check_entropy(config, err) < 0)
		return -1;
	return check_sizes(config, warnings, err);
}
