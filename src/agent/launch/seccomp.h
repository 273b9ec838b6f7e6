/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * seccomp.h - a spec's system call filter, compiled to BPF by the parent
 *
 * The child only hands the bytes to seccomp(2), so nothing of libseccomp runs after fork.
 *
 * Spec:   OCI runtime-spec 1.2, config-linux.md "Seccomp"
 * Errors: ERR_INVALID names what is not understood; ERR_UNIMPLEMENTED for listenerPath
 */
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

struct seccomp_filter {
	struct sock_filter *code; /* owned; NULL: no filter */
	unsigned short n_code;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
};

/*
 * *ret is the caller's. The last filter is kept: the same spec again costs a copy.
 */
int seccomp_compile(const Grpc__LinuxSeccomp *spec, struct seccomp_filter *ret, struct err *err);
void seccomp_filter_done(struct seccomp_filter *f);
