/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mount_options.h - the option list of a mount, sorted by who carries it out
 *
 * Spec:   OCI runtime-spec 1.2, config.md "Linux mount options"; what is in no table goes
 *         to the file system as its own parameter
 * Source: attribute names in linux/mount.h, superblock flags in fs/fs_context.c
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define MOUNT_PROPAGATIONS_MAX 4

struct mount_propagation {
	uint64_t type; /* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE */
	bool recursive;
};

struct mount_options {
	uint64_t set, clear;         /* MOUNT_ATTR_*: the mount alone */
	uint64_t rec_set, rec_clear; /* MOUNT_ATTR_*: it and everything below (rro, rnosuid, ...) */
	struct mount_propagation propagation[MOUNT_PROPAGATIONS_MAX]; /* in the order given */
	size_t n_propagation;
	bool is_bind, is_recursive; /* bind, rbind */
	bool is_remount;
	bool copies_up; /* tmpcopyup */
	bool is_idmapped, is_idmapped_recursive;
	char **flags;  /* superblock flags for FSCONFIG_SET_FLAG, e.g. "sync"; owned */
	char **params; /* "key" or "key=value" for the file system; owned */
};

/* Fails with ERR_INVALID when there are too many options or propagation changes. */
int mount_options_parse(char *const *options, size_t n, struct mount_options *ret, struct err *err);
void mount_options_done(struct mount_options *o);

/* "private", "rslave", ...: false when it is no propagation. */
bool mount_propagation_parse(const char *text, struct mount_propagation *ret);
