/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - the supervisor itself
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/config/config.h"
#include "engine/engine.h"
#include "engine/persist/journal.h"
#include "engine/resource/netns.h"
#include "engine/sandbox_config.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/log/log.h"
#include "lib/oci/spec.h"
#include "management/monitor.h"
#include "shim/shim.h"
#include "task/publisher.h"
#include "task/supervise.h"

struct server {
	const struct shim_args *args;
	char *name, *socket;
	struct supervise *supervise;
	struct publisher *publisher;
	int log_fd;
};

/* --- the configuration --- */

/* Our processes live where the pod's network is. */
static int enter_netns(const struct config *config, const Grpc__Spec *spec, struct err *err)
{
	struct err why = ERR_INIT;
	scoped_fd int fd = netns_open(config, spec, &why);

	if (why.code != ERR_OK) {
		*err = why;
		return -1;
	}
	if (fd >= 0 && setns(fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter network namespace");
	return 0;
}

static void open_log(struct server *server, bool debug)
{
	log_setup(server->log_fd, LOG_FORMAT_TEXT, debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		  SHIM_NAME, "shim");
}

static struct config *configure(void *arg, const Grpc__Spec *spec, const char *config_path,
				struct err *err)
{
	struct server *server = arg;
	const struct config_find find = {
		.annotation = spec_annotation(spec, "io.katacontainers.config_path"),
		.option = config_path,
		.env = getenv("KATA_CONF_FILE"),
	};
	scoped(config_free_at) struct config *config = NULL;
	scoped_strv char **warnings = NULL;
	scoped_free char *path = NULL;

	if (config_find_file(&find, &path, err) < 0)
		return NULL;
	config = sandbox_config_load(path, spec, &warnings, err);
	if (!config)
		return NULL;
	if (config->runtime.enable_debug)
		open_log(server, true);
	for (size_t i = 0; i < strv_len(warnings); i++)
		log_warn(warnings[i]);
	if (enter_netns(config, spec, err) < 0)
		return NULL;
	return take_ptr(&config);
}

/* --- events --- */

static void on_publisher(void *arg, const char *topic, const struct err *why)
{
	(void)arg;
	if (!topic)
		log_warn("events wait for containerd", "reason", why->text);
	else if (why)
		log_warn("event dropped", "topic", topic, "reason", why->text);
	else
		log_debug("event", "topic", topic);
}

static void on_event(void *arg, const char *topic, const ProtobufCMessage *message)
{
	struct server *server = arg;

	publisher_send(server->publisher, server->args->namespace, topic, message);
}

static void on_down(void *arg, void (*done)(void *done_arg), void *done_arg)
{
	struct server *server = arg;

	(void)unlink(server->socket);
	publisher_flush(server->publisher, PUBLISHER_FLUSH_MS, done, done_arg);
}

static const struct supervise_front front = {
	.configure = configure,
	.event = on_event,
	.down = on_down,
};

/* --- life --- */

/* Opened for both ways, the FIFO is there before its reader and after it; a full one loses lines. */
static int open_log_fifo(const char *bundle)
{
	scoped_free char *path = xasprintf("%s/log", bundle);

	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

/* containerd asks for it where threads of different sandboxes are not to share a core. */
static void take_core_cookie(void)
{
	if (getenv("SCHED_CORE") &&
	    prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_PROCESS_GROUP, 0) < 0)
		log_warn("core scheduling not set", "reason", strerror(errno));
}

static int write_monitor_address(const struct server *server, const char *dir, struct err *err)
{
	scoped_free char *path = xasprintf("%s/monitor_address", server->args->bundle);
	scoped_free char *address = xasprintf("unix://%s/" MONITOR_SOCKET, dir);

	return file_replace(path, address, strlen(address), 0644, err);
}

/* NULL, and the log says why: the containers do not depend on it. */
static struct monitor *open_monitor(const struct server *server)
{
	scoped_free char *dir = xasprintf("%s/%s", RUN_SANDBOXES, server->name);
	struct err err = ERR_INIT;
	struct monitor *monitor = monitor_listen(supervise_base(server->supervise),
						 supervise_tasks(server->supervise), dir, &err);

	if (monitor && write_monitor_address(server, dir, &err) < 0) {
		monitor_free(monitor);
		monitor = NULL;
	}
	if (!monitor)
		log_warn("no management socket", "reason", err.text);
	return monitor;
}

static int run(struct server *server, struct err *err)
{
	struct ttrpc_service services[2];
	struct monitor *monitor;
	int r;

	server->supervise = supervise_new(server->name, &front, server);
	monitor = open_monitor(server);
	server->publisher = publisher_new(supervise_base(server->supervise),
					  getenv("TTRPC_ADDRESS"), on_publisher, server);
	tasks_carry_streams(supervise_tasks(server->supervise), server->args->namespace);
	tasks_run_hooks(supervise_tasks(server->supervise));
	services[0] = tasks_service(supervise_tasks(server->supervise));
	services[1] = tasks_service_v3(supervise_tasks(server->supervise));
	r = supervise_run(server->supervise, SHIM_LISTEN_FD, services, ARRAY_LEN(services), err);
	monitor_free(monitor);
	publisher_free(server->publisher);
	supervise_free(server->supervise);
	return r;
}

int shim_serve(const struct shim_args *args, struct err *err)
{
	struct server server = { .args = args, .log_fd = open_log_fifo(args->bundle) };
	struct stat st;
	int r;

	if (fstat(SHIM_LISTEN_FD, &st) < 0 || !S_ISSOCK(st.st_mode))
		return err_set(err, ERR_INVALID,
			       "descriptor %d is no socket: this is started by '" SHIM_NAME
			       " start', which containerd runs",
			       SHIM_LISTEN_FD);
	/* It was executed by a link of the kernel's, whose name it would have. */
	(void)prctl(PR_SET_NAME, SHIM_NAME);
	open_log(&server, args->debug);
	log_add_pair("sandbox", args->id);
	take_core_cookie();
	server.name = shim_sandbox_name(args->namespace, args->id);
	server.socket = args->socket[0]
				? xstrdup(args->socket)
				: shim_socket_path(args->address, args->namespace, args->id);
	r = run(&server, err);
	if (r < 0)
		log_error("serve", "reason", err->text);
	free(server.name);
	free(server.socket);
	close_fd(&server.log_fd);
	return r;
}
