/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_task_stats.c - Task.Stats: the answer has the format of this host
 */
#include "world.h"

#include <string.h>

#include "agent.pb-c.h"
#include "cgroups_v1.pb-c.h"
#include "cgroups_v2.pb-c.h"
#include "lib/cgroup/cgroup.h"

static const Containerd__Task__V2__Any *stats_of(const struct answer *a)
{
	const Containerd__Task__V2__StatsResponse *resp = (const void *)a->resp;

	assert_true(a->over);
	assert_non_null(resp);
	assert_non_null(resp->stats);
	return resp->stats;
}

/* The format is known by its name, and holds what the guest said. */
static void check_pids(const Containerd__Task__V2__Any *any, uint64_t pids)
{
	struct err err = ERR_INIT;
	enum cgroup_mode mode;

	assert_int_equal(cgroup_mode(&mode, &err), 0);
	if (mode == CGROUP_V2) {
		Io__Containerd__Cgroups__V2__Metrics *m =
			io__containerd__cgroups__v2__metrics__unpack(NULL, any->value.len,
								     any->value.data);

		assert_string_equal(any->type_url, "io.containerd.cgroups.v2.Metrics");
		assert_non_null(m);
		assert_int_equal(m->pids->current, pids);
		protobuf_c_message_free_unpacked(&m->base, NULL);
	} else {
		Io__Containerd__Cgroups__V1__Metrics *m =
			io__containerd__cgroups__v1__metrics__unpack(NULL, any->value.len,
								     any->value.data);

		assert_string_equal(any->type_url, "io.containerd.cgroups.v1.Metrics");
		assert_non_null(m);
		assert_int_equal(m->pids->current, pids);
		protobuf_c_message_free_unpacked(&m->base, NULL);
	}
}

static void ask_stats(struct world *w, char *id, struct answer *a)
{
	ask(w, "Stats", REQUEST(StatsRequest, stats_request, .id = id), a);
}

static void the_guests_figures_are_told_in_the_hosts_format(void **state)
{
	Grpc__StatsContainerResponse stats = GRPC__STATS_CONTAINER_RESPONSE__INIT;
	Grpc__CgroupStats group = GRPC__CGROUP_STATS__INIT;
	Grpc__PidsStats pids = GRPC__PIDS_STATS__INIT;
	struct world *w = *state;
	struct answer a;

	create(w, c1);
	ask_stats(w, c1, &a);
	assert_false(a.over);
	assert_non_null(fake.counted);
	pids.current = 3;
	group.pids_stats = &pids;
	stats.cgroup_stats = &group;
	fake.counted(fake.counted_arg, &stats, NULL);
	turn(w);
	check_pids(stats_of(&a), 3);
	forget(&a);
}

static void a_container_that_cannot_be_counted_is_an_error(void **state)
{
	struct world *w = *state;
	struct err why = ERR_INIT;
	struct answer a;

	create(w, c1);
	ask_stats(w, c1, &a);
	err_set(&why, ERR_NOT_FOUND, "it is stopped");
	fake.counted(fake.counted_arg, NULL, &why);
	expect_error(w, &a, ERR_NOT_FOUND, "it is stopped");
	ask_stats(w, c2, &a);
	expect_error(w, &a, ERR_NOT_FOUND, "c2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_guests_figures_are_told_in_the_hosts_format),
		TEST(a_container_that_cannot_be_counted_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
