/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fs.h - whole small files, directories, and paths below a root
 *
 * Blocks: as local file systems do; not for files that a guest can write, and
 * not for FIFOs or devices
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/*
 * The whole file as NUL-terminated text; *ret is owned by the caller. Works for
 * /proc and /sys, whose size is not known. ERR_EXHAUSTED when it is over max bytes.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err);
int file_read_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len,
		 struct err *err);

/* One write() into an existing file (cgroup, /proc, /sys): never creates. */
int file_poke(const char *path, const char *text, struct err *err);
int file_poke_at(int dir_fd, const char *path, const char *text, struct err *err);

/* Replace path as a whole: O_EXCL temporary beside it, then rename. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* mkdir -p; existing directories are fine. Modes of existing ones stay. */
int dir_make(const char *path, mode_t mode, struct err *err);

/*
 * Remove a tree without following links and without leaving its file system:
 * a mount point inside makes it fail with EBUSY and stays as it is. A path that
 * does not exist is success, and what somebody else removes meanwhile is none of our failures.
 */
int dir_remove(const char *path, struct err *err);

/*
 * Open path as seen from inside root_fd: absolute links and ".." stay inside, magic
 * links are refused. flags as open(2); mode for O_CREAT.
 * Child-safe: yes
 */
int open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *err);

/* Open path strictly beneath dir_fd: no "..", no links at all. Child-safe: yes */
int open_beneath(int dir_fd, const char *path, int flags, mode_t mode, struct err *err);

/*
 * mkdir -p inside root_fd, link-safe; returns an O_PATH fd of the last directory.
 * Child-safe: yes
 */
int dir_make_in_root(int root_fd, const char *path, mode_t mode, struct err *err);

/* A file of no name with these bytes, to be read from its start; name is for those who debug. */
int file_in_memory(const char *name, const void *data, size_t len, struct err *err);

/* write() until all is out; for pipes and files in blocking mode. Child-safe: yes */
int write_all(int fd, const void *data, size_t len, struct err *err);
