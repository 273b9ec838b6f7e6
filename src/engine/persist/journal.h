/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * journal.h - what must be removed when a sandbox ends, written down before it exists
 *
 * The supervisor records each host object before (a process: right after) it makes it and
 * strikes it out after it is gone. When the supervisor dies, cleanup.h replays what is left. The file is
 * append-only text, one record a line; a last line without newline was torn by a crash
 * and counts as never written, which is safe because the object was not made yet.
 *
 *	kata-journal 1
 *	+ 1 process supervisor 4711 88123
 *	+ 2 mount /run/kata-containers/shared/sandboxes/x/mounts
 *	- 2
 *
 * Processes cannot be recorded before they exist: those that must not outlive a crash
 * in between are started with a death signal (spawn.h).
 *
 * Where:  /run/vc/sbs/<sandbox id>/journal, mode 0600
 * Limits: JOURNAL_MAX bytes; values are percent-encoded, so no value breaks a line
 * Trust:  root's own file; still checked, and a pid counts only with its start time
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define RUN_SANDBOXES "/run/vc/sbs"
#define RUN_VMS       "/run/vc/vm"
#define JOURNAL_MAX   (4u << 20)

struct journal;

enum journal_kind {
	JOURNAL_PROCESS, /* name, pid, start_ticks */
	JOURNAL_MOUNT,   /* path: unmounted, links not followed */
	JOURNAL_DIR,     /* path: removed with all below, without crossing mounts */
	JOURNAL_CGROUP,  /* path below every hierarchy: emptied by SIGKILL and removed */
	JOURNAL_NETWORK, /* what was made for a link: endpoint_cleanup() knows its words */
};

struct journal_entry {
	uint64_t seq;
	enum journal_kind kind;
	char *text; /* the path, the process's name, or the network's words */
	pid_t pid;
	uint64_t start_ticks;
};

/* Make a new journal in an existing directory. ERR_EXISTS when there is one. */
struct journal *journal_create(const char *dir, struct err *err);
void journal_free(struct journal *journal); /* closes; the file stays */

/* Record; returns the number to strike out with, 0 on failure. */
uint64_t journal_add(struct journal *journal, enum journal_kind kind, const char *text, struct err *err);
uint64_t journal_add_process(struct journal *journal, const char *name, pid_t pid,
			     uint64_t start_ticks, struct err *err);

/* Strike out. 0 is fine. Failing to is harmless: the replay finds nothing to do. */
void journal_strike(struct journal *journal, uint64_t seq);

/* What was not struck out, oldest first; owned by the caller. ERR_NOT_FOUND: no file. */
int journal_load(const char *dir, struct journal_entry **ret, size_t *ret_n, struct err *err);
void journal_entries_free(struct journal_entry *entries, size_t n);

/* For journal_load() and the fuzz target: the text of a whole file. */
int journal_parse(const char *text, size_t len, struct journal_entry **ret, size_t *ret_n,
		  struct err *err);
