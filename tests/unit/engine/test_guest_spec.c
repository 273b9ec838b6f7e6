/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "engine/guest_spec.h"
#include "engine/resource/volume.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"

static struct volume_facts always_a_directory(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return (struct volume_facts){ .mode = S_IFDIR };
}

/* The guest's form of a container that has these mounts. */
static struct guest_spec made_of(const char *mounts)
{
	struct config *config = config_new_default();
	struct guest_spec guest = { 0 };
	struct volumes volumes = { 0 };
	struct err err = ERR_INIT;
	char json[2048];
	ProtobufCMessage *msg;

	snprintf(json, sizeof(json),
		 "{\"root\":{\"path\":\"/r\"},\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]},\"linux\":{},"
		 "\"mounts\":[%s]}", mounts);
	msg = spec_parse(&grpc__spec__descriptor, json, strlen(json), &err);
	if (!msg || volumes_plan((const Grpc__Spec *)(const void *)msg, "c1", "0123456789ab",
				 always_a_directory, NULL, &volumes, &err) < 0 ||
	    guest_spec_make((const Grpc__Spec *)(const void *)msg, "c1", config, &volumes, &guest,
			    &err) < 0)
		fail_msg("%s", err.text);
	volumes_done(&volumes);
	protobuf_c_message_free_unpacked(msg, NULL);
	config_free(config);
	return guest;
}

static void an_overlay_becomes_a_bind_of_what_the_host_made(void **state)
{
	struct guest_spec guest = made_of(
		"{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"/srv/merge\",\"options\":"
		"[\"lowerdir=/a\",\"upperdir=/u\",\"workdir=/w\",\"private\",\"nodev\"]}");
	const Grpc__Mount *m = guest.spec->mounts[0];

	(void)state;
	assert_int_equal(guest.spec->n_mounts, 1);
	assert_string_equal(m->type, "bind");
	assert_string_equal(m->source,
			    "/run/kata-containers/shared/containers/c1-0123456789ab0000-merge");
	assert_int_equal(m->n_options, 2);
	assert_string_equal(m->options[0], "private");
	assert_string_equal(m->options[1], "nodev");
	guest_spec_done(&guest);
}

#define GROUPS "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"," \
	       "\"options\":[\"nosuid\",\"ro\"]}"

static void a_container_for_systemd_gets_its_own_groups_to_write(void **state)
{
	struct guest_spec guest = made_of(
		GROUPS ",{\"destination\":\"/sys/fs/cgroup/systemd\",\"type\":\"bind\","
		       "\"source\":\"/sys/fs/cgroup/systemd\",\"options\":[\"bind\"]},"
		       "{\"destination\":\"/run\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		       "\"options\":[\"ro\"]}");

	(void)state;
	assert_int_equal(guest.spec->n_mounts, 2);
	assert_int_equal(guest.spec->mounts[0]->n_options, 1);
	assert_string_equal(guest.spec->mounts[0]->options[0], "nosuid");
	assert_string_equal(guest.spec->mounts[1]->destination, "/run");
	assert_int_equal(guest.spec->mounts[1]->n_options, 1);
	guest_spec_done(&guest);
}

static void any_other_may_only_read_them(void **state)
{
	struct guest_spec guest = made_of(GROUPS);

	(void)state;
	assert_int_equal(guest.spec->mounts[0]->n_options, 2);
	guest_spec_done(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_overlay_becomes_a_bind_of_what_the_host_made),
		cmocka_unit_test(a_container_for_systemd_gets_its_own_groups_to_write),
		cmocka_unit_test(any_other_may_only_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
