/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * devices.h - device rules: checked once, then as v1 lines or as an eBPF program
 *
 * Meaning of a list: everything is denied, then each rule changes what it covers, the last
 * one that covers an access wins, for each of mknod, read and write by itself.
 *
 * Spec: runtime-spec config-linux.md "Allowed Device list"; kernel devices.rst;
 *       linux/bpf.h struct bpf_cgroup_dev_ctx
 */
#include <linux/bpf.h>

#include "lib/cgroup/priv.h"

#define DEVICE_RULES_MAX 1024
#define DEVICE_ANY       (-1)

enum device_type { DEVICE_ALL, DEVICE_BLOCK, DEVICE_CHAR };

struct device_rule {
	bool allow;
	enum device_type type;
	int64_t major, minor; /* DEVICE_ANY: every */
	unsigned int access;  /* BPF_DEVCG_ACC_... */
};

#define DEVICE_ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* ERR_INVALID names the rule that is none. */
int device_rule_parse(const Grpc__LinuxDeviceCgroup *in, struct device_rule *ret, struct err *err);

/*
 * The lines to write into devices.allow ('+' in front) or devices.deny ('-'), "-a" first.
 * v1 knows a default and exceptions to it, nothing finer: a rule that takes back a part of
 * a wider one is ERR_UNIMPLEMENTED. *ret is owned by the caller.
 */
int device_rules_v1(const struct device_rule *rules, size_t n, char ***ret, struct err *err);

/* The program, owned by the caller. Never fails for n <= DEVICE_RULES_MAX. */
struct bpf_insn *device_rules_bpf(const struct device_rule *rules, size_t n, size_t *ret_n_insns);

/* Make the program the only one of the group. */
int device_bpf_attach(int dir_fd, const struct bpf_insn *insns, size_t n, struct err *err);
