/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/resource/host_limits.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

static Grpc__LinuxResources *limits_of(const char *json)
{
	struct err err = ERR_INIT;
	ProtobufCMessage *msg =
		spec_parse(&grpc__linux_resources__descriptor, json, strlen(json), &err);
	Grpc__LinuxResources *limits;

	if (!msg)
		fail_msg("%s", err.text);
	limits = host_limits_make((const Grpc__LinuxResources *)(const void *)msg);
	protobuf_c_message_free_unpacked(msg, NULL);
	return limits;
}

static void what_the_guest_keeps_is_no_limit_of_the_host(void **state)
{
	(void)state;
	assert_null(limits_of("{}"));
	assert_null(limits_of("{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":5},"
			      "\"cpu\":{\"quota\":50000,\"period\":100000},"
			      "\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}"));
}

static void cpus_nodes_and_shares_are_the_hosts_and_the_quota_is_not(void **state)
{
	Grpc__LinuxResources *limits = limits_of(
		"{\"cpu\":{\"quota\":50000,\"period\":100000,\"shares\":300,\"cpus\":\"0-1\","
		"\"mems\":\"0\"},\"memory\":{\"limit\":5}}");

	(void)state;
	assert_non_null(limits);
	assert_string_equal(limits->cpu->cpus, "0-1");
	assert_string_equal(limits->cpu->mems, "0");
	assert_int_equal(limits->cpu->shares, 300);
	assert_int_equal(limits->cpu->quota, 0);
	assert_int_equal(limits->cpu->period, 0);
	assert_null(limits->memory);
	assert_null(limits->blockio);
	message_drop(&limits);
}

static void rates_of_block_devices_are_the_hosts(void **state)
{
	Grpc__LinuxResources *limits = limits_of(
		"{\"blockIO\":{\"weight\":100,\"throttleReadBpsDevice\":[{\"major\":254,\"minor\":0,"
		"\"rate\":5242880}]}}");

	(void)state;
	assert_non_null(limits);
	assert_null(limits->cpu);
	assert_int_equal(limits->blockio->weight, 100);
	assert_int_equal(limits->blockio->n_throttlereadbpsdevice, 1);
	assert_int_equal(limits->blockio->throttlereadbpsdevice[0]->rate, 5242880);
	message_drop(&limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_guest_keeps_is_no_limit_of_the_host),
		cmocka_unit_test(cpus_nodes_and_shares_are_the_hosts_and_the_quota_is_not),
		cmocka_unit_test(rates_of_block_devices_are_the_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
