/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_guest.c - the guest's kernel: details, CPUs and memory, entropy, time
 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "agent/agent.h"
#include "agent/metrics.h"
#include "agent/rpc.h"
#include "agent/storage.h"
#include "agent/uevent.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/server.h"

#define MEMORY_DIR  "/sys/devices/system/memory"
#define CPU_DIR     "/sys/devices/system/cpu"
#define ENTROPY_MAX 4096 /* bytes; 512 is what Kata sends */
#define CPUS_MAX    4096

/* Details */

static uint64_t memory_block_size(void)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* a kernel without memory hot-plug: 0 */

	if (file_read(MEMORY_DIR "/block_size_bytes", 64, &text, NULL, &ignored) < 0)
		return 0;
	return strtoull(text, NULL, 16);
}

void rpc_get_guest_details(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	static char version[] = KATA_VERSION;
	const Grpc__GuestDetailsRequest *req = (const Grpc__GuestDetailsRequest *)msg;
	Grpc__GuestDetailsResponse resp = GRPC__GUEST_DETAILS_RESPONSE__INIT;
	Grpc__AgentDetails details = GRPC__AGENT_DETAILS__INIT;
	struct agent *agent = arg;
	size_t n;
	const char *const *names = storage_drivers(&n);
	scoped_free char **drivers = xcalloc(n, sizeof(*drivers));
	scoped_strv char **owned = NULL;

	for (size_t i = 0; i < n; i++)
		strv_add(&owned, names[i]);
	if (owned)
		memcpy(drivers, owned, n * sizeof(*drivers));
	details.version = version;
	details.init_daemon = agent->is_init;
	details.storage_handlers = drivers;
	details.n_storage_handlers = n;
	details.supports_seccomp = true;
	resp.agent_details = &details;
	if (req->mem_block_size)
		resp.mem_block_size_bytes = memory_block_size();
	if (req->mem_hotplug_probe)
		resp.support_mem_hotplug_probe = access(MEMORY_DIR "/probe", F_OK) == 0;
	ttrpc_reply(call, &resp.base);
}

/* CPUs and memory */

struct online {
	struct ttrpc_call *call;
	struct uevent_watch watch;
	struct event deadline;
	uint32_t timeout_ms;
	size_t left; /* CPUs to come */
	bool cpu_only;
};

/* Directories of dir called prefix and a number: "cpu3", "memory40". */
static bool is_numbered(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return str_starts(name, prefix) && name[len] &&
	       name[len + strspn(name + len, "0123456789")] == '\0';
}

/* What is offline and lets itself be switched on; at most max of them. */
static size_t switch_on(const char *path, const char *prefix, size_t max)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && n < max && (entry = readdir(dir))) {
		scoped_free char *file = xasprintf("%s/online", entry->d_name);
		scoped_free char *text = NULL;
		struct err ignored = ERR_INIT; /* the boot CPU has no switch */

		if (is_numbered(entry->d_name, prefix) &&
		    file_read_at(dirfd(dir), file, 16, &text, NULL, &ignored) == 0 &&
		    *text == '0' && file_poke_at(dirfd(dir), file, "1", &ignored) == 0)
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

static void free_online(struct online *o)
{
	uevents_remove(&o->watch);
	event_del(&o->deadline);
	free(o);
}

static void on_cancelled(void *arg)
{
	free_online(arg);
}

static void end_online(struct online *o, const struct err *err)
{
	struct ttrpc_call *call = o->call;

	if (!o->cpu_only)
		(void)switch_on(MEMORY_DIR, "memory", SIZE_MAX);
	free_online(o);
	rpc_end(call, err);
}

static void on_cpu(void *arg, const struct uevent *event)
{
	struct online *o = arg;

	if (strcmp(event->subsystem, "cpu") != 0 || strcmp(event->action, "add") != 0)
		return;
	o->left -= switch_on(CPU_DIR, "cpu", o->left);
	if (o->left == 0)
		end_online(o, NULL);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct online *o = arg;
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	err_set(&err, ERR_TIMEOUT, "bring CPUs online: %zu did not come within %u ms", o->left,
		o->timeout_ms);
	end_online(o, &err);
}

void rpc_online_cpu_mem(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__OnlineCPUMemRequest *req = (const Grpc__OnlineCPUMemRequest *)msg;
	struct agent *agent = arg;
	const uint32_t timeout_ms = agent->options.hotplug_timeout_ms;
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = timeout_ms % 1000 * 1000 };
	struct err err = ERR_INIT;
	struct online *o;

	if (req->nb_cpus > CPUS_MAX) {
		err_set(&err, ERR_INVALID, "bring %u CPUs online: more than %d", req->nb_cpus,
			CPUS_MAX);
		ttrpc_fail(call, &err);
		return;
	}
	o = xnew(struct online);
	*o = (struct online){ .call = call,
			      .left = req->nb_cpus,
			      .cpu_only = req->cpu_only,
			      .timeout_ms = timeout_ms,
			      .watch = { .fn = on_cpu, .arg = o } };
	event_assign(&o->deadline, agent->base, -1, 0, on_deadline, o);
	ttrpc_call_on_cancel(call, on_cancelled, o);
	/* Watch first, look then: a CPU that comes in between is seen by one of the two. */
	if (agent->uevents && o->left)
		uevents_add(agent->uevents, &o->watch);
	o->left -= switch_on(CPU_DIR, "cpu", o->left);
	if (o->left == 0)
		end_online(o, NULL);
	else
		event_add(&o->deadline, &limit);
}

/* Entropy and time */

static int add_entropy(const ProtobufCBinaryData *data, struct err *err)
{
	scoped_fd int fd = open("/dev/random", O_RDWR | O_CLOEXEC);
	scoped_free struct rand_pool_info *pool = NULL;

	if (fd < 0)
		return err_sys(err, errno, "open '/dev/random'");
	pool = xcalloc(1, sizeof(*pool) + data->len);
	pool->entropy_count = (int)data->len * 8;
	pool->buf_size = (int)data->len;
	memcpy(pool->buf, data->data, data->len);
	if (ioctl(fd, RNDADDENTROPY, pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		return err_sys(err, errno, "add entropy");
	return 0;
}

void rpc_reseed_random_dev(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__ReseedRandomDevRequest *req = (const Grpc__ReseedRandomDevRequest *)msg;
	struct err err = ERR_INIT;

	(void)arg;
	if (req->data.len == 0 || req->data.len > ENTROPY_MAX)
		err_set(&err, ERR_INVALID, "%zu bytes of entropy, not 1 to %d", req->data.len,
			ENTROPY_MAX);
	else
		(void)add_entropy(&req->data, &err); /* in err */
	rpc_end(call, &err);
}

void rpc_set_guest_date_time(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__SetGuestDateTimeRequest *req = (const Grpc__SetGuestDateTimeRequest *)msg;
	const struct timeval tv = { .tv_sec = req->sec, .tv_usec = req->usec };
	struct err err = ERR_INIT;

	(void)arg;
	if (req->sec <= 0 || req->usec < 0 || req->usec >= 1000000)
		err_set(&err, ERR_INVALID, "%lld.%06lld seconds is no time", (long long)req->sec,
			(long long)req->usec);
	else if (settimeofday(&tv, NULL) < 0)
		err_sys(&err, errno, "set the guest's time");
	rpc_end(call, &err);
}

/* What there is to see */

void rpc_get_metrics(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	static unsigned long long n_scrapes;
	Grpc__Metrics resp = GRPC__METRICS__INIT;
	scoped_free char *text = metrics_format(++n_scrapes);

	(void)msg;
	(void)arg;
	resp.metrics = text;
	ttrpc_reply(call, &resp.base);
}
