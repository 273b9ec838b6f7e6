/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - kata-proxy from its arguments to its end; see proxy.h
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/persist/journal.h"
#include "engine/persist/mapping.h"
#include "engine/resource/scope.h"
#include "engine/sandbox_config.h"
#include "engine/vmm/accel.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"
#include "lib/ttrpc/client.h"
#include "management/monitor.h"
#include "proxy/manager.h"
#include "proxy/proxy.h"
#include "task/supervise.h"

struct args {
	const char *sandbox, *config, *log, *socket, *events, *root;
	enum log_format log_format;
	int listen_fd, creator_fd; /* -1: not given */
	bool debug;
};

struct proxy {
	struct supervise *supervise;
	struct tasks *tasks; /* its */
	struct manager *manager;
	struct monitor *monitor; /* NULL: it could not be made, which the log says */
	const struct args *args;
	struct bundles *bundles;
	struct event *creator; /* NULL: it has ended, or was not given */
	bool deserted; /* the record of the first container is ours to remove, last of all */
};

/* --- what the supervisor asks for and tells --- */

static struct config *configure(void *arg, const Grpc__Spec *spec, const char *config_path,
				struct err *err)
{
	const struct proxy *proxy = arg;
	scoped_strv char **warnings = NULL;
	struct config *config;

	(void)config_path; /* ours was chosen by the command that started us */
	config = sandbox_config_load(proxy->args->config, spec, &warnings, err);
	for (size_t i = 0; config && i < strv_len(warnings); i++)
		log_warn(warnings[i]);
	return config;
}

static void remove_mapping(const struct proxy *proxy, const char *id)
{
	struct err err = ERR_INIT;

	if (proxy->args->root && mapping_remove(proxy->args->root, id, &err) < 0)
		log_warn("container's record not removed, going on", "reason", err.text);
}

static void on_down(void *arg, void (*done)(void *done_arg), void *done_arg)
{
	const struct proxy *proxy = arg;

	if (proxy->deserted)
		remove_mapping(proxy, proxy->args->sandbox);
	done(done_arg);
}

static void on_idle(void *arg)
{
	struct proxy *proxy = arg;

	proxy->deserted = true;
}

static void on_oom(void *arg, const struct container *c)
{
	struct proxy *proxy = arg;

	manager_tell_oom(proxy->manager, container_id(c), container_bundle(c), container_spec(c));
}

/* --- what clients leave behind --- */

/* An operation on it was under way: it is looked at again. */
static void try_again(struct proxy *proxy, const char *id)
{
	struct err gone = ERR_INIT;
	const struct container *c = tasks_find(proxy->tasks, id, &gone);

	if (c)
		bundles_watch(proxy->bundles, id, container_bundle(c));
}

static void on_forgotten(void *arg, const char *id, const struct err *err)
{
	struct proxy *proxy = arg;
	bool last = sandbox_n_containers(tasks_sandbox(proxy->tasks)) == 0;

	if (err) {
		log_warn("container not removed yet", "container", id, "reason", err->text);
		try_again(proxy, id);
		return;
	}
	if (last && strcmp(id, proxy->args->sandbox) == 0)
		proxy->deserted = true;
	else
		remove_mapping(proxy, id);
	if (last)
		tasks_down(proxy->tasks);
}

/*
 * A manager that has removed it will not ask for the container again. A bundle made by hand is its
 * maker's, who may have no more use for it: what runs goes on to its end.
 */
static void on_bundle_gone(void *arg, const char *id)
{
	struct proxy *proxy = arg;
	struct err gone = ERR_INIT;
	const struct container *c = tasks_find(proxy->tasks, id, &gone);
	bool kill;

	if (!c)
		return;
	kill = manager_made(container_bundle(c), container_spec(c));
	log_warn(kill ? "bundle was removed, so nobody will ask for the container: removing it"
		      : "bundle was removed: the container goes when it has ended",
		 "container", id);
	tasks_forget(proxy->tasks, id, kill, on_forgotten, proxy);
}

static void on_created(void *arg, const char *id, const char *bundle)
{
	struct proxy *proxy = arg;

	bundles_watch(proxy->bundles, id, bundle);
}

/* Without a stand-in there is no pid by which anybody knows the container. */
static bool has_stand_in(const struct proxy *proxy)
{
	struct err gone = ERR_INIT;
	const struct container *c = tasks_find(proxy->tasks, proxy->args->sandbox, &gone);

	return c && process_attached(container_init(c));
}

static void on_creator_ended(evutil_socket_t fd, short what, void *arg)
{
	struct proxy *proxy = arg;

	(void)fd, (void)what;
	event_free(take_ptr(&proxy->creator));
	if (has_stand_in(proxy))
		return;
	log_warn("who made the container has ended before it was done, ending");
	proxy->deserted = true;
	tasks_down(proxy->tasks);
}

static void watch_creator(struct proxy *proxy)
{
	if (proxy->args->creator_fd < 0)
		return;
	proxy->creator =
		event_new(supervise_base(proxy->supervise), proxy->args->creator_fd, EV_READ, on_creator_ended, proxy);
	event_add(proxy->creator, NULL);
}

static const struct supervise_front front = {
	.configure = configure,
	.created = on_created,
	.oom = on_oom,
	.idle = on_idle,
	.down = on_down,
	.ends_stillborn = true,
};

/* --- life --- */

static struct monitor *open_monitor(const struct proxy *proxy)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, proxy->args->sandbox);
	struct err err = ERR_INIT;
	struct monitor *monitor =
		monitor_listen(supervise_base(proxy->supervise), proxy->tasks, dir, &err);

	if (!monitor)
		log_warn("no management socket", "reason", err.text);
	return monitor;
}

static int run(const struct args *args, int listen_fd, struct err *err)
{
	struct proxy proxy = { .args = args };
	int r;

	proxy.supervise = supervise_new(args->sandbox, &front, &proxy);
	proxy.tasks = supervise_tasks(proxy.supervise);
	proxy.manager = manager_new(supervise_base(proxy.supervise), args->events);
	proxy.bundles = bundles_new(supervise_base(proxy.supervise), on_bundle_gone, &proxy);
	proxy.monitor = open_monitor(&proxy);
	watch_creator(&proxy);
	r = supervise_run(proxy.supervise, listen_fd,
			  (const struct ttrpc_service[]){
				  tasks_service(proxy.tasks),
				  supervisor_service(proxy.tasks),
				  pass_agent_service(proxy.tasks),
				  pass_health_service(proxy.tasks),
			  },
			  4, err);
	monitor_free(proxy.monitor);
	manager_free(proxy.manager);
	bundles_free(proxy.bundles);
	if (proxy.creator)
		event_free(proxy.creator);
	supervise_free(proxy.supervise);
	return r;
}

/* --- arguments: one dash, as Kata 1.x has them; two are fine --- */

static int parse_flag(struct args *args, const char *name, const char *value, struct err *err)
{
	unsigned long long number;

	if (strcmp(name, "sandbox") == 0)
		args->sandbox = value;
	else if (strcmp(name, "config") == 0)
		args->config = value;
	else if (strcmp(name, "root") == 0)
		args->root = value;
	else if (strcmp(name, "log") == 0)
		args->log = value;
	else if (strcmp(name, "events-address") == 0)
		args->events = value;
	else if (strcmp(name, "listen-socket") == 0)
		args->socket = str_starts(value, "unix://") ? value + strlen("unix://") : value;
	else if (strcmp(name, "log-format") == 0 && strcmp(value, "json") == 0)
		args->log_format = LOG_FORMAT_JSON;
	else if (strcmp(name, "log-format") == 0 && strcmp(value, "text") == 0)
		args->log_format = LOG_FORMAT_TEXT;
	else if (strcmp(name, "listen-fd") == 0 && parse_u64(value, 1023, &number))
		args->listen_fd = (int)number;
	else if (strcmp(name, "creator-fd") == 0 && parse_u64(value, 1023, &number))
		args->creator_fd = (int)number;
	else
		return err_set(err, ERR_INVALID, "flag '-%s %s' is not known", name, value);
	return 0;
}

static int parse_args(int argc, char **argv, struct args *args, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + (str_starts(argv[i], "--") ? 2 : 1);

		if (argv[i][0] != '-')
			return err_set(err, ERR_INVALID, "argument '%s' is not known", argv[i]);
		if (strcmp(name, "debug") == 0) {
			args->debug = true;
		} else if (i + 1 == argc) {
			return err_set(err, ERR_INVALID, "flag '%s' wants a value, or is not known",
				       argv[i]);
		} else if (parse_flag(args, name, argv[++i], err) < 0) {
			return -1;
		}
	}
	if (!args->sandbox || !args->config)
		return err_set(err, ERR_INVALID, "flags '-sandbox' and '-config' are required");
	if ((args->listen_fd < 0) == !args->socket)
		return err_set(err, ERR_INVALID,
			       "one of '-listen-fd' and '-listen-socket' is required");
	return 0;
}

static int open_log(const struct args *args, struct err *err)
{
	int fd = STDERR_FILENO;

	if (args->log) {
		fd = open(args->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
		if (fd < 0)
			return err_sys(err, errno, "open log '%s'", args->log);
	}
	log_setup(fd, args->log_format, args->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		  "kata-proxy", "proxy");
	log_add_pair("sandbox", args->sandbox);
	return 0;
}

int main(int argc, char **argv)
{
	struct args args = { .listen_fd = -1, .creator_fd = -1 };
	struct err err = ERR_INIT;
	int fd, helper = kvm_probe_main(argc, argv);

	if (helper < 0)
		helper = scope_helper_main(argc, argv);
	if (helper >= 0)
		return helper;
	if (argc == 2 && strstr(argv[1], "-version")) {
		printf("kata-proxy version %s\n", KATA_VERSION);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	if (parse_args(argc, argv, &args, &err) == 0 && open_log(&args, &err) == 0) {
		fd = args.socket ? unix_listen(args.socket, &err) : args.listen_fd;
		if (fd >= 0 && run(&args, fd, &err) == 0)
			return 0;
	}
	fprintf(stderr, "kata-proxy: %s\n", err.text);
	return 1;
}
