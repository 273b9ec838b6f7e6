/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF program is run by a small interpreter here and compared, for every access to a
 * set of devices, with a direct reading of the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/devices.h"

#define ALL DEVICE_ACCESS_ALL
#define M   BPF_DEVCG_ACC_MKNOD
#define R   BPF_DEVCG_ACC_READ
#define W   BPF_DEVCG_ACC_WRITE

/* --- the meaning, said directly --- */

static bool covers(const struct device_rule *r, bool block, uint32_t major, uint32_t minor)
{
	return (r->type == DEVICE_ALL || (r->type == DEVICE_BLOCK) == block) &&
	       (r->major == DEVICE_ANY || r->major == major) &&
	       (r->minor == DEVICE_ANY || r->minor == minor);
}

static bool rules_allow(const struct device_rule *rules, size_t n, bool block, uint32_t major,
			uint32_t minor, unsigned int access)
{
	for (unsigned int bit = 1; bit <= 4; bit <<= 1) {
		bool allowed = false;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < n; i++)
			if ((rules[i].access & bit) && covers(&rules[i], block, major, minor))
				allowed = rules[i].allow;
		if (!allowed)
			return false;
	}
	return true;
}

/* --- an interpreter of the instructions that are used --- */

static uint32_t load_word(const struct bpf_cgroup_dev_ctx *ctx, int off)
{
	uint32_t value;

	assert_in_range(off, 0, sizeof(*ctx) - 4);
	memcpy(&value, (const char *)ctx + off, sizeof(value));
	return value;
}

static bool run(const struct bpf_insn *insns, size_t n, bool block, uint32_t major, uint32_t minor,
		unsigned int access)
{
	const struct bpf_cgroup_dev_ctx ctx = {
		.access_type = (access << 16) | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};
	uint32_t reg[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *in = &insns[pc];
		uint32_t imm = (uint32_t)in->imm;

		assert_true(in->off >= 0);
		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(in->src_reg, 1);
			reg[in->dst_reg] = load_word(&ctx, in->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			reg[in->dst_reg] = reg[in->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[in->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			reg[in->dst_reg] >>= imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[in->dst_reg] &= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			if (reg[in->dst_reg] != imm)
				pc += (size_t)in->off;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			if (reg[in->dst_reg] == imm)
				pc += (size_t)in->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0] != 0;
		default:
			fail_msg("instruction 0x%x is not known", in->code);
		}
	}
	fail_msg("ran over the end");
	return false;
}

static void expect_same_meaning(const struct device_rule *rules, size_t n)
{
	static const uint32_t numbers[] = { 0, 1, 3, 5, 8, 136, 0xfffff };
	size_t n_insns;
	scoped_free struct bpf_insn *insns = device_rules_bpf(rules, n, &n_insns);

	for (unsigned int access = 1; access <= 7; access++)
		for (int block = 0; block < 2; block++)
			for (size_t a = 0; a < ARRAY_LEN(numbers); a++)
				for (size_t b = 0; b < ARRAY_LEN(numbers); b++)
					assert_int_equal(run(insns, n_insns, block, numbers[a],
							     numbers[b], access),
							 rules_allow(rules, n, block, numbers[a],
								     numbers[b], access));
}

static void a_program_without_rules_denies(void **state)
{
	(void)state;
	expect_same_meaning(NULL, 0);
}

static void the_last_rule_that_covers_an_access_wins(void **state)
{
	static const struct device_rule rules[] = {
		{ true, DEVICE_CHAR, 1, DEVICE_ANY, ALL },
		{ false, DEVICE_CHAR, 1, 3, W },
		{ true, DEVICE_BLOCK, DEVICE_ANY, DEVICE_ANY, M },
		{ true, DEVICE_ALL, 8, 0, R },
		{ false, DEVICE_ALL, DEVICE_ANY, 5, R | M },
	};

	(void)state;
	for (size_t n = 0; n <= ARRAY_LEN(rules); n++)
		expect_same_meaning(rules, n);
}

static void an_access_may_be_granted_by_two_rules_together(void **state)
{
	static const struct device_rule rules[] = {
		{ true, DEVICE_CHAR, 1, 3, R },
		{ true, DEVICE_CHAR, 1, 3, W },
	};
	size_t n;
	scoped_free struct bpf_insn *insns = device_rules_bpf(rules, 2, &n);

	(void)state;
	assert_true(run(insns, n, false, 1, 3, R | W));
	assert_false(run(insns, n, false, 1, 3, R | W | M));
}

static void a_rule_about_everything_ends_the_program(void **state)
{
	static const struct device_rule rules[] = {
		{ false, DEVICE_CHAR, 1, 3, ALL },
		{ true, DEVICE_ALL, DEVICE_ANY, DEVICE_ANY, ALL },
	};
	size_t n;
	scoped_free struct bpf_insn *insns = device_rules_bpf(rules, 2, &n);

	(void)state;
	expect_same_meaning(rules, 2);
	assert_int_equal(n, 8); /* the head and one return: nothing that is never reached */
}

/* A fixed sequence: the same lists on every run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static struct device_rule random_rule(uint32_t *seed)
{
	static const int64_t numbers[] = { DEVICE_ANY, DEVICE_ANY, 1, 3, 5, 8 };

	return (struct device_rule){
		.allow = next_random(seed) % 2,
		.type = next_random(seed) % 3,
		.major = numbers[next_random(seed) % ARRAY_LEN(numbers)],
		.minor = numbers[next_random(seed) % ARRAY_LEN(numbers)],
		.access = 1 + next_random(seed) % 7,
	};
}

static void any_list_of_rules_means_the_same_as_a_program(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct device_rule rules[8];
		size_t n = next_random(&seed) % (ARRAY_LEN(rules) + 1);

		for (size_t j = 0; j < n; j++)
			rules[j] = random_rule(&seed);
		expect_same_meaning(rules, n);
	}
}

/* --- v1 --- */

static void expect_lines(const struct device_rule *rules, size_t n, const char *want)
{
	scoped_strv char **lines = NULL;
	struct str text = { .max = 0 };
	struct err err = ERR_INIT;

	if (device_rules_v1(rules, n, &lines, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; lines[i]; i++)
		str_addf(&text, "%s\n", lines[i]);
	assert_string_equal(str_get(&text), want);
	str_done(&text);
}

static void v1_lines_start_from_nothing_allowed(void **state)
{
	static const struct device_rule rules[] = {
		{ true, DEVICE_CHAR, 1, 3, ALL },
		{ true, DEVICE_BLOCK, 8, DEVICE_ANY, R },
	};

	(void)state;
	expect_lines(NULL, 0, "-a\n");
	expect_lines(rules, 2, "-a\n+c 1:3 rwm\n+b 8:* r\n");
}

static void v1_lines_split_rules_for_both_types(void **state)
{
	static const struct device_rule rule = { true, DEVICE_ALL, DEVICE_ANY, DEVICE_ANY, M };

	(void)state;
	expect_lines(&rule, 1, "-a\n+b *:* m\n+c *:* m\n");
}

static void v1_lines_forget_what_came_before_a_rule_about_everything(void **state)
{
	static const struct device_rule rules[] = {
		{ true, DEVICE_CHAR, 1, 3, ALL },
		{ true, DEVICE_ALL, DEVICE_ANY, DEVICE_ANY, ALL },
		{ false, DEVICE_CHAR, 10, 200, ALL },
	};

	(void)state;
	expect_lines(rules, 3, "-a\n+a\n-c 10:200 rwm\n");
}

static void v1_refuses_an_exception_from_an_exception(void **state)
{
	static const struct device_rule rules[] = {
		{ true, DEVICE_CHAR, 1, DEVICE_ANY, ALL },
		{ false, DEVICE_CHAR, 1, 3, ALL },
	};
	char **lines = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(device_rules_v1(rules, 2, &lines, &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_null(lines);
}

/* --- rules as they come --- */

static void rules_are_read_with_their_defaults(void **state)
{
	Grpc__LinuxDeviceCgroup in = GRPC__LINUX_DEVICE_CGROUP__INIT;
	struct device_rule rule;
	struct err err = ERR_INIT;
	char type[] = "c", access[] = "rm";

	(void)state;
	in.major = in.minor = -1;
	assert_int_equal(device_rule_parse(&in, &rule, &err), 0);
	assert_int_equal(rule.type, DEVICE_ALL);
	assert_int_equal(rule.access, ALL);
	in.type = type;
	in.access = access;
	in.allow = true;
	assert_int_equal(device_rule_parse(&in, &rule, &err), 0);
	assert_int_equal(rule.type, DEVICE_CHAR);
	assert_int_equal(rule.access, R | M);
	assert_true(rule.allow);
}

static void rules_that_are_none_are_refused(void **state)
{
	Grpc__LinuxDeviceCgroup in = GRPC__LINUX_DEVICE_CGROUP__INIT;
	struct device_rule rule;
	struct err err = ERR_INIT;
	char type[] = "x", access[] = "rx", good[] = "b";

	(void)state;
	in.type = type;
	assert_int_equal(device_rule_parse(&in, &rule, &err), -1);
	in.type = good;
	in.access = access;
	assert_int_equal(device_rule_parse(&in, &rule, &err), -1);
	in.access = good + 1;
	in.major = -2;
	assert_int_equal(device_rule_parse(&in, &rule, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_without_rules_denies),
		cmocka_unit_test(the_last_rule_that_covers_an_access_wins),
		cmocka_unit_test(an_access_may_be_granted_by_two_rules_together),
		cmocka_unit_test(a_rule_about_everything_ends_the_program),
		cmocka_unit_test(any_list_of_rules_means_the_same_as_a_program),
		cmocka_unit_test(v1_lines_start_from_nothing_allowed),
		cmocka_unit_test(v1_lines_split_rules_for_both_types),
		cmocka_unit_test(v1_lines_forget_what_came_before_a_rule_about_everything),
		cmocka_unit_test(v1_refuses_an_exception_from_an_exception),
		cmocka_unit_test(rules_are_read_with_their_defaults),
		cmocka_unit_test(rules_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
