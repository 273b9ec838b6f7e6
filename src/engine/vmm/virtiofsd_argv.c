/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtiofsd_argv.c - the two dialects of virtiofsd's command line
 *
 * Departures from Kata: our defaults for threads and submounts need not stand in
 * virtio_fs_extra_args; extended attributes are on, because programs in images carry
 * capabilities in them (ping); no --syslog, its words come to us. What the administrator
 * adds comes last and wins.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/config/config.h"
#include "engine/vmm/virtiofsd.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define NOFILE_MAX 1000000u /* what both take when nobody asks */

int virtiofsd_dialect_of(const char *help, enum virtiofsd_dialect *ret, struct err *err)
{
	if (strstr(help, "--shared-dir"))
		*ret = VIRTIOFSD_RUST;
	else if (strstr(help, "-o source="))
		*ret = VIRTIOFSD_C;
	else
		return err_set(err, ERR_INVALID, "virtiofsd: its --help names neither --shared-dir "
						 "nor -o source");
	return 0;
}

static int add_c(char ***v, const struct config_hypervisor *hv, const char *share_dir,
		 struct err *err)
{
	const char *cache = strcmp(hv->virtio_fs_cache, "never") == 0 ? "none"
								       : hv->virtio_fs_cache;

	if (strcmp(cache, "metadata") == 0)
		return err_set(err, ERR_INVALID, "virtio_fs_cache 'metadata': '%s' does not know it",
			       hv->virtio_fs_daemon);
	/* A comma would begin another option. */
	if (strchr(share_dir, ','))
		return err_set(err, ERR_INVALID, "share '%s': a comma in the path", share_dir);
	strv_add(v, "-o");
	strv_addf(v, "source=%s", share_dir);
	strv_add(v, "-o");
	strv_addf(v, "cache=%s", cache);
	strv_add(v, "-o");
	strv_add(v, "no_posix_lock,xattr,announce_submounts,sandbox=namespace");
	strv_add(v, hv->enable_debug ? "-d" : "-f");
	return 0;
}

static void add_rust(char ***v, const struct config_hypervisor *hv, const char *share_dir)
{
	strv_addf(v, "--shared-dir=%s", share_dir);
	strv_addf(v, "--cache=%s", hv->virtio_fs_cache);
	strv_add(v, "--xattr");
	strv_add(v, "--announce-submounts");
	strv_add(v, "--sandbox=namespace");
	strv_add(v, "--seccomp=kill");
	if (hv->enable_debug)
		strv_add(v, "--log-level=debug");
}

char **virtiofsd_argv(const struct config *config, enum virtiofsd_dialect dialect,
		      const char *share_dir, uint64_t rlimit_nofile, struct err *err)
{
	const struct config_hypervisor *hv = &config->hypervisor;
	scoped_strv char **v = NULL;

	strv_add(&v, hv->virtio_fs_daemon);
	strv_addf(&v, "--fd=%d", VIRTIOFSD_FD);
	switch (dialect) {
	case VIRTIOFSD_C:
		if (add_c(&v, hv, share_dir, err) < 0)
			return NULL;
		break;
	case VIRTIOFSD_RUST:
		add_rust(&v, hv, share_dir);
		break;
	}
	strv_add(&v, "--thread-pool-size=1");
	/* More than our own limit needs CAP_SYS_RESOURCE, and failing that is fatal to it. */
	strv_addf(&v, "--rlimit-nofile=%" PRIu64, MIN(rlimit_nofile, (uint64_t)NOFILE_MAX));
	for (char *const *extra = hv->virtio_fs_extra_args; *extra; extra++)
		strv_add(&v, *extra);
	return take_ptr(&v);
}
