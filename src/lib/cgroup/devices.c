/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/devices.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static bool parse_type(const char *text, enum device_type *ret)
{
	if (!text[0] || strcmp(text, "a") == 0)
		*ret = DEVICE_ALL;
	else if (strcmp(text, "b") == 0)
		*ret = DEVICE_BLOCK;
	else if (strcmp(text, "c") == 0 || strcmp(text, "u") == 0)
		*ret = DEVICE_CHAR;
	else
		return false;
	return true;
}

static bool parse_access(const char *text, unsigned int *ret)
{
	unsigned int access = 0;

	for (const char *at = text; *at; at++) {
		if (*at == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*at == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*at == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
		else
			return false;
	}
	*ret = access ? access : DEVICE_ACCESS_ALL;
	return true;
}

static bool is_number(int64_t n)
{
	return n == DEVICE_ANY || (n >= 0 && n <= UINT32_MAX);
}

int device_rule_parse(const Grpc__LinuxDeviceCgroup *in, struct device_rule *ret, struct err *err)
{
	struct device_rule rule = { .allow = in->allow, .major = in->major, .minor = in->minor };

	if (!parse_type(in->type, &rule.type) || !parse_access(in->access, &rule.access) ||
	    !is_number(rule.major) || !is_number(rule.minor))
		return err_set(err, ERR_INVALID, "read device rule '%.8s %lld:%lld %.8s': not understood",
			       in->type, (long long)in->major, (long long)in->minor, in->access);
	*ret = rule;
	return 0;
}

/* --- v1 --- */

static bool covers_all(const struct device_rule *r)
{
	return r->type == DEVICE_ALL && r->major == DEVICE_ANY && r->minor == DEVICE_ANY &&
	       r->access == DEVICE_ACCESS_ALL;
}

static bool overlaps(const struct device_rule *a, const struct device_rule *b)
{
	return (a->type == b->type || a->type == DEVICE_ALL || b->type == DEVICE_ALL) &&
	       (a->major == b->major || a->major == DEVICE_ANY || b->major == DEVICE_ANY) &&
	       (a->minor == b->minor || a->minor == DEVICE_ANY || b->minor == DEVICE_ANY) &&
	       (a->access & b->access) != 0;
}

static bool same_devices(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static void format_number(char buf[static 16], int64_t n)
{
	if (n == DEVICE_ANY)
		strcpy(buf, "*");
	else
		snprintf(buf, 16, "%u", (unsigned int)n);
}

static void add_line(char ***lines, const struct device_rule *r, char type)
{
	char major[16], minor[16];

	format_number(major, r->major);
	format_number(minor, r->minor);
	strv_addf(lines, "%c%c %s:%s %s%s%s", r->allow ? '+' : '-', type, major, minor,
		  r->access & BPF_DEVCG_ACC_READ ? "r" : "",
		  r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		  r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* The kernel reads "a 1:3 r" as "a": what is not about everything is written for b and c. */
static void add_lines(char ***lines, const struct device_rule *r)
{
	if (r->type != DEVICE_CHAR)
		add_line(lines, r, 'b');
	if (r->type != DEVICE_BLOCK)
		add_line(lines, r, 'c');
}

/*
 * With a default of allow = false, exceptions are what rules have allowed. A denying rule
 * shortens exceptions for the very same devices; to one that is wider or narrower it does
 * nothing in the kernel, so that must not come up. And the other way round.
 */
static int check_exception(const struct device_rule *rules, size_t first, size_t at,
			   bool default_allow, struct err *err)
{
	const struct device_rule *r = &rules[at];

	for (size_t i = first; i < at && r->allow == default_allow; i++)
		if (rules[i].allow != default_allow && overlaps(&rules[i], r) &&
		    !same_devices(&rules[i], r))
			return err_set(err, ERR_UNIMPLEMENTED,
				       "%s device %lld:%lld: cgroup v1 cannot except it from a rule "
				       "for %lld:%lld",
				       r->allow ? "allow" : "deny", (long long)r->major,
				       (long long)r->minor, (long long)rules[i].major,
				       (long long)rules[i].minor);
	return 0;
}

int device_rules_v1(const struct device_rule *rules, size_t n, char ***ret, struct err *err)
{
	scoped_strv char **lines = NULL;
	bool default_allow = false;
	size_t first = 0;

	/* What comes before a rule about everything does not matter. */
	for (size_t i = 0; i < n; i++) {
		if (!covers_all(&rules[i]))
			continue;
		default_allow = rules[i].allow;
		first = i + 1;
	}
	strv_add(&lines, "-a");
	if (default_allow)
		strv_add(&lines, "+a");
	for (size_t i = first; i < n; i++) {
		if (check_exception(rules, first, i, default_allow, err) < 0)
			return -1;
		add_lines(&lines, &rules[i]);
	}
	*ret = take_ptr(&lines);
	return 0;
}

static int write_v1(int dir_fd, char *const *lines, struct err *err)
{
	for (size_t i = 0; lines[i]; i++) {
		bool allow = lines[i][0] == '+';

		if (file_poke_at(dir_fd, allow ? "devices.allow" : "devices.deny", lines[i] + 1, err) <
		    0)
			return -1;
	}
	return 0;
}

/* --- both --- */

static int set_v1(int dir_fd, const struct device_rule *rules, size_t n, struct err *err)
{
	scoped_strv char **lines = NULL;

	if (device_rules_v1(rules, n, &lines, err) < 0)
		return -1;
	return write_v1(dir_fd, lines, err);
}

static int set_v2(int dir_fd, const struct device_rule *rules, size_t n, struct err *err)
{
	size_t n_insns;
	scoped_free struct bpf_insn *insns = device_rules_bpf(rules, n, &n_insns);

	return device_bpf_attach(dir_fd, insns, n_insns, err);
}

int cgroup_set_devices(struct cgroup *cg, Grpc__LinuxDeviceCgroup *const *rules, size_t n,
		       struct err *err)
{
	scoped_free struct device_rule *parsed = NULL;
	int v1 = cg_dir(cg, CG_DEVICES, NULL), v2 = cg_dir_v2(cg);
	int r = 0;

	if (n > DEVICE_RULES_MAX)
		return err_set(err, ERR_EXHAUSTED, "set %zu device rules: more than %d", n,
			       DEVICE_RULES_MAX);
	parsed = xcalloc(n, sizeof(*parsed));
	for (size_t i = 0; i < n && r == 0; i++)
		r = device_rule_parse(rules[i], &parsed[i], err);
	if (r == 0 && v1 >= 0)
		r = set_v1(v1, parsed, n, err);
	else if (r == 0 && v2 >= 0 && cg->tree.mode == CGROUP_V2)
		r = set_v2(v2, parsed, n, err);
	else if (r == 0)
		r = err_set(err, ERR_UNIMPLEMENTED,
			    "set device rules: controller 'devices' is not available");
	return r < 0 ? err_wrap(err, "confine devices of cgroup '%s'", cg->path) : 0;
}
