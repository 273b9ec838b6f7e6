/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * management.h - talk to the management socket of a sandbox's supervisor
 *
 * Whoever supervises it, containerd-shim-kata-v2 or kata-proxy: both serve
 * /run/vc/sbs/ID/shim-monitor.sock (src/management/monitor.h).
 *
 * Errors: ERR_NOT_FOUND: there is no such sandbox; ERR_UNAVAILABLE: nobody serves it any more
 * Limits: MANAGEMENT_MAX bytes an answer
 * Blocks: at most MANAGEMENT_MS
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define MANAGEMENT_MAX      (8u << 20)
#define MANAGEMENT_MS       15000
#define MANAGEMENT_BODY_MAX (1u << 20) /* MONITOR_BODY_MAX of management/monitor.h */

/* The body of GET path, NUL-terminated and owned by the caller. */
char *management_get(const char *sid, const char *path, size_t *ret_len, struct err *err);
/* The same with another method ("PUT", "DELETE") and with what to send, at most
 * MANAGEMENT_BODY_MAX. */
char *management_send(const char *sid, const char *method, const char *path, const char *body,
		      size_t *ret_len, struct err *err);

bool management_exists(const char *sid);

/* Of an answer as it came: its status and where the body begins; false: it is none. Pure. */
bool management_parse(const char *text, int *ret_status, const char **ret_body);
