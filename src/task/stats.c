/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - Task.Stats: what the guest counts, in the format that containerd expects on this host
 */
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"
#include "task/metrics.h"
#include "task/task_priv.h"

static void send_metrics(struct reply *reply, const ProtobufCMessage *metrics)
{
	Containerd__Task__V2__StatsResponse resp = CONTAINERD__TASK__V2__STATS_RESPONSE__INIT;
	Containerd__Task__V2__Any any = CONTAINERD__TASK__V2__ANY__INIT;
	scoped_free uint8_t *packed = xcalloc(protobuf_c_message_get_packed_size(metrics) + 1, 1);

	any.type_url = unconst(metrics->descriptor->name);
	any.value.data = packed;
	any.value.len = protobuf_c_message_pack(metrics, packed);
	resp.stats = &any;
	reply_send(reply, &resp.base);
}

/* A hybrid host is one of v1 to containerd, as its controllers are. */
static void on_counted(void *arg, const Grpc__StatsContainerResponse *stats, const struct err *err)
{
	struct err unknown = ERR_INIT;
	ProtobufCMessage *metrics;
	enum cgroup_mode mode;

	if (!err && cgroup_mode(&mode, &unknown) < 0)
		err = &unknown;
	if (err) {
		reply_fail(arg, err);
		return;
	}
	metrics = mode == CGROUP_V2 ? metrics_v2(stats) : metrics_v1(stats);
	send_metrics(arg, metrics);
	protobuf_c_message_free_unpacked(metrics, NULL);
}

void task_stats(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Containerd__Task__V2__StatsRequest *req = (const void *)msg;
	struct reply *reply = reply_new(arg, call, "read statistics");
	struct err err = ERR_INIT;
	struct container *c = tasks_find(arg, req->id, &err);

	if (c)
		container_stats(c, on_counted, reply);
	else
		reply_fail(reply, &err);
}
