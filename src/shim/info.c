/* SPDX-License-Identifier: Apache-2.0 */
/*
 * info.c - "-info": what this shim is, for containerd 2.x
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "runtimeinfo.pb-c.h"
#include "shim/shim.h"

int shim_info(struct err *err)
{
	static char name[] = SHIM_RUNTIME, version[] = KATA_VERSION;
	Containerd__Types__RuntimeVersion v = CONTAINERD__TYPES__RUNTIME_VERSION__INIT;
	Containerd__Types__RuntimeInfo info = CONTAINERD__TYPES__RUNTIME_INFO__INIT;
	scoped_free uint8_t *bytes = NULL;
	size_t len;

	v.version = version;
	info.name = name;
	info.version = &v;
	bytes = xcalloc(1, containerd__types__runtime_info__get_packed_size(&info) + 1);
	len = containerd__types__runtime_info__pack(&info, bytes);
	return write_all(STDOUT_FILENO, bytes, len, err);
}
