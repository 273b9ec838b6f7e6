/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/resource/sizing.h"
#include "lib/oci/spec.h"

static struct sizing wanted(const char *json)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *msg = spec_parse(&grpc__spec__descriptor, json, strlen(json), &err);
	struct sizing size;

	if (!msg)
		fail_msg("%s", err.text);
	size = sizing_wanted((const Grpc__Spec *)(const void *)msg);
	protobuf_c_message_free_unpacked(msg, NULL);
	return size;
}

static int cents(double cpus)
{
	return (int)(cpus * 100 + 0.5);
}

static void no_limits_want_nothing(void **state)
{
	struct sizing size = wanted("{}");

	(void)state;
	assert_int_equal(size.memory_mib, 0);
	assert_int_equal(cents(size.cpus), 0);
	size = wanted("{\"linux\":{\"resources\":{\"memory\":{\"limit\":-1},\"cpu\":{\"quota\":-1,\"period\":100000}}}}");
	assert_int_equal(size.memory_mib, 0);
	assert_int_equal(cents(size.cpus), 0);
}

static void a_containers_limits_count(void **state)
{
	struct sizing size = wanted("{\"linux\":{\"resources\":{\"memory\":{\"limit\":104857601},"
				    "\"cpu\":{\"quota\":150000,\"period\":100000}}}}");

	(void)state;
	assert_int_equal(size.memory_mib, 101);
	assert_int_equal(cents(size.cpus), 150);
}

static void a_pods_annotations_count_instead(void **state)
{
	struct sizing size = wanted("{\"annotations\":{\"io.kubernetes.cri.sandbox-memory\":\"1073741824\","
				    "\"io.kubernetes.cri.sandbox-cpu-quota\":\"-1\","
				    "\"io.kubernetes.cri.sandbox-cpu-shares\":\"2048\"},"
				    "\"linux\":{\"resources\":{\"memory\":{\"limit\":5}}}}");

	(void)state;
	assert_int_equal(size.memory_mib, 1024);
	assert_int_equal(cents(size.cpus), 200);
}

static void an_annotation_that_is_no_number_is_passed_over(void **state)
{
	struct sizing size = wanted("{\"annotations\":{\"io.kubernetes.cri.sandbox-memory\":\"much\"},"
				    "\"linux\":{\"resources\":{\"memory\":{\"limit\":2097152}}}}");

	(void)state;
	assert_int_equal(size.memory_mib, 2);
}

static void the_machine_stays_within_base_and_host(void **state)
{
	const struct sizing none = { 0 };
	const struct sizing some = { .cpus = 0.5, .memory_mib = 100 };
	const struct sizing huge = { .cpus = 1000, .memory_mib = UINT64_MAX };

	(void)state;
	assert_int_equal(sizing_memory_mib(&none, 512, 8192), 512);
	assert_int_equal(sizing_memory_mib(&some, 512, 8192), 612);
	assert_int_equal(sizing_memory_mib(&huge, 512, 8192), 8192);
	assert_int_equal(sizing_memory_mib(&some, 512, 256), 512);
	assert_int_equal(cents(sizing_cpus(&none, 1, 4)), 100);
	assert_int_equal(cents(sizing_cpus(&some, 1, 4)), 200);
	assert_int_equal(cents(sizing_cpus(&huge, 1, 4)), 400);
	assert_int_equal(cents(sizing_cpus(&none, 1, 0)), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limits_want_nothing),
		cmocka_unit_test(a_containers_limits_count),
		cmocka_unit_test(a_pods_annotations_count_instead),
		cmocka_unit_test(an_annotation_that_is_no_number_is_passed_over),
		cmocka_unit_test(the_machine_stays_within_base_and_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
