/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel events, storage options, device rules, metrics and routes: text in, facts out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "agent/devices.h"
#include "agent/metrics.h"
#include "agent/storage_options.h"
#include "agent/uevent.h"
#include "lib/base/defs.h"

static void an_event_of_the_kernel_is_read(void **state)
{
	static const char text[] = "add@/devices/p0\0ACTION=add\0DEVPATH=/devices/p0\0"
				   "SUBSYSTEM=virtio-ports\0MAJOR=246\0DEVNAME=vport0p1\0SEQNUM=9";
	struct err err = ERR_INIT;
	struct uevent e;

	(void)state;
	assert_int_equal(uevent_parse(text, sizeof(text), &e, &err), 0);
	assert_string_equal(e.action, "add");
	assert_string_equal(e.devpath, "/devices/p0");
	assert_string_equal(e.subsystem, "virtio-ports");
	assert_string_equal(e.devname, "vport0p1");
	assert_string_equal(e.modalias, "");
}

static void events_cut_short_or_of_others_are_refused(void **state)
{
	static const char cut[] = { 'a', '@', '/', 0, 'A', 'C', 'T' };
	struct err err = ERR_INIT;
	struct uevent e;

	(void)state;
	assert_int_equal(uevent_parse(cut, sizeof(cut), &e, &err), -1);
	assert_int_equal(uevent_parse("libudev", 8, &e, &err), -1);
	assert_int_equal(uevent_parse("", 0, &e, &err), -1);
	assert_int_equal(uevent_parse("a@b", 4, &e, &err), -1); /* no action */
}

static void options_are_sorted_into_flags_and_data(void **state)
{
	char a[] = "nosuid", b[] = "ro", c[] = "rw", s[] = "size=64M", m[] = "mode=1777",
	     g[] = "fsgid=1000", p[] = "rslave";
	char *list[] = { a, b, c, s, m, g, p };
	struct storage_options o;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(storage_options_parse(list, ARRAY_LEN(list), &o, &err), 0);
	assert_int_equal(o.flags, MS_NOSUID); /* the later of ro and rw wins */
	assert_int_equal(o.propagation, MS_SLAVE | MS_REC);
	assert_true(o.has_fsgid);
	assert_int_equal(o.fsgid, 1000);
	assert_int_equal(o.mode, 01777);
	assert_string_equal(o.data, "size=64M,mode=1777");
}

static void refuse_option(const char *text)
{
	char copy[64];
	char *list[] = { copy };
	struct storage_options o;
	struct err err = ERR_INIT;

	strncpy(copy, text, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	assert_int_equal(storage_options_parse(list, 1, &o, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void options_without_sense_are_refused(void **state)
{
	(void)state;
	refuse_option("fsgid=");
	refuse_option("fsgid=-1");
	refuse_option("fsgid=4294967295");
	refuse_option("mode=");
	refuse_option("mode=9");
	refuse_option("mode=77777");
}

static void more_data_than_a_page_is_refused(void **state)
{
	char word[1100];
	char *list[] = { word, word, word, word };
	struct storage_options o;
	struct err err = ERR_INIT;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(storage_options_parse(list, 3, &o, &err), 0);
	assert_int_equal(storage_options_parse(list, 4, &o, &err), -1);
}

static void cve_2020_2023_allow_everything_is_not_followed(void **state)
{
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxDeviceCgroup all = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup chars = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup fuse = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup *rules[] = { &all, &chars, &fuse };
	Grpc__LinuxDeviceCgroup *out = calloc(DEVICES_RULES_MAX, sizeof(*out));
	char a[] = "a", c[] = "c", rwm[] = "rwm";
	struct err err = ERR_INIT;
	int none, n;

	(void)state;
	none = devices_plan(&lx, out, &err);
	all.allow = chars.allow = fuse.allow = true;
	all.type = a;
	chars.type = fuse.type = c;
	all.major = all.minor = chars.major = chars.minor = -1;
	fuse.major = 10;
	fuse.minor = 229;
	all.access = chars.access = fuse.access = rwm;
	res.devices = rules;
	res.n_devices = 3;
	lx.resources = &res;
	n = devices_plan(&lx, out, &err);
	assert_int_equal(n, none + 1);
	assert_int_equal(out[n - 1].major, 10);
	for (int i = 0; i < n; i++)
		if (out[i].major < 0)
			assert_string_equal(out[i].access, "m"); /* making a node opens nothing */
	free(out);
}

static int plan_rule(const char *type, int64_t major, const char *access, struct err *err)
{
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__LinuxResources res = GRPC__LINUX_RESOURCES__INIT;
	Grpc__LinuxDeviceCgroup rule = GRPC__LINUX_DEVICE_CGROUP__INIT;
	Grpc__LinuxDeviceCgroup *rules[] = { &rule };
	Grpc__LinuxDeviceCgroup *out = calloc(DEVICES_RULES_MAX, sizeof(*out));
	char type_text[8], access_text[8];
	int base, n;

	strcpy(type_text, type);
	strcpy(access_text, access);
	base = devices_plan(&lx, out, err);
	rule.allow = true;
	rule.type = type_text;
	rule.major = major;
	rule.minor = -1;
	rule.access = access_text;
	res.devices = rules;
	res.n_devices = 1;
	lx.resources = &res;
	n = devices_plan(&lx, out, err);
	free(out);
	return n < 0 ? -1 : n - base;
}

static void a_rule_for_every_device_is_refused_unless_it_opens_none(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(plan_rule("c", 10, "rwm", &err), 1);
	assert_int_equal(plan_rule("c", -1, "m", &err), 0);
	assert_int_equal(err.code, ERR_OK);
	assert_int_equal(plan_rule("c", -1, "rw", &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
	assert_string_equal(err.text, "device rule 'c *:* rw': it would cover the virtual machine's own "
				      "devices; name a major number");
	err = ERR_INIT;
	assert_int_equal(plan_rule("b", -1, "r", &err), -1);
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
}

static void too_many_device_rules_are_refused(void **state)
{
	Grpc__Linux lx = GRPC__LINUX__INIT;
	Grpc__LinuxDeviceCgroup *out = calloc(DEVICES_RULES_MAX, sizeof(*out));
	struct err err = ERR_INIT;

	(void)state;
	lx.n_devices = DEVICES_RULES_MAX;
	assert_int_equal(devices_plan(&lx, out, &err), -1);
	assert_int_equal(err.code, ERR_EXHAUSTED);
	free(out);
}

static void numbers_of_proc_become_lines(void **state)
{
	struct str out = { 0 };

	(void)state;
	metrics_add_keys(&out, "m", "MemTotal:     100 kB\nBad line\nHugePages_Free:  3\n");
	assert_string_equal(str_get(&out), "# TYPE m gauge\nm{item=\"memtotal\"} 100\n"
					   "m{item=\"hugepages_free\"} 3\n");
	str_done(&out);
	out = (struct str){ 0 };
	metrics_add_cpus(&out, "c", "cpu  1 2\ncpu0 3\nintr 9\n");
	assert_string_equal(str_get(&out), "# TYPE c gauge\nc{cpu=\"total\",item=\"user\"} 1\n"
					   "c{cpu=\"total\",item=\"nice\"} 2\n"
					   "c{cpu=\"0\",item=\"user\"} 3\n");
	str_done(&out);
}

static void a_name_cannot_break_out_of_its_label(void **state)
{
	struct str out = { 0 };

	(void)state;
	metrics_add_netdev(&out, "n", "  a\"}{x: 7\n");
	assert_string_equal(str_get(&out),
			    "# TYPE n gauge\nn{interface=\"a___x\",item=\"recv_bytes\"} 7\n");
	str_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_of_the_kernel_is_read),
		cmocka_unit_test(events_cut_short_or_of_others_are_refused),
		cmocka_unit_test(options_are_sorted_into_flags_and_data),
		cmocka_unit_test(options_without_sense_are_refused),
		cmocka_unit_test(more_data_than_a_page_is_refused),
		cmocka_unit_test(cve_2020_2023_allow_everything_is_not_followed),
		cmocka_unit_test(a_rule_for_every_device_is_refused_unless_it_opens_none),
		cmocka_unit_test(too_many_device_rules_are_refused),
		cmocka_unit_test(numbers_of_proc_become_lines),
		cmocka_unit_test(a_name_cannot_break_out_of_its_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
