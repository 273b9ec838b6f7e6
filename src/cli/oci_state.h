/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * oci_state.h - what there is to know about a container, and the JSON of it
 *
 * Spec: OCI runtime-spec 1.0.2, runtime.md, "State"
 */
#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "engine/persist/mapping.h"
#include "lib/base/err.h"
#include "oci.pb-c.h"

struct oci_state {
	struct mapping map;
	char *status; /* creating, created, running, paused, stopped; "unknown": no answer */
	char *bundle; /* never NULL */
	char *rootfs; /* never NULL */
	char *hypervisor, *kernel, *image; /* never NULL */
	unsigned int pid;                  /* of the stand-in; 0 when it has ended */
	uint64_t created_at_ns;
};

/*
 * Asks the supervisor; a container whose supervisor is gone is stopped. ERR_NOT_FOUND: no such
 * container. timeout_ms: for the answer; when it passes, "unknown" is the status with
 * tolerate, else ERR_TIMEOUT.
 */
int oci_state_get(const struct cli *cli, const char *cid, uint32_t timeout_ms, bool tolerate,
		  struct oci_state *ret, struct err *err);
void oci_state_done(struct oci_state *s);
void oci_state_done_at(struct oci_state *s);

/* Two spaces of indent, no final newline. spec (for the annotations) may be NULL. */
char *oci_state_format(const struct oci_state *s, const Grpc__Spec *spec);
