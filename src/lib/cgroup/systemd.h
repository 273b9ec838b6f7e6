/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * systemd.h - make a group as a transient scope of systemd
 *
 * A library of its own (cgroup_systemd), so that the static agent has none of it. libsystemd
 * is loaded when it is first asked for: nothing else of a host needs it.
 *
 * Spec:   org.freedesktop.systemd1(5), StartTransientUnit; cgroupsPath "slice:prefix:name" as
 *         runc's systemd driver reads it
 * Blocks: until systemd has started the scope, SYSTEMD_TIMEOUT_MS at most
 * Errors: ERR_UNIMPLEMENTED: no libsystemd here; ERR_UNAVAILABLE: systemd does not answer
 */
#include "lib/cgroup/cgroup.h"

#define SYSTEMD_TIMEOUT_MS 30000

struct systemd_unit {
	char *slice; /* "a-b.slice", or "-.slice" */
	char *name;  /* "prefix-name.scope" */
	char *path;  /* "/a.slice/a-b.slice/prefix-name.scope" */
};

/* Pure. ERR_INVALID says which part is wrong. */
int systemd_unit_parse(const char *slice_prefix_name, struct systemd_unit *ret, struct err *err);
void systemd_unit_done(struct systemd_unit *unit);

/*
 * Start the scope with pid in it, and make and enter the same path in every hierarchy: on v1
 * systemd itself uses only some. The scope ends by itself when its last process does.
 */
struct cgroup *cgroup_create_systemd(const char *slice_prefix_name, pid_t pid, struct err *err);
