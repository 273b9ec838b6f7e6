/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_events.c - what a container uses, one line of JSON a time
 *
 * The figures are the guest's cgroup's, from the agent. The shape is that of `runc events`.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "cli/interrupt.h"
#include "cli/opts.h"
#include "cli/task_call.h"
#include "lib/base/defs.h"

#define INTERVAL_MAX_S 86400

typedef struct json_object json;

static void add(json *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static json *put(json *o, const char *key, json *child)
{
	json_object_object_add(o, key, child);
	return child;
}

static json *object(void)
{
	return json_object_new_object();
}

static void add_cpu(json *data, const Grpc__CpuStats *s)
{
	json *cpu = put(data, "cpu", object());
	json *usage = put(cpu, "usage", object());
	json *throttling = put(cpu, "throttling", object());
	const Grpc__CpuUsage *u = s ? s->cpu_usage : NULL;
	const Grpc__ThrottlingData *t = s ? s->throttling_data : NULL;

	if (u) {
		json *percpu = put(usage, "percpu", json_object_new_array());

		add(usage, "total", u->total_usage);
		for (size_t i = 0; i < u->n_percpu_usage; i++)
			json_object_array_add(percpu, json_object_new_uint64(u->percpu_usage[i]));
		add(usage, "kernel", u->usage_in_kernelmode);
		add(usage, "user", u->usage_in_usermode);
	}
	if (t) {
		add(throttling, "periods", t->periods);
		add(throttling, "throttledPeriods", t->throttled_periods);
		add(throttling, "throttledTime", t->throttled_time);
	}
}

static void add_memory_entry(json *memory, const char *key, const Grpc__MemoryData *d)
{
	json *entry = put(memory, key, object());

	add(entry, "limit", d ? d->limit : 0);
	add(entry, "usage", d ? d->usage : 0);
	add(entry, "max", d ? d->max_usage : 0);
	add(entry, "failcnt", d ? d->failcnt : 0);
}

static void add_memory(json *data, const Grpc__MemoryStats *s)
{
	json *memory = put(data, "memory", object());
	json *raw;

	if (!s)
		return;
	add(memory, "cache", s->cache);
	add_memory_entry(memory, "usage", s->usage);
	add_memory_entry(memory, "swap", s->swap_usage);
	add_memory_entry(memory, "kernel", s->kernel_usage);
	raw = put(memory, "raw", object());
	for (size_t i = 0; i < s->n_stats; i++)
		add(raw, s->stats[i]->key, s->stats[i]->value);
}

static void add_blkio_list(json *blkio, const char *key, Grpc__BlkioStatsEntry *const *list,
			   size_t n)
{
	json *array = put(blkio, key, json_object_new_array());

	for (size_t i = 0; i < n; i++) {
		json *entry = object();

		add(entry, "major", list[i]->major);
		add(entry, "minor", list[i]->minor);
		json_object_object_add(entry, "op", json_object_new_string(list[i]->op));
		add(entry, "value", list[i]->value);
		json_object_array_add(array, entry);
	}
}

static void add_blkio(json *data, const Grpc__BlkioStats *s)
{
	json *blkio = put(data, "blkio", object());

	if (!s)
		return;
	add_blkio_list(blkio, "ioServiceBytesRecursive", s->io_service_bytes_recursive,
		       s->n_io_service_bytes_recursive);
	add_blkio_list(blkio, "ioServicedRecursive", s->io_serviced_recursive,
		       s->n_io_serviced_recursive);
	add_blkio_list(blkio, "ioQueueRecursive", s->io_queued_recursive, s->n_io_queued_recursive);
	add_blkio_list(blkio, "ioServiceTimeRecursive", s->io_service_time_recursive,
		       s->n_io_service_time_recursive);
	add_blkio_list(blkio, "ioWaitTimeRecursive", s->io_wait_time_recursive,
		       s->n_io_wait_time_recursive);
	add_blkio_list(blkio, "ioMergedRecursive", s->io_merged_recursive,
		       s->n_io_merged_recursive);
	add_blkio_list(blkio, "ioTimeRecursive", s->io_time_recursive, s->n_io_time_recursive);
	add_blkio_list(blkio, "sectorsRecursive", s->sectors_recursive, s->n_sectors_recursive);
}

static void add_hugetlb(json *data, const Grpc__CgroupStats *s)
{
	json *hugetlb = put(data, "hugetlb", object());

	for (size_t i = 0; i < s->n_hugetlb_stats; i++) {
		const Grpc__HugetlbStats *h = s->hugetlb_stats[i]->value;
		json *entry = put(hugetlb, s->hugetlb_stats[i]->key, object());

		if (!h)
			continue;
		add(entry, "usage", h->usage);
		add(entry, "max", h->max_usage);
		add(entry, "failcnt", h->failcnt);
	}
}

static void add_network(json *data, const Grpc__StatsContainerResponse *r)
{
	json *array = put(data, "network_interfaces", json_object_new_array());

	for (size_t i = 0; i < r->n_network_stats; i++) {
		const Grpc__NetworkStats *n = r->network_stats[i];
		json *o = object();

		json_object_object_add(o, "Name", json_object_new_string(n->name));
		add(o, "RxBytes", n->rx_bytes);
		add(o, "RxPackets", n->rx_packets);
		add(o, "RxErrors", n->rx_errors);
		add(o, "RxDropped", n->rx_dropped);
		add(o, "TxBytes", n->tx_bytes);
		add(o, "TxPackets", n->tx_packets);
		add(o, "TxErrors", n->tx_errors);
		add(o, "TxDropped", n->tx_dropped);
		json_object_array_add(array, o);
	}
}

static void print_stats(const char *id, const Grpc__StatsContainerResponse *r)
{
	const Grpc__CgroupStats *s = r->cgroup_stats;
	json *root = object();
	json *data, *pids;

	json_object_object_add(root, "type", json_object_new_string("stats"));
	json_object_object_add(root, "id", json_object_new_string(id));
	data = put(root, "data", object());
	add_cpu(data, s ? s->cpu_stats : NULL);
	add_memory(data, s ? s->memory_stats : NULL);
	pids = put(data, "pids", object());
	if (s && s->pids_stats) {
		add(pids, "current", s->pids_stats->current);
		add(pids, "limit", s->pids_stats->limit);
	}
	add_blkio(data, s ? s->blkio_stats : NULL);
	if (s)
		add_hugetlb(data, s);
	put(data, "intel_rdt", object());
	add_network(data, r);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}

static int ask(struct supervisor *sup, const char *cid, struct err *err)
{
	Grpc__StatsContainerRequest req = GRPC__STATS_CONTAINER_REQUEST__INIT;
	Grpc__StatsContainerResponse *resp;

	req.container_id = unconst(cid);
	resp = (void *)supervisor_call(sup, &grpc__agent_service__descriptor, "StatsContainer",
				       &req.base, CALL_AGENT_MS, err);
	if (!resp)
		return -1;
	print_stats(cid, resp);
	protobuf_c_message_free_unpacked(&resp->base, NULL);
	return 0;
}

/* "5", "5s", "500ms", "1m". */
static int parse_interval(const char *text, struct timespec *ret, struct err *err)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 0.001 }, { "m", 60 }, { "h", 3600 } };
	char *end;
	double n = strtod(text, &end);

	for (size_t i = 0; end != text && i < ARRAY_LEN(units); i++) {
		double s = n * units[i].seconds;

		if (strcmp(end, units[i].suffix) != 0 || !(s >= 0.001) || s > INTERVAL_MAX_S)
			continue;
		ret->tv_sec = (time_t)s;
		ret->tv_nsec = (long)((s - (double)ret->tv_sec) * 1e9);
		return 0;
	}
	return err_set(err, ERR_INVALID, "flag '--interval': '%s' is not a duration", text);
}

/* Until it is interrupted, or the container's supervisor is gone. */
static int ask_again_and_again(struct supervisor *sup, const char *id, const struct timespec *every,
			       struct err *err)
{
	const struct itimerspec spec = { .it_interval = *every, .it_value = { .tv_nsec = 1 } };
	scoped_fd int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct err interrupted = ERR_INIT;
	uint64_t expired;

	if (timer < 0 || timerfd_settime(timer, 0, &spec, NULL) < 0 || interrupt_catch(err) < 0)
		return err_sys(err, errno, "start timer");
	for (;;) {
		struct pollfd pfds[2] = { { .fd = timer, .events = POLLIN },
					  { .fd = interrupt_fd(), .events = POLLIN } };

		(void)poll(pfds, 2, -1);
		if (interrupt_check(&interrupted) < 0)
			return 0;
		if (read(timer, &expired, sizeof(expired)) < 0)
			continue;
		if (ask(sup, id, err) < 0)
			return err->code == ERR_UNAVAILABLE || err->code == ERR_CANCELLED ? 0 : -1;
		fflush(stdout);
	}
}

int cmd_events(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	       struct err *err)
{
	const char *interval = "5s", *id;
	bool once = false;
	const struct opt opts[] = {
		{ "interval", 0, OPT_TEXT, &interval, "DURATION", "how often (5s)" },
		{ "stats", 0, OPT_FLAG, &once, NULL, "once, then exit" },
	};
	scoped(supervisor_close_at) struct supervisor *sup = NULL;
	struct timespec every = { 0 };
	int first, r;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0 ||
	    arg_one_id(argc, argv, first, &id, err) < 0 ||
	    parse_interval(interval, &every, err) < 0)
		return -1;
	sup = container_supervisor(cli, id, err);
	r = !sup ? -1 : once ? ask(sup, id, err) : ask_again_and_again(sup, id, &every, err);
	return r < 0 ? err_wrap(err, "events of container '%s'", id) : 0;
}
