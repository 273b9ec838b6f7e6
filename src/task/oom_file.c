/* SPDX-License-Identifier: Apache-2.0 */
#include "task/oom_file.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

bool oom_file_wanted(const Grpc__Spec *spec)
{
	return spec_annotation(spec, "io.container.manager") != NULL;
}

int oom_file_make(const char *bundle, struct err *err)
{
	scoped_free char *path = xasprintf("%s/oom", bundle);
	scoped_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? err_sys(err, errno, "make '%s'", path) : 0;
}
