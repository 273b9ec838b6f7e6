/* SPDX-License-Identifier: Apache-2.0 */
#include "management/scrape.h"

#include <ctype.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "engine/engine.h"
#include "health.pb-c.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/client.h"
#include "management/guest_metrics.h"
#include "management/histogram.h"
#include "management/proc_metrics.h"
#include "task/task.h"

#define LATE_MS (SCRAPE_MS + 1000) /* every call has failed by itself before that */

/* What the pod has used at one moment. */
struct sample {
	uint64_t at_ns; /* monotonic */
	uint64_t host_cpu_ns, guest_cpu_ns;
	uint64_t host_memory, guest_memory; /* bytes */
};

struct scraper {
	struct event_base *base;
	struct tasks *tasks;
	struct histograms *served, *agent_calls;
	struct sample last;
	struct list scrapes;
};

struct scrape {
	struct list node;
	struct scraper *scraper;
	scrape_done *done; /* NULL: cancelled, and waits for its calls to end */
	void *arg;
	struct event *over;         /* the deadline, or at once when nobody is to be asked */
	struct ttrpc_client *agent; /* only compared: it may be gone */
	uint64_t calls[1 + SCRAPE_CONTAINERS_MAX];
	size_t n_calls, n_open;
	uint64_t guest_cpu_ns, guest_memory;
	bool guest_told;  /* every container asked has answered */
	struct str guest; /* its metrics, filtered */
};

/* --- durations of calls --- */

/* "ResizePty" is "resize_pty". */
static void on_served(void *arg, const char *method, uint64_t took_ns)
{
	struct scraper *s = arg;
	struct str action = { .max = 64 };

	for (const char *c = method; *c; c++) {
		char low = (char)tolower((unsigned char)*c);

		if (isupper((unsigned char)*c) && c > method)
			str_add(&action, "_");
		str_add_n(&action, &low, 1);
	}
	histograms_add(s->served, str_get(&action), took_ns);
	str_done(&action);
}

/* Kata names them for their requests: "grpc.CheckRequest". */
static void on_agent_called(void *arg, const char *method, uint64_t took_ns)
{
	static const ProtobufCServiceDescriptor *const services[] = {
		&grpc__agent_service__descriptor,
		&grpc__health__descriptor,
	};
	struct scraper *s = arg;

	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		const ProtobufCMethodDescriptor *desc =
			protobuf_c_service_descriptor_get_method_by_name(services[i], method);

		if (desc) {
			histograms_add(s->agent_calls, desc->input->name, took_ns);
			return;
		}
	}
}

static const struct tasks_watch watch = { on_served, on_agent_called };

/* --- the text --- */

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void add_gauge(struct str *out, const char *name, const char *help, double value)
{
	str_addf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.10g\n", name, help, name, name, value);
}

static void take_sample(const struct scrape *scrape, struct sample *now)
{
	const struct sandbox *sb = tasks_sandbox(scrape->scraper->tasks);
	struct proc_usage usage = { 0 };

	/* Our own children are the VM and virtiofsd: they are counted with us, once. */
	proc_usage_add(&usage, getpid());
	if (sb && sandbox_virtiofsd_pid(sb)) {
		pid_t outer = sandbox_virtiofsd_pid(sb), inner = proc_worker(outer);

		if (inner != outer)
			proc_usage_add(&usage, inner);
	}
	*now = (struct sample){ .at_ns = clock_mono_ns(),
				.host_cpu_ns = usage.cpu_ns,
				.host_memory = usage.memory_bytes,
				.guest_cpu_ns = scrape->guest_cpu_ns,
				.guest_memory = scrape->guest_memory };
}

/* Without the guest's word there is nothing to take away, so there is no figure. */
static void add_overhead(struct scrape *scrape, struct str *out)
{
	struct scraper *s = scrape->scraper;
	struct sample now;
	uint64_t host, guest, took;

	if (!scrape->guest_told)
		return;
	take_sample(scrape, &now);
	took = less(now.at_ns, s->last.at_ns);
	host = less(now.host_cpu_ns, s->last.host_cpu_ns);
	guest = less(now.guest_cpu_ns, s->last.guest_cpu_ns);
	s->last = now;
	if (took > 0)
		add_gauge(out, "kata_shim_pod_overhead_cpu",
			  "Kata Pod overhead for CPU resources(percent).",
			  100.0 * (double)less(host, guest) / (double)took);
	add_gauge(out, "kata_shim_pod_overhead_memory_in_bytes",
		  "Kata Pod overhead for memory resources(bytes).",
		  (double)less(now.host_memory, now.guest_memory));
}

static void add_processes(const struct scrape *scrape, struct str *out)
{
	const struct sandbox *sb = tasks_sandbox(scrape->scraper->tasks);
	const struct proc_metrics list[] = {
		{ "kata_shim", "Kata containerd shim v2 process", getpid(), false },
		{ "kata_hypervisor", "Hypervisor process", sb ? sandbox_vmm_pid(sb) : 0, true },
		{ "kata_virtiofsd", "Virtiofsd process",
		  sb ? proc_worker(sandbox_virtiofsd_pid(sb)) : 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		proc_metrics_add(out, &list[i]);
}

static void scrape_free(struct scrape *scrape)
{
	const struct sandbox *sb = tasks_sandbox(scrape->scraper->tasks);

	/* Calls to an agent that is gone are gone with it. */
	for (size_t i = 0; i < scrape->n_calls; i++)
		if (scrape->n_open && sb && sandbox_agent(sb) == scrape->agent)
			ttrpc_client_cancel(scrape->agent, scrape->calls[i]);
	list_remove(&scrape->node);
	event_free(scrape->over);
	str_done(&scrape->guest);
	free(scrape);
}

static void tell(struct scrape *scrape)
{
	struct scraper *s = scrape->scraper;
	scrape_done *done = scrape->done;
	void *arg = scrape->arg;
	struct str out = { 0 };

	add_processes(scrape, &out);
	histograms_print(s->served, &out);
	histograms_print(s->agent_calls, &out);
	add_overhead(scrape, &out);
	str_add(&out, str_get(&scrape->guest));
	scrape_free(scrape);
	done(arg, str_get(&out), out.len);
	str_done(&out);
}

static void finish(struct scrape *scrape)
{
	if (scrape->done)
		tell(scrape);
	else
		scrape_free(scrape);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	finish(arg);
}

/* --- what the guest is asked --- */

static void end_call(struct scrape *scrape)
{
	if (--scrape->n_open == 0)
		finish(scrape);
}

static void on_metrics(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__Metrics *m = (const Grpc__Metrics *)(const void *)resp;
	struct scrape *scrape = arg;

	if (!err)
		guest_metrics_add(&scrape->guest, m->metrics, strlen(m->metrics));
	end_call(scrape);
}

/* Sums may turn over when a guest lies: they are only ever shown as its own numbers. */
static void on_stats(void *arg, const ProtobufCMessage *resp, const struct err *err)
{
	const Grpc__StatsContainerResponse *r =
		(const Grpc__StatsContainerResponse *)(const void *)resp;
	const Grpc__CgroupStats *stats = r ? r->cgroup_stats : NULL;
	struct scrape *scrape = arg;

	if (err)
		scrape->guest_told = false;
	if (stats && stats->cpu_stats && stats->cpu_stats->cpu_usage)
		scrape->guest_cpu_ns += stats->cpu_stats->cpu_usage->total_usage;
	if (stats && stats->memory_stats && stats->memory_stats->usage)
		scrape->guest_memory += stats->memory_stats->usage->usage;
	end_call(scrape);
}

static void ask(struct scrape *scrape, const char *method, const ProtobufCMessage *req,
		ttrpc_client_done *done)
{
	scrape->calls[scrape->n_calls++] =
		ttrpc_client_call(scrape->agent, &grpc__agent_service__descriptor, method, req,
				  SCRAPE_MS, done, scrape);
	scrape->n_open++;
}

static bool is_in_guest(const struct container *c)
{
	switch (container_status(c)) {
	case CONTAINER_CREATED:
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
		return true;
	case CONTAINER_CREATING:
	case CONTAINER_STOPPED:
		break;
	}
	return false;
}

static void ask_container(void *arg, struct container *c)
{
	Grpc__StatsContainerRequest req = GRPC__STATS_CONTAINER_REQUEST__INIT;
	struct scrape *scrape = arg;

	if (scrape->n_calls == ARRAY_LEN(scrape->calls) || !is_in_guest(c))
		return;
	req.container_id = unconst(container_id(c));
	ask(scrape, "StatsContainer", &req.base, on_stats);
}

static void ask_guest(struct scrape *scrape, const struct sandbox *sb)
{
	Grpc__GetMetricsRequest req = GRPC__GET_METRICS_REQUEST__INIT;

	scrape->guest_told = true;
	ask(scrape, "GetMetrics", &req.base, on_metrics);
	sandbox_each(sb, ask_container, scrape);
}

struct scrape *scraper_start(struct scraper *scraper, scrape_done *done, void *arg)
{
	const struct timeval late = { .tv_sec = LATE_MS / 1000, .tv_usec = LATE_MS % 1000 * 1000 };
	const struct sandbox *sb = tasks_sandbox(scraper->tasks);
	struct scrape *scrape = xnew(struct scrape);

	*scrape = (struct scrape){ .scraper = scraper, .done = done, .arg = arg };
	list_add(&scraper->scrapes, &scrape->node);
	scrape->over = evtimer_new(scraper->base, on_over, scrape);
	scrape->agent = sb ? sandbox_agent(sb) : NULL;
	if (scrape->agent)
		ask_guest(scrape, sb);
	if (scrape->n_open)
		evtimer_add(scrape->over, &late);
	else
		event_active(scrape->over, EV_TIMEOUT, 0);
	return scrape;
}

/* An agent that has just been given up still fails its calls, and cannot be told to forget them. */
void scrape_cancel(struct scrape *scrape)
{
	if (scrape)
		scrape->done = NULL;
}

/* --- life --- */

struct scraper *scraper_new(struct event_base *base, struct tasks *tasks)
{
	struct scraper *s = xnew(struct scraper);

	s->base = base;
	s->tasks = tasks;
	s->last.at_ns = clock_mono_ns();
	s->served = histograms_new("kata_shim_rpc_durations_histogram_milliseconds",
				   "RPC latency distributions.");
	s->agent_calls = histograms_new("kata_shim_agent_rpc_durations_histogram_milliseconds",
					"RPC latency distributions.");
	list_init(&s->scrapes);
	tasks_watch_calls(tasks, &watch, s);
	return s;
}

void scraper_free(struct scraper *s)
{
	if (!s)
		return;
	tasks_watch_calls(s->tasks, NULL, NULL);
	list_for_each_safe(&s->scrapes, struct scrape, node, scrape)
		scrape_free(scrape);
	histograms_free(s->served);
	histograms_free(s->agent_calls);
	free(s);
}

size_t scraper_under_way(const struct scraper *s)
{
	size_t n = 0;

	list_for_each(&s->scrapes, struct scrape, node, scrape)
		n++;
	return n;
}
