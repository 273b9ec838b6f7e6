/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * assets.h - the files that a configuration names: kernel, image, programs
 *
 * The files are an administrator's: what is checked here is that they are what was meant, and
 * nobody else can swap them between the check and their use.
 *
 * Blocks: on local files; a hash annotation reads its whole file
 */
#include "engine/config/config.h"

/* Replace *path by its real path. ERR_NOT_FOUND and the like; *path is then as before. */
int assets_resolve(char **path, struct err *err);

/*
 * Every file resolved, regular, of a size that makes sense, and of the hash that an annotation
 * asked for; image or initrd, and not both.
 */
int assets_check(struct config *config, char ***warnings, struct err *err);
