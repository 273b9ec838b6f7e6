/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/config/config.h"
#include "engine/resource/network/network.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct fake fake;

static void begin(engine_done *done, void *arg, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void begin(engine_done *done, void *arg, const char *fmt, ...)
{
	struct fake_op *op = &fake.ops[fake.n_ops];
	va_list ap;

	assert_true(fake.n_ops < FAKE_OPS_MAX);
	fake.n_ops++;
	op->done = done;
	op->arg = arg;
	va_start(ap, fmt);
	vsnprintf(op->what, sizeof(op->what), fmt, ap);
	va_end(ap);
}

void fake_end(const char *what, const struct err *err)
{
	struct fake_op op = fake.ops[0];

	assert_true(fake.n_ops > 0);
	assert_string_equal(op.what, what);
	fake.n_ops--;
	memmove(fake.ops, fake.ops + 1, fake.n_ops * sizeof(fake.ops[0]));
	if (op.done)
		op.done(op.arg, err);
}

bool fake_is_idle(void)
{
	return fake.n_ops == 0;
}

struct sandbox *sandbox_new(struct event_base *base, const char *id, struct config *config,
			    const struct sandbox_events *events, void *events_arg, struct err *err)
{
	(void)base;
	(void)id;
	(void)config;
	if (fake.refuse_sandbox) {
		err_set(err, ERR_INTERNAL, "no sandbox today");
		return NULL;
	}
	fake.sandbox = xnew(struct sandbox);
	fake.sandbox->events = *events;
	fake.sandbox->events_arg = events_arg;
	return fake.sandbox;
}

void sandbox_up(struct sandbox *sb, const Grpc__Spec *spec, engine_done *done, void *arg)
{
	(void)sb;
	assert_non_null(spec);
	begin(done, arg, "up");
}

void sandbox_down(struct sandbox *sb, engine_done *done, void *arg)
{
	(void)sb;
	begin(done, arg, "down");
}

void sandbox_free(struct sandbox *sb)
{
	if (!sb)
		return;
	fake.n_freed++;
	free(sb);
}

pid_t sandbox_vmm_pid(const struct sandbox *sb)
{
	(void)sb;
	return fake.vm_gone ? 0 : 4711;
}

pid_t sandbox_virtiofsd_pid(const struct sandbox *sb)
{
	(void)sb;
	return 0;
}

char *sandbox_agent_url(const struct sandbox *sb)
{
	(void)sb;
	return xstrdup("unix:///run/vc/vm/sb1/kata.sock");
}

bool sandbox_is_up(const struct sandbox *sb)
{
	(void)sb;
	return true;
}

void sandbox_each(const struct sandbox *sb, void (*fn)(void *arg, struct container *c), void *arg)
{
	for (size_t i = 0; i < FAKE_CONTAINERS_MAX; i++)
		if (sb->containers[i].id[0])
			fn(arg, (struct container *)(uintptr_t)&sb->containers[i]);
}

struct network *sandbox_network(const struct sandbox *sb)
{
	(void)sb;
	return fake.network;
}

struct ttrpc_client *sandbox_agent(const struct sandbox *sb)
{
	return sb->agent;
}

size_t sandbox_n_containers(const struct sandbox *sb)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_CONTAINERS_MAX; i++)
		n += sb->containers[i].id[0] != '\0';
	return n;
}

void sandbox_timeline(const struct sandbox *sb, timeline_fn *fn, void *arg)
{
	(void)sb;
	fn(arg, "sandbox up", "do a", 1);
}

/* The fourth stays free, so that there always is an answer for "". */
static struct container *find(struct sandbox *sb, const char *id)
{
	size_t i = 0;

	while (i < FAKE_CONTAINERS_MAX - 1 && strcmp(sb->containers[i].id, id) != 0)
		i++;
	return &sb->containers[i];
}

struct container *sandbox_find(const struct sandbox *sb, const char *id, struct err *err)
{
	struct container *c = find(fake.sandbox, id);

	assert_ptr_equal(sb, fake.sandbox);
	if (c->id[0])
		return c;
	err_set(err, ERR_NOT_FOUND, "find container '%s'", id);
	return NULL;
}

/* The streams, or nothing for those that are not carried. */
static const char *stdio_text(const struct stdio_request *stdio, char buf[static 128])
{
	buf[0] = '\0';
	if (stdio)
		snprintf(buf, 128, " %s<%s>%s 2>%s", stdio->terminal ? "tty " : "", stdio->in,
			 stdio->out, stdio->err);
	return buf;
}

void container_create(struct sandbox *sb, const struct container_request *req, engine_done *done,
		      void *arg)
{
	struct container *c = find(sb, "");
	char text[128];

	assert_string_equal(c->id, "");
	assert_non_null(req->spec);
	*c = (struct container){ .sandbox = sb, .status = CONTAINER_CREATED };
	snprintf(c->id, sizeof(c->id), "%s", req->id);
	snprintf(c->bundle, sizeof(c->bundle), "%s", req->bundle);
	snprintf(c->rootfs, sizeof(c->rootfs), "%s", req->rootfs);
	c->init.container = c->exec.container = c;
	begin(done, arg, "create %s%s", req->id, stdio_text(req->stdio, text));
}

const char *container_status_name(enum container_status status)
{
	return status == CONTAINER_RUNNING ? "running" : "created";
}

enum container_status container_status(const struct container *c)
{
	return c->status;
}

const char *container_id(const struct container *c)
{
	return c->id;
}

/* That of a container whose manager wants a file "oom". */
const Grpc__Spec *container_spec(const struct container *c)
{
	static char key[] = "io.container.manager", value[] = "cri-o";
	static Grpc__Spec__AnnotationsEntry manager = {
		.base = PROTOBUF_C_MESSAGE_INIT(&grpc__spec__annotations_entry__descriptor),
		.key = key,
		.value = value
	};
	static Grpc__Spec__AnnotationsEntry *list[] = { &manager };
	static Grpc__Spec spec = GRPC__SPEC__INIT;

	(void)c;
	spec.annotations = list;
	spec.n_annotations = 1;
	return &spec;
}

const char *container_bundle(const struct container *c)
{
	return c->bundle;
}

struct process *container_init(const struct container *c)
{
	return &find(c->sandbox, c->id)->init;
}

void container_pause(struct container *c, engine_done *done, void *arg)
{
	begin(done, arg, "pause %s", c->id);
}

void container_resume(struct container *c, engine_done *done, void *arg)
{
	begin(done, arg, "resume %s", c->id);
}

void container_update(struct container *c, const Grpc__LinuxResources *res, engine_done *done,
		      void *arg)
{
	begin(done, arg, "update %s pids %lld", c->id, res->pids ? (long long)res->pids->limit : 0);
}

void container_stats(struct container *c, container_counted *done, void *arg)
{
	(void)c;
	fake.counted = done;
	fake.counted_arg = arg;
}

void container_delete(struct container *c, bool force, engine_done *done, void *arg)
{
	begin(done, arg, "delete %s%s", c->id, force ? " by force" : "");
}

void container_exec(struct container *c, const char *exec_id, const Grpc__Process *process,
		    const struct stdio_request *stdio, engine_done *done, void *arg)
{
	char text[128];

	snprintf(c->exec.exec_id, sizeof(c->exec.exec_id), "%s", exec_id);
	begin(done, arg, "exec %s/%s %s%s", c->id, exec_id, process->args[0],
	      stdio_text(stdio, text));
}

struct process *container_find_process(struct container *c, const char *exec_id, struct err *err)
{
	if (!exec_id[0])
		return &c->init;
	if (strcmp(c->exec.exec_id, exec_id) == 0)
		return &c->exec;
	err_set(err, ERR_NOT_FOUND, "find process '%s'", exec_id);
	return NULL;
}

void process_start(struct process *p, engine_done *done, void *arg)
{
	begin(done, arg, "start %s/%s", p->container->id, p->exec_id);
}

void process_signal(struct process *p, int sig, bool all, engine_done *done, void *arg)
{
	begin(done, arg, "signal %s/%s %d%s", p->container->id, p->exec_id, sig, all ? " all" : "");
}

void process_delete(struct process *p, engine_done *done, void *arg)
{
	begin(done, arg, "delete %s/%s", p->container->id, p->exec_id);
}

const struct exit_latch *process_exit(const struct process *p)
{
	return &p->exit;
}

struct exit_latch *process_exit_latch(struct process *p)
{
	return &p->exit;
}

const char *process_exec_id(const struct process *p)
{
	return p->exec_id;
}

struct container *process_container(const struct process *p)
{
	return p->container;
}

bool process_started(const struct process *p)
{
	return p->started;
}

pid_t process_shim_pid(const struct process *p)
{
	return p->shim_pid;
}

void process_resize(struct process *p, uint32_t rows, uint32_t columns, engine_done *done,
		    void *arg)
{
	begin(done, arg, "resize %s/%s %ux%u", p->container->id, p->exec_id, rows, columns);
}

void process_close_stdin(struct process *p)
{
	begin(NULL, NULL, "close stdin %s/%s", p->container->id, p->exec_id);
}

const struct stdio_request *process_stdio(const struct process *p)
{
	return p->stdio;
}

/* --- the network: one interface that is called eth0 --- */

const struct config *sandbox_config(const struct sandbox *sb)
{
	static char model[] = "tcfilter";
	static const struct config config = { .runtime = { .internetworking_model = model } };

	(void)sb;
	return &config;
}

const char *endpoint_kind_name(enum endpoint_kind kind)
{
	return kind == ENDPOINT_VETH ? "virtual" : "other";
}

const char *endpoint_model_name(enum endpoint_model model)
{
	return model == ENDPOINT_TCFILTER ? "tcfilter" : "other";
}

int network_each(struct network *network, network_each_fn *fn, void *arg, struct err *err)
{
	struct net_link link = { .index = 2, .name = "eth0", .flags = IFF_UP, .rx_packets = 7 };
	struct net_address address = { .link = 2, .ip = { .family = AF_INET }, .prefix = 24 };
	const struct endpoint_plan plan = { .link = 2, .name = "eth0", .mtu = 1500 };
	const struct net_state state = { .links = &link,
					 .n_links = 1,
					 .addresses = &address,
					 .n_addresses = 1 };

	(void)network;
	(void)err;
	fn(arg, &(struct network_view){ .plan = &plan,
					.link = &link,
					.state = &state,
					.id = "network-0",
					.pci_path = "02/01",
					.plugged = true });
	return 0;
}

void network_request(struct network *network, enum network_verb verb,
		     const ProtobufCMessage *message, network_answered *done, void *arg)
{
	(void)network;
	(void)verb;
	(void)message;
	fake.network_answered = (void *)done;
	fake.network_arg = arg;
}
