/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * view.h - the file system that is seen through the pid that stands for a container
 *
 * Clients take kata-shim's pid for the container's: podman cp joins that process's mount namespace
 * and writes there, podman top reads its /proc. In the host's namespace the first would change the
 * host's files and the second tell of its processes. So the namespace of kata-shim has nothing
 * but the container's root file system, and in it the host's files and directories that are
 * mounted there (engine/resource/volume.h decides for both), read-only where they are so for
 * the container, and without device nodes that open. Where the guest has a file system of its
 * own making (/proc, a tmpfs) there is an empty one that cannot be written to, so that nothing
 * seems to arrive where the container does not see it.
 *
 * Trust: the root file system is the guest's to change: destinations are resolved inside it
 * Needs: one thread
 */
#include "lib/base/err.h"
#include "oci.pb-c.h"

/*
 * A descriptor of the mount namespace, the caller's to close. The caller's own namespace, root and
 * current directory are what they were. rootfs: a directory, or anything else for an empty view.
 */
int view_make(const char *rootfs, const Grpc__Spec *spec, struct err *err);
