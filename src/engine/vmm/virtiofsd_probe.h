/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * virtiofsd_probe.h - ask a virtiofsd once which dialect it speaks
 *
 * The answer is kept in CACHE_DIR/virtiofsd-dialect, with the program's path, size and
 * time of change, and asked again when any of them is another.
 */
#include <stdint.h>

#include "engine/vmm/virtiofsd.h"

struct virtiofsd_probe;

typedef void virtiofsd_probe_done(void *arg, enum virtiofsd_dialect dialect, const struct err *err);

/* done comes from the loop, once; none after virtiofsd_probe_free(). */
struct virtiofsd_probe *virtiofsd_probe_new(struct event_base *base, const char *program,
					    const char *cache_dir, uint32_t timeout_ms,
					    virtiofsd_probe_done *done, void *arg);
void virtiofsd_probe_free(struct virtiofsd_probe *probe); /* NULL is fine */
