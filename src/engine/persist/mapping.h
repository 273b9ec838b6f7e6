/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mapping.h - which sandbox a container is in
 *
 * <root>/containers-mapping/<cid>/<sid>/ is a directory, as Kata 1.x makes it; a link
 * named "bundle" in it points to the bundle, so that `state`, `list` and `delete` have something to
 * say when the supervisor is gone. It is made before anything is started and removed
 * last, all at once by a rename: a container is known or it is not.
 *
 * Errors: ERR_EXISTS: the id is in use; ERR_NOT_FOUND: no such container
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/id.h"

struct mapping {
	char cid[ID_MAX + 1];
	char sid[ID_MAX + 1];
	char *bundle; /* owned; NULL when unknown */
	uint64_t created_at_ns;
	unsigned int owner; /* uid of who made it */
};

void mapping_done(struct mapping *m);

int mapping_add(const char *root, const char *cid, const char *sid, const char *bundle,
		struct err *err);
int mapping_find(const char *root, const char *cid, struct mapping *ret, struct err *err);
/* One that does not exist is success. */
int mapping_remove(const char *root, const char *cid, struct err *err);

/* All of them, by id; *ret is owned by the caller: mapping_list_free(). */
int mapping_list(const char *root, struct mapping **ret, size_t *ret_n, struct err *err);
void mapping_list_free(struct mapping *list, size_t n);

/* How many containers the sandbox has. */
int mapping_count(const char *root, const char *sid, size_t *ret, struct err *err);
