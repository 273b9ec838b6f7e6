/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * place.h - where storages and copied files are put, without following a link
 *
 * Everything lies below /run/kata-containers, and parts of the way there may be a
 * container's root file system. So a path is walked once, link-free, and then used as an
 * open file: nobody can exchange it between the look and the use (CVE-2020-2024).
 *
 * Paths have been through check_path_below().
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define STORAGE_ROOT  "/run/kata-containers"
#define PLACE_FD_PATH 32

struct place {
	int fd;
	char path[PLACE_FD_PATH]; /* of fd, for mount(2) and the like */
	bool mounted;             /* said by whoever mounts there */
};

/* Borrows fd. */
void place_at(struct place *place, int fd);

/* mkdir -p below (or of) STORAGE_ROOT; an O_PATH fd of the last one. */
int place_make_dir(const char *path, mode_t mode, struct err *err);
/* An empty file, and the directories to it; an O_PATH fd. One that is there is fine. */
int place_make_file(const char *path, struct err *err);

/* An O_PATH fd of what is at path by now, on top of mounts; or of the directory it is in. */
int place_open(const char *path, bool parent, struct err *err);

/* How much of the path is there, in bytes: for place_remove_made(). */
size_t place_count_there(const char *path);

/* Detached at once, also while a process still has a file of it open. */
int place_unmount(const char *path, struct err *err);
int place_remove_tree(const char *path, struct err *err);
/* The path and the directories that were made on the way to it, as far as they are empty. */
void place_remove_made(const char *path, size_t n_there);
