/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

/* With '' for quotes, so that the tests can be read. */
static ProtobufCMessage *parse(const ProtobufCMessageDescriptor *desc, const char *text,
			       struct err *err)
{
	scoped_free char *json = xstrdup(text);

	for (char *at = json; *at; at++)
		if (*at == '\'')
			*at = '"';
	return spec_parse(desc, json, strlen(json), err);
}

static char *load_text(const char *name)
{
	scoped_free char *path = xasprintf("%s/%s", TEST_DATA, name);
	struct err err = ERR_INIT;
	char *text = NULL;

	if (file_read(path, SPEC_JSON_MAX, &text, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static Grpc__Spec *load(const char *name)
{
	scoped_free char *text = load_text(name);
	struct err err = ERR_INIT;
	ProtobufCMessage *msg = spec_parse(&grpc__spec__descriptor, text, strlen(text), &err);

	if (!msg)
		fail_msg("%s", err.text);
	return (Grpc__Spec *)msg;
}

static void assert_refused(const ProtobufCMessageDescriptor *desc, const char *text,
			   const char *why)
{
	struct err err = ERR_INIT;

	assert_null(parse(desc, text, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.text, why);
}

static void every_property_of_the_specification_is_read(void **state)
{
	Grpc__Spec *spec = load("full.json");
	const Grpc__LinuxResources *res = spec->linux->resources;
	const Grpc__LinuxSeccomp *seccomp = spec->linux->seccomp;

	(void)state;
	assert_string_equal(spec->version, "1.2.0");
	assert_string_equal(spec->domainname, "example.org");
	assert_true(spec->process->terminal);
	assert_int_equal(spec->process->consolesize->width, 80);
	assert_int_equal(spec->process->user->uid, 1000);
	assert_int_equal(spec->process->user->additionalgids[1], UINT32_MAX);
	assert_non_null(spec->process->user->umask);
	assert_int_equal(spec->process->user->umask->value, 0);
	assert_string_equal(spec->process->args[2], "echo \"a\\tb\" \xc3\xa9");
	assert_int_equal(spec->process->capabilities->n_ambient, 2);
	assert_true(spec->process->rlimits[0]->hard == UINT64_MAX);
	assert_int_equal(spec->process->oomscoreadj, -998);
	assert_int_equal(spec->process->scheduler->nice, -5);
	assert_string_equal(spec->process->iopriority->class_, "IOPRIO_CLASS_BE");
	assert_int_equal(spec->mounts[1]->uidmappings[0]->hostid, 1);
	assert_int_equal(spec->hooks->prestart[0]->timeout, 5);
	assert_int_equal(spec->hooks->n_startcontainer, 1);
	assert_string_equal(spec_annotation(spec, "io.kubernetes.cri.container-type"), "sandbox");
	assert_string_equal(spec_annotation(spec, "empty"), "");
	assert_null(spec_annotation(spec, "none"));
	assert_int_equal(spec->linux->n_sysctl, 2);
	assert_int_equal(res->devices[0]->major, -1);
	assert_int_equal(res->devices[0]->minor, -1);
	assert_int_equal(res->devices[2]->major, 0);
	assert_int_equal(res->memory->swap, -1);
	assert_true(res->memory->disableoomkiller);
	assert_string_equal(res->cpu->cpus, "0-1");
	assert_int_equal(res->pids->limit, -1);
	assert_int_equal(res->blockio->throttlewriteiopsdevice[0]->minor, 16);
	assert_string_equal(res->hugepagelimits[0]->pagesize, "2MB");
	assert_int_equal(res->network->classid, 1048577);
	assert_string_equal(res->unified[0]->key, "memory.high");
	assert_string_equal(spec->linux->namespaces[6]->path, "/var/run/netns/x");
	assert_int_equal(spec->linux->devices[0]->filemode, 0666);
	assert_non_null(seccomp->defaulterrnoret);
	assert_int_equal(seccomp->syscalls[0]->errno_ret_case,
			 GRPC__LINUX_SYSCALL__ERRNO_RET__NOT_SET);
	assert_int_equal(seccomp->syscalls[1]->errnoret, 38);
	assert_int_equal(seccomp->syscalls[2]->errno_ret_case,
			 GRPC__LINUX_SYSCALL__ERRNO_RET_ERRNORET);
	assert_int_equal(seccomp->syscalls[1]->args[0]->value, 2114060288);
	assert_string_equal(spec->linux->intelrdt->l3cacheschema, "L3:0=f");
	assert_int_equal(spec->linux->timeoffsets[0]->value->secs, -172800);
	grpc__spec__free_unpacked(spec, NULL);
}

/* What our writer says is, as JSON, what was read: names, presence and values. */
static void assert_written_as_read(const char *name)
{
	scoped_free char *text = load_text(name);
	Grpc__Spec *spec = load(name);
	scoped_free char *written = spec_format(&spec->base);
	json_object *want = json_tokener_parse(text);
	json_object *got = json_tokener_parse(written);

	assert_non_null(want);
	if (!json_object_equal(want, got))
		fail_msg("'%s' was written as %s", name, written);
	json_object_put(want);
	json_object_put(got);
	grpc__spec__free_unpacked(spec, NULL);
}

static void what_is_written_is_what_was_read(void **state)
{
	(void)state;
	assert_written_as_read("full.json");
	assert_written_as_read("runc-spec.json");
}

static void a_copy_is_equal_and_shares_nothing(void **state)
{
	Grpc__Spec *spec = load("full.json");
	Grpc__Spec *copy = spec_copy(spec);
	scoped_free char *a = spec_format(&spec->base);
	scoped_free char *b = NULL;

	(void)state;
	grpc__spec__free_unpacked(spec, NULL);
	b = spec_format(&copy->base);
	assert_string_equal(a, b);
	grpc__spec__free_unpacked(copy, NULL);
}

static void case_is_ignored_and_strangers_are_passed_over(void **state)
{
	struct err err = ERR_INIT;
	Grpc__Process *p = (Grpc__Process *)parse(
		&grpc__process__descriptor,
		"{'ARGS': ['a'], 'Cwd': '/x', 'noSuchThing': {'deep': [1, {}]}, 'env': null}",
		&err);

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->args[0], "a");
	assert_string_equal(p->cwd, "/x");
	assert_int_equal(p->n_env, 0);
	grpc__process__free_unpacked(p, NULL);
}

static void the_last_of_equal_properties_counts(void **state)
{
	struct err err = ERR_INIT;
	Grpc__Process *p = (Grpc__Process *)parse(&grpc__process__descriptor,
						  "{'cwd': '/a', 'CWD': '/b', 'cwd': '/c'}", &err);

	(void)state;
	assert_non_null(p);
	/* JSON objects keep the place of the first 'cwd', so 'CWD' comes last. */
	assert_string_equal(p->cwd, "/b");
	grpc__process__free_unpacked(p, NULL);
}

static void errors_name_the_property(void **state)
{
	(void)state;
	assert_refused(&grpc__spec__descriptor, "{'process': {'args': ['a', 'b', 3]}}",
		       "process.args[2]: not a string");
	assert_refused(&grpc__spec__descriptor, "{'process': {'args': 'a'}}",
		       "process.args: not an array");
	assert_refused(&grpc__spec__descriptor, "{'process': []}", "process: not an object");
	assert_refused(&grpc__spec__descriptor, "{'process': {'terminal': 1}}",
		       "process.terminal: not true or false");
	assert_refused(&grpc__spec__descriptor, "{'process': {'user': {'uid': -1}}}",
		       "process.user.uid: too small");
	assert_refused(&grpc__spec__descriptor, "{'process': {'user': {'uid': 4294967296}}}",
		       "process.user.uid: too large");
	assert_refused(&grpc__spec__descriptor, "{'process': {'user': {'uid': 1.5}}}",
		       "process.user.uid: not a whole number");
	assert_refused(&grpc__spec__descriptor, "{'process': {'user': {'umask': '022'}}}",
		       "process.user.umask: not a whole number");
	assert_refused(&grpc__spec__descriptor, "{'annotations': {'a': 'b', 'c': 1}}",
		       "annotations.c: not a string");
	assert_refused(&grpc__spec__descriptor, "{'annotations': []}",
		       "annotations: not an object");
	assert_refused(&grpc__spec__descriptor, "{'mounts': [null]}", "mounts[0]: not an object");
	assert_refused(&grpc__spec__descriptor, "{'linux': {'namespaces': [{}, {'type': {}}]}}",
		       "linux.namespaces[1].type: not a string");
	assert_refused(&grpc__spec__descriptor, "{'hostname': 'a\\u0000b'}",
		       "hostname: contains a NUL");
	assert_refused(&grpc__process__descriptor, "[]", "not an object");
	assert_refused(&grpc__process__descriptor, "null ", "null is no object");
}

static void broken_json_is_told_with_its_line(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_refused(&grpc__spec__descriptor, "{\n'process':\n  nonsense }",
		       "line 3: null expected");
	assert_refused(&grpc__spec__descriptor, "{'process': {", "JSON ends too early");
	assert_refused(&grpc__spec__descriptor, "", "JSON ends too early");
	assert_null(parse(&grpc__spec__descriptor, "{} trailing", &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(parse(&grpc__spec__descriptor, "{'hostname': '\xff\xfe'}", &err));
	assert_int_equal(err.code, ERR_INVALID);
}

static void depth_and_size_are_bounded(void **state)
{
	scoped_free char *large = xcalloc(1, SPEC_JSON_MAX + 2);
	struct err err = ERR_INIT;

	(void)state;
	memset(large, '[', 64);
	assert_null(spec_parse(&grpc__spec__descriptor, large, 64, &err));
	assert_string_equal(err.text, "nested deeper than 32 levels");
	memset(large, ' ', SPEC_JSON_MAX + 1);
	assert_null(spec_parse(&grpc__spec__descriptor, large, SPEC_JSON_MAX + 1, &err));
	assert_int_equal(err.code, ERR_EXHAUSTED);
}

static const struct {
	const char *json;
	const char *why; /* NULL: fine */
} checks[] = {
	{ "{'ociVersion': '1.0.2-dev', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': "
	  "'r'}, 'linux': {}}",
	  NULL },
	{ "{}", "ociVersion: '' is not a version 1" },
	{ "{'ociVersion': '2.0'}", "ociVersion: '2.0' is not a version 1" },
	{ "{'ociVersion': '1.0'}", "process: missing" },
	{ "{'ociVersion': '1.0', 'process': {}}", "process.args: no program given" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['']}}", "process.args: no program given" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': 'x'}}",
	  "process.cwd: 'x' is not an absolute path" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}}", "root.path: missing" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': 'r'}}",
	  "linux: missing" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': 'r'}, "
	  "'linux': {}, 'mounts': [{'destination': '/a'}, {'destination': 'b'}]}",
	  "mounts[1].destination: 'b' is not an absolute path" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': 'r'}, "
	  "'linux': {'namespaces': [{'type': 'pid'}, {'type': 'nonsense'}]}}",
	  "linux.namespaces[1].type: 'nonsense' is not known" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': 'r'}, "
	  "'linux': {'namespaces': [{'type': 'pid'}, {'type': 'pid'}]}}",
	  "linux.namespaces[1]: a second 'pid'" },
	{ "{'ociVersion': '1.0', 'process': {'args': ['a'], 'cwd': '/'}, 'root': {'path': 'r'}, "
	  "'linux': {'namespaces': [{'type': 'pid', 'path': 'x'}]}}",
	  "linux.namespaces[0].path: 'x' is not an absolute path" },
};

static void a_spec_is_checked_for_what_every_container_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct err err = ERR_INIT;
		Grpc__Spec *spec =
			(Grpc__Spec *)parse(&grpc__spec__descriptor, checks[i].json, &err);

		assert_non_null(spec);
		assert_int_equal(spec_check(spec, &err), checks[i].why ? -1 : 0);
		assert_string_equal(err.text, checks[i].why ? checks[i].why : "");
		grpc__spec__free_unpacked(spec, NULL);
	}
}

static void a_bundle_is_loaded_or_refused_with_its_path(void **state)
{
	scoped_free char *dir = xstrdup("/tmp/test_spec.XXXXXX");
	scoped_free char *file = NULL;
	scoped_free char *text = load_text("runc-spec.json");
	scoped_free char *want = NULL;
	struct err err = ERR_INIT;
	Grpc__Spec *spec;

	(void)state;
	assert_non_null(mkdtemp(dir));
	file = xasprintf("%s/config.json", dir);
	assert_null(spec_load(dir, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);

	assert_int_equal(file_replace(file, text, strlen(text), 0600, &err), 0);
	spec = spec_load(dir, &err);
	assert_non_null(spec);
	assert_string_equal(spec->process->args[0], "sh");
	grpc__spec__free_unpacked(spec, NULL);

	assert_int_equal(file_replace(file, "{}", 2, 0600, &err), 0);
	assert_null(spec_load(dir, &err));
	want = xasprintf("read '%s': ociVersion: '' is not a version 1", file);
	assert_string_equal(err.text, want);
	assert_int_equal(dir_remove(dir, &err), 0);
}

static void a_string_is_replaced_whether_it_was_set_or_not(void **state)
{
	Grpc__Root *root = xnew(Grpc__Root);

	(void)state;
	grpc__root__init(root);
	spec_set_string(&root->path, "/a");
	spec_set_string(&root->path, "/b");
	assert_string_equal(root->path, "/b");
	grpc__root__free_unpacked(root, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_property_of_the_specification_is_read),
		cmocka_unit_test(what_is_written_is_what_was_read),
		cmocka_unit_test(a_copy_is_equal_and_shares_nothing),
		cmocka_unit_test(case_is_ignored_and_strangers_are_passed_over),
		cmocka_unit_test(the_last_of_equal_properties_counts),
		cmocka_unit_test(errors_name_the_property),
		cmocka_unit_test(broken_json_is_told_with_its_line),
		cmocka_unit_test(depth_and_size_are_bounded),
		cmocka_unit_test(a_spec_is_checked_for_what_every_container_needs),
		cmocka_unit_test(a_bundle_is_loaded_or_refused_with_its_path),
		cmocka_unit_test(a_string_is_replaced_whether_it_was_set_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
