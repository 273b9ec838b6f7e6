/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define SECCOMP_RULES_MAX 4096         /* of one spec; the kernel's limit is on instructions */
#define SECCOMP_SPEC_MAX  (256u << 10) /* bytes of the message; usual ones have 10 KiB */

struct word {
	const char *name;
	uint32_t value;
};

static const struct word archs[] = {
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
};

static const struct word flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
};

static const struct word operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

static int find_word(const struct word *words, size_t n, const char *what, const char *name,
		     uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i].name, name) != 0)
			continue;
		*ret = words[i].value;
		return 0;
	}
	return err_set(err, ERR_INVALID, "seccomp %s '%s': unknown", what, name);
}

/* errno_ret counts for ERRNO and TRACE only. */
static int find_action(const char *name, uint32_t errno_ret, uint32_t *ret, struct err *err)
{
	const struct word actions[] = {
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(errno_ret) },
		{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(errno_ret) },
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	};

	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return err_set(err, ERR_UNIMPLEMENTED, "seccomp action 'SCMP_ACT_NOTIFY'");
	return find_word(actions, ARRAY_LEN(actions), "action", name, ret, err);
}

static int add_archs(scmp_filter_ctx ctx, const Grpc__LinuxSeccomp *spec, struct err *err)
{
	for (size_t i = 0; i < spec->n_architectures; i++) {
		uint32_t arch;
		int r;

		if (find_word(archs, ARRAY_LEN(archs), "architecture", spec->architectures[i],
			      &arch, err) < 0)
			return -1;
		r = seccomp_arch_add(ctx, arch);
		if (r < 0 && r != -EEXIST)
			return err_sys(err, -r, "seccomp architecture '%s'",
				       spec->architectures[i]);
	}
	return 0;
}

/* One comparison in libseccomp's terms: for MASKED_EQ the first value is the mask. */
static int make_arg(const Grpc__LinuxSeccompArg *arg, struct scmp_arg_cmp *ret, struct err *err)
{
	uint32_t op;

	if (arg->index > 5)
		return err_set(err, ERR_INVALID, "seccomp argument index %llu: at most 5",
			       (unsigned long long)arg->index);
	if (find_word(operators, ARRAY_LEN(operators), "operator", arg->op, &op, err) < 0)
		return -1;
	*ret = (struct scmp_arg_cmp){ .arg = (unsigned int)arg->index,
				      .op = (enum scmp_compare)op,
				      .datum_a = arg->value,
				      .datum_b = arg->valuetwo };
	return 0;
}

static bool has_repeated_index(const Grpc__LinuxSyscall *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		unsigned int bit = 1u << (rule->args[i]->index & 31);

		if (seen & bit)
			return true;
		seen |= bit;
	}
	return false;
}

static int add_syscall(scmp_filter_ctx ctx, const Grpc__LinuxSyscall *rule, const char *name,
		       uint32_t action, struct err *err)
{
	struct scmp_arg_cmp args[6];
	/*
	 * Conditions on different arguments must all hold; libseccomp cannot have two on
	 * one argument, which the specification's users write to mean either.
	 */
	bool split = has_repeated_index(rule);
	int nr = seccomp_syscall_resolve_name(name), r = 0;

	/* Not known to this libseccomp: profiles list calls newer than the library. */
	if (nr == __NR_SCMP_ERROR)
		return 0;
	if (rule->n_args > ARRAY_LEN(args) && !split)
		return err_set(err, ERR_INVALID, "seccomp syscall '%s': too many arguments", name);
	for (size_t i = 0; i < rule->n_args && r == 0; i++) {
		struct scmp_arg_cmp *at = &args[split ? 0 : i];

		if (make_arg(rule->args[i], at, err) < 0)
			return err_wrap(err, "seccomp syscall '%s'", name);
		if (split)
			r = seccomp_rule_add_array(ctx, action, nr, 1, at);
	}
	if (!split)
		r = seccomp_rule_add_array(ctx, action, nr, (unsigned int)rule->n_args, args);
	if (r < 0 && r != -EEXIST)
		return err_sys(err, -r, "seccomp syscall '%s'", name);
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const Grpc__LinuxSeccomp *spec, uint32_t default_action,
		     struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_syscalls; i++) {
		const Grpc__LinuxSyscall *rule = spec->syscalls[i];
		bool has_errno = rule->errno_ret_case == GRPC__LINUX_SYSCALL__ERRNO_RET_ERRNORET;
		uint32_t action;

		if (find_action(rule->action, has_errno ? rule->errnoret : EPERM, &action, err) < 0)
			return -1;
		if (action == default_action)
			continue; /* says nothing, and libseccomp refuses it */
		for (size_t j = 0; j < rule->n_names; j++) {
			if (++n > SECCOMP_RULES_MAX)
				return err_set(err, ERR_EXHAUSTED, "seccomp: more than %d rules",
					       SECCOMP_RULES_MAX);
			if (add_syscall(ctx, rule, rule->names[j], action, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* libseccomp 2.5 writes a filter to an fd only. */
static int export(scmp_filter_ctx ctx, struct seccomp_filter *ret, struct err *err)
{
	scoped_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	scoped_free struct sock_filter *code = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "make a memory file for the seccomp filter");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_sys(err, -r, "compile the seccomp filter");
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat the seccomp filter");
	if (!st.st_size || (size_t)st.st_size > BPF_MAXINSNS * sizeof(*code))
		return err_set(err, ERR_EXHAUSTED, "compile the seccomp filter: %lld bytes",
			       (long long)st.st_size);
	code = try_alloc((size_t)st.st_size, BPF_MAXINSNS * sizeof(*code), err);
	if (!code)
		return -1;
	if (pread(fd, code, (size_t)st.st_size, 0) != st.st_size)
		return err_set(err, ERR_INTERNAL, "read the seccomp filter");
	ret->n_code = (unsigned short)((size_t)st.st_size / sizeof(*code));
	ret->code = take_ptr(&code);
	return 0;
}

/*
 * A default of EPERM for system calls newer than the profile breaks programs that try
 * the new call first and fall back only on ENOSYS. So calls of the native architecture
 * above the highest one the profile speaks of get ENOSYS, as runc has it since 1.0.0-rc93.
 */
static void put_enosys_first(const Grpc__LinuxSeccomp *spec, struct seccomp_filter *f)
{
	const uint32_t x32_bit = 0x40000000, native = seccomp_arch_native();
	struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 0, 1), /* the highest call */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	int highest = -1;
	size_t n;

	for (size_t i = 0; i < spec->n_syscalls; i++) {
		for (size_t j = 0; j < spec->syscalls[i]->n_names; j++) {
			int nr = seccomp_syscall_resolve_name_arch(native,
								   spec->syscalls[i]->names[j]);

			highest = MAX(highest, nr);
		}
	}
	if (highest < 0)
		return;
	head[4].k = (uint32_t)highest;
	n = ARRAY_LEN(head) + f->n_code;
	if (n > BPF_MAXINSNS)
		return;
	f->code = xrealloc(f->code, n, sizeof(*f->code));
	memmove(f->code + ARRAY_LEN(head), f->code, f->n_code * sizeof(*f->code));
	memcpy(f->code, head, sizeof(head));
	f->n_code = (unsigned short)n;
}

static int read_flags(const Grpc__LinuxSeccomp *spec, unsigned int *ret, struct err *err)
{
	unsigned int all = 0;

	for (size_t i = 0; i < spec->n_flags; i++) {
		uint32_t flag;

		if (find_word(flags, ARRAY_LEN(flags), "flag", spec->flags[i], &flag, err) < 0)
			return -1;
		all |= flag;
	}
	*ret = all;
	return 0;
}

static void release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static int compile(const Grpc__LinuxSeccomp *spec, struct seccomp_filter *ret, struct err *err)
{
	scmp_filter_ctx ctx scoped(release) = NULL;
	struct seccomp_filter out = { 0 };
	uint32_t action;

	if (spec->listenerpath && *spec->listenerpath)
		return err_set(err, ERR_UNIMPLEMENTED, "seccomp listenerPath '%s'",
			       spec->listenerpath);
	if (find_action(spec->defaultaction,
			spec->defaulterrnoret ? spec->defaulterrnoret->value : EPERM, &action,
			err) < 0)
		return -1;
	ctx = seccomp_init(action);
	if (!ctx)
		return err_set(err, ERR_INTERNAL, "start a seccomp filter");
	/* A tree instead of a list of comparisons; older kernels and libraries do without. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (read_flags(spec, &out.flags, err) < 0 || add_archs(ctx, spec, err) < 0 ||
	    add_rules(ctx, spec, action, err) < 0 || export(ctx, &out, err) < 0)
		return -1;
	if (strcmp(spec->defaultaction, "SCMP_ACT_ERRNO") == 0)
		put_enosys_first(spec, &out);
	*ret = out;
	return 0;
}

/*
 * Compiling a usual profile for three architectures takes 36 million instructions, and each
 * exec brings the profile of its container again, as do the containers of one pod. So the
 * last filter is kept, with the bytes of the message it was made from.
 */
static struct {
	uint8_t *key;
	size_t key_len;
	struct seccomp_filter filter;
} last;

static bool is_last(const uint8_t *key, size_t len)
{
	return last.key && last.key_len == len && memcmp(last.key, key, len) == 0;
}

static void copy_filter(const struct seccomp_filter *from, struct seccomp_filter *to)
{
	struct sock_filter *code = xcalloc(from->n_code, sizeof(*code));

	memcpy(code, from->code, from->n_code * sizeof(*code));
	*to = (struct seccomp_filter){ code, from->n_code, from->flags };
}

int seccomp_compile(const Grpc__LinuxSeccomp *spec, struct seccomp_filter *ret, struct err *err)
{
	size_t len = grpc__linux_seccomp__get_packed_size(spec);
	scoped_free uint8_t *key = try_alloc(len, SECCOMP_SPEC_MAX, err);
	struct seccomp_filter out;

	if (!key)
		return err_wrap(err, "seccomp");
	grpc__linux_seccomp__pack(spec, key);
	if (!is_last(key, len)) {
		if (compile(spec, &out, err) < 0)
			return -1;
		seccomp_filter_done(&last.filter);
		free(last.key);
		last.filter = out;
		last.key = take_ptr(&key);
		last.key_len = len;
	}
	copy_filter(&last.filter, ret);
	return 0;
}

void seccomp_filter_done(struct seccomp_filter *f)
{
	free(f->code);
	*f = (struct seccomp_filter){ 0 };
}
