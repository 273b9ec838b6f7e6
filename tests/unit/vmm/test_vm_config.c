/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <unistd.h>

#include "engine/vmm/vsock.h"
#include "lib/base/defs.h"
#include "plan.h"

struct bench {
	struct config *config;
	struct vm_facts facts;
	struct vm_config vm;
	struct err err;
};

static int setup(void **state)
{
	struct bench *b = xnew(struct bench);

	b->config = plan_config();
	b->facts = plan_facts();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	vm_config_done(&b->vm);
	config_free(b->config);
	free(b);
	return 0;
}

static void plan(struct bench *b)
{
	vm_config_done(&b->vm);
	if (vm_config_plan(b->config, &b->facts, &b->vm, &b->err) < 0)
		fail_msg("%s", b->err.text);
}

static void expect_refusal(struct bench *b, enum err_code code, const char *part)
{
	const struct vm_config untouched = { 0 };

	b->err = ERR_INIT;
	assert_int_equal(vm_config_plan(b->config, &b->facts, &b->vm, &b->err), -1);
	assert_int_equal(b->err.code, code);
	if (!strstr(b->err.text, part))
		fail_msg("'%s' does not say '%s'", b->err.text, part);
	assert_memory_equal(&b->vm, &untouched, sizeof(untouched));
}

static void unknown_and_unbuilt_machines_are_named(void **state)
{
	struct bench *b = *state;

	plan_set(&b->config->hypervisor.machine_type, "q36");
	expect_refusal(b, ERR_INVALID, "'q36'");
	plan_set(&b->config->hypervisor.machine_type, "microvm");
	expect_refusal(b, ERR_UNIMPLEMENTED, "'microvm'");
	plan_set(&b->config->hypervisor.machine_type, "virt");
	expect_refusal(b, ERR_UNIMPLEMENTED, "'virt'");
}

static void exactly_one_of_image_and_initrd_is_wanted(void **state)
{
	struct bench *b = *state;

	plan_set(&b->config->hypervisor.image, "/x.img");
	expect_refusal(b, ERR_INVALID, "cannot be both set");
	plan_set(&b->config->hypervisor.image, "");
	plan_set(&b->config->hypervisor.initrd, "");
	expect_refusal(b, ERR_INVALID, "Missing image and initrd path");
}

static void unknown_shares_are_named(void **state)
{
	struct bench *b = *state;

	plan_set(&b->config->hypervisor.shared_fs, "nfs");
	expect_refusal(b, ERR_INVALID, "'nfs'");
	plan_set(&b->config->hypervisor.shared_fs, "virtio-fs-nydus");
	expect_refusal(b, ERR_UNIMPLEMENTED, "nydus");
}

static void cpus_are_rounded_up_and_kept_within_the_host(void **state)
{
	struct bench *b = *state;

	b->config->hypervisor.default_vcpus = 1.25;
	plan(b);
	assert_int_equal(b->vm.cpus, 2);
	assert_int_equal(b->vm.max_cpus, 8);
	b->config->hypervisor.default_vcpus = -1;
	plan(b);
	assert_int_equal(b->vm.cpus, 8);
	b->config->hypervisor.default_vcpus = 0;
	plan(b);
	assert_int_equal(b->vm.cpus, 1);
	b->config->hypervisor.default_vcpus = 4;
	b->config->hypervisor.default_maxvcpus = 2;
	vm_config_done(&b->vm);
	expect_refusal(b, ERR_INVALID, "default_maxvcpus");
}

static void room_for_memory_is_that_of_the_host_and_a_gibibyte(void **state)
{
	struct bench *b = *state;

	plan(b);
	assert_int_equal(b->vm.memory_mib, 2048);
	assert_int_equal(b->vm.max_memory_mib, 16384 + 1024);
	b->config->hypervisor.default_maxmemory = 1024; /* less than what it boots with */
	plan(b);
	assert_int_equal(b->vm.max_memory_mib, 2048 + 1024);
}

static void the_channel_is_vsock_only_where_there_is_one(void **state)
{
	struct bench *b = *state;

	plan(b);
	assert_int_equal(b->vm.channel, VM_CHANNEL_SERIAL);
	b->facts.has_vsock = true;
	b->facts.cid = 7;
	plan(b);
	assert_int_equal(b->vm.channel, VM_CHANNEL_VSOCK);
	assert_int_equal(b->vm.cid, 7);
	b->config->hypervisor.use_vsock = CONFIG_NO;
	plan(b);
	assert_int_equal(b->vm.channel, VM_CHANNEL_SERIAL);
	b->config->hypervisor.use_vsock = CONFIG_YES;
	b->facts.has_vsock = false;
	vm_config_done(&b->vm);
	expect_refusal(b, ERR_UNAVAILABLE, "use_vsock");
}

static void a_9p_server_keeps_our_user(void **state)
{
	struct bench *b = *state;

	b->facts.user = (struct vm_user){ .own = true, .uid = 990, .gid = 990 };
	plan(b);
	assert_true(b->vm.user.own);
	assert_int_equal(b->vm.user.uid, 990);
	plan_set(&b->config->hypervisor.shared_fs, "virtio-9p");
	plan(b);
	assert_false(b->vm.user.own);
}

static void machine_ids_differ_and_repeat(void **state)
{
	struct bench *b = *state;
	char first[64];

	plan(b);
	assert_int_equal(strlen(b->vm.uuid), 36);
	strcpy(first, b->vm.uuid);
	plan(b);
	assert_string_equal(b->vm.uuid, first);
	b->facts.id = "3f2b";
	plan(b);
	assert_string_not_equal(b->vm.uuid, first);
}

static bool find_kata(const char *passwd, struct vm_user *ret)
{
	char *copy = xstrdup(passwd);
	bool found = vm_user_parse(copy, ret);

	free(copy);
	return found;
}

static void the_system_user_is_found_by_its_whole_name(void **state)
{
	struct vm_user user = { 0 };

	(void)state;
	assert_true(find_kata("root:x:0:0::/:/bin/sh\nkatana:x:5:5:::\nkata:x:990:991::/:/x\n",
			      &user));
	assert_true(user.own);
	assert_int_equal(user.uid, 990);
	assert_int_equal(user.gid, 991);
	assert_true(find_kata("kata:x:7:8", &user)); /* no line end, fields missing behind */
	assert_int_equal(user.uid, 7);
}

static void a_useless_user_is_none(void **state)
{
	struct vm_user user = { 0 };

	(void)state;
	assert_false(find_kata("", &user));
	assert_false(find_kata("katana:x:5:5:::\n", &user));
	assert_false(find_kata("kata:x:0:0::/:/x\n", &user));
	assert_false(find_kata("kata:x:-1:5::/:/x\n", &user));
	assert_false(find_kata("kata:x:4294967296:5::/:/x\n", &user));
	assert_false(find_kata("kata:x\n", &user));
	assert_false(find_kata("kata", &user));
	assert_false(user.own);
}

static struct stat file_of(uid_t uid, gid_t gid, mode_t mode)
{
	return (struct stat){ .st_uid = uid, .st_gid = gid, .st_mode = S_IFREG | mode };
}

static void what_a_user_may_read_is_told_by_owner_group_and_mode(void **state)
{
	const struct vm_user user = { .own = true, .uid = 990, .gid = 991, .kvm_gid = 78 };
	const struct {
		struct stat st;
		bool may;
	} cases[] = {
		{ file_of(0, 0, 0644), true },    { file_of(0, 0, 0640), false },
		{ file_of(0, 991, 0640), true },  { file_of(0, 78, 0640), true },
		{ file_of(0, 991, 0604), false }, { file_of(990, 0, 0400), true },
		{ file_of(990, 0, 0044), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(vm_user_may_read(&user, &cases[i].st), cases[i].may);
}

static void a_user_without_kvm_is_not_in_roots_group(void **state)
{
	const struct vm_user user = { .own = true, .uid = 990, .gid = 991 };
	const struct stat st = file_of(0, 0, 0640);

	(void)state;
	assert_false(vm_user_may_read(&user, &st));
}

static void a_context_id_is_reserved_where_there_are_some(void **state)
{
	struct err err = ERR_INIT;
	uint32_t first = 0, second = 0;
	int a = vsock_open(&first, &err), c;

	(void)state;
	if (a < 0) {
		assert_int_not_equal(err.code, ERR_OK);
		assert_non_null(strstr(err.text, "/dev/vhost-vsock"));
		return;
	}
	c = vsock_open(&second, &err);
	assert_true(c >= 0);
	assert_true(first > 2 && second > 2 && first != second);
	close(a);
	close(c);
}

static void this_host_has_cpus_and_memory(void **state)
{
	struct bench *b = *state;

	assert_int_equal(vm_facts_read_host(&b->facts, &b->err), 0);
	assert_true(b->facts.host_cpus >= 1);
	assert_true(b->facts.host_memory_mib > 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(unknown_and_unbuilt_machines_are_named),
		T(exactly_one_of_image_and_initrd_is_wanted),
		T(unknown_shares_are_named),
		T(cpus_are_rounded_up_and_kept_within_the_host),
		T(room_for_memory_is_that_of_the_host_and_a_gibibyte),
		T(the_channel_is_vsock_only_where_there_is_one),
		T(a_9p_server_keeps_our_user),
		T(machine_ids_differ_and_repeat),
		T(the_system_user_is_found_by_its_whole_name),
		T(a_useless_user_is_none),
		T(what_a_user_may_read_is_told_by_owner_group_and_mode),
		T(a_user_without_kvm_is_not_in_roots_group),
		T(a_context_id_is_reserved_where_there_are_some),
		T(this_host_has_cpus_and_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
