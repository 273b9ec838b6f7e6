/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.c - device rules as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE
 *
 * The program asks the rules from the last to the first and keeps in a register those of
 * the wanted accesses that no rule has decided yet:
 *
 *	r2 = wanted type; r3 = undecided accesses; r4 = major; r5 = minor
 *	for each rule, last first:
 *		if it is about other devices: next rule
 *		allow: r3 &= ~accesses of the rule; if r3 == 0: return 1
 *		deny:  if r3 & accesses of the rule: return 0
 *	return 0
 *
 * Jumps go forward only, at most over one rule. The instructions are the same few, so
 * they are written by hand rather than by a library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/devices.h"

#define RULE_INSNS_MAX 8
#define HEAD_INSNS     6
#define ATTACHED_MAX   64 /* programs one group can have, by the kernel */

enum { R0 = 0, R1 = 1, R2 = 2, R3 = 3, R4 = 4, R5 = 5, R6 = 6 };

struct program {
	struct bpf_insn *insns;
	size_t n;
};

static void emit(struct program *p, uint8_t code, unsigned int dst, unsigned int src, int16_t off,
		 int32_t imm)
{
	p->insns[p->n++] = (struct bpf_insn){
		.code = code,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = off,
		.imm = imm,
	};
}

static void emit_load(struct program *p, unsigned int dst, size_t offset)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, dst, R1, (int16_t)offset, 0);
}

static void emit_return(struct program *p, int32_t value)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, value);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_head(struct program *p)
{
	emit_load(p, R2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_load(p, R4, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(p, R5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit(p, BPF_ALU | BPF_MOV | BPF_X, R3, R2, 0, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, R3, 0, 0, 16);
	emit(p, BPF_ALU | BPF_AND | BPF_K, R2, 0, 0, 0xffff);
}

/* A jump to the next rule when reg is something else; its length is set when it is known. */
static void emit_unless(struct program *p, unsigned int reg, int64_t value)
{
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)value);
}

static void emit_rule(struct program *p, const struct device_rule *r)
{
	size_t start = p->n;
	size_t n_tests;

	if (r->type != DEVICE_ALL)
		emit_unless(p, R2, r->type == DEVICE_BLOCK ? BPF_DEVCG_DEV_BLOCK :
							     BPF_DEVCG_DEV_CHAR);
	if (r->major != DEVICE_ANY)
		emit_unless(p, R4, r->major);
	if (r->minor != DEVICE_ANY)
		emit_unless(p, R5, r->minor);
	n_tests = p->n - start;

	if (r->allow) {
		emit(p, BPF_ALU | BPF_AND | BPF_K, R3, 0, 0,
		     (int32_t)(DEVICE_ACCESS_ALL & ~r->access));
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, R3, 0, 2, 0);
		emit_return(p, 1);
	} else {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, R6, R3, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, R6, 0, 0, (int32_t)r->access);
		emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, R6, 0, 2, 0);
		emit_return(p, 0);
	}
	for (size_t i = 0; i < n_tests; i++)
		p->insns[start + i].off = (int16_t)(p->n - (start + i) - 1);
}

static bool decides_all(const struct device_rule *r)
{
	return r->type == DEVICE_ALL && r->major == DEVICE_ANY && r->minor == DEVICE_ANY &&
	       r->access == DEVICE_ACCESS_ALL;
}

struct bpf_insn *device_rules_bpf(const struct device_rule *rules, size_t n, size_t *ret_n_insns)
{
	struct program p = { .insns = xcalloc(HEAD_INSNS + n * RULE_INSNS_MAX + 2,
					      sizeof(*p.insns)) };
	bool decided = false;

	emit_head(&p);
	for (size_t i = n; i-- > 0 && !decided;) {
		/* What follows a rule about everything is never reached, and the verifier minds. */
		if (decides_all(&rules[i])) {
			emit_return(&p, rules[i].allow ? 1 : 0);
			decided = true;
			break;
		}
		emit_rule(&p, &rules[i]);
	}
	if (!decided)
		emit_return(&p, 0);
	*ret_n_insns = p.n;
	return p.insns;
}

/* --- the kernel's side --- */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int load(const struct bpf_insn *insns, size_t n, struct err *err)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = pointer(insns);
	attr.insn_cnt = (uint32_t)n;
	attr.license = pointer("Apache-2.0"); /* no helper is called that asks for another */
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return err_sys(err, errno, "load device program of %zu instructions", n);
	return fd;
}

static int list_attached(int dir_fd, uint32_t ids[static ATTACHED_MAX], uint32_t *ret_n,
			 struct err *err)
{
	union bpf_attr attr = { 0 };

	attr.query.target_fd = (uint32_t)dir_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = ATTACHED_MAX;
	if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
		return err_sys(err, errno, "list device programs");
	*ret_n = attr.query.prog_cnt;
	return 0;
}

static int attach(int dir_fd, int prog_fd, struct err *err)
{
	union bpf_attr attr = { 0 };

	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (sys_bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_sys(err, errno, "attach device program");
	return 0;
}

static int detach(int dir_fd, uint32_t id, struct err *err)
{
	union bpf_attr get = { 0 };
	union bpf_attr attr = { 0 };
	scoped_fd int prog_fd = -1;

	get.prog_id = id;
	prog_fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &get);
	if (prog_fd < 0)
		return err_sys(err, errno, "open device program %u", id);
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)prog_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_DETACH, &attr) < 0 && errno != ENOENT)
		return err_sys(err, errno, "detach device program %u", id);
	return 0;
}

/*
 * The new one is attached before the old ones go: an access is granted only if all agree,
 * so there is no moment with fewer rules than either list has.
 */
int device_bpf_attach(int group_fd, const struct bpf_insn *insns, size_t n, struct err *err)
{
	/* bpf() takes no O_PATH fd */
	scoped_fd int dir_fd = openat(group_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped_fd int prog_fd = -1;
	uint32_t old[ATTACHED_MAX];
	uint32_t n_old;

	if (dir_fd < 0)
		return err_sys(err, errno, "open cgroup");
	prog_fd = load(insns, n, err);
	if (prog_fd < 0 || list_attached(dir_fd, old, &n_old, err) < 0 ||
	    attach(dir_fd, prog_fd, err) < 0)
		return -1;
	for (uint32_t i = 0; i < n_old; i++)
		if (detach(dir_fd, old[i], err) < 0)
			return -1;
	return 0;
}
