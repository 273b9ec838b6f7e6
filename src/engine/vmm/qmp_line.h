/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * qmp_line.h - one line from QEMU's monitor, taken apart
 *
 * Pure. Spec: QEMU docs/interop/qmp-spec.rst, sections 2.2 to 2.5.
 *
 * Trust:  hostile bytes
 * Limits: QMP_DEPTH_MAX levels; texts of QEMU's errors are escaped and cut to an err's size
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct json_object;

enum qmp_line_kind { QMP_LINE_GREETING, QMP_LINE_RETURN, QMP_LINE_ERROR, QMP_LINE_EVENT };

struct qmp_line {
	enum qmp_line_kind kind;
	bool has_id; /* of a return or an error */
	uint64_t id;
	const char *name;          /* of an event; borrowed from root */
	struct json_object *value; /* "return" or "data", may be NULL; borrowed from root */
	struct err error;          /* of an error: ERR_INTERNAL and QEMU's "desc" */
	struct json_object *root;  /* owned */
};

/* ERR_INTERNAL when it is no such line: whoever sends it is no QEMU. */
int qmp_line_parse(const char *text, size_t len, struct qmp_line *ret, struct err *err);
void qmp_line_done(struct qmp_line *line);
