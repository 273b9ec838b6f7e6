/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - kata-agent
 *
 *	/init                     process 1 of an initrd: makes the guest, ends with power-off
 *	kata-agent                a service of a guest that has an init of its own
 *	KATA_AGENT_SERVER_ADDR=unix://... kata-agent      alone, for tests
 *
 * Order of a start as process 1, each as early as it can be: what /proc needs, the
 * console, the modules of the devices, the channel. Everything that a first answer does
 * not need comes after the channel is open.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "agent/console.h"
#include "agent/init.h"
#include "agent/modules.h"
#include "agent/network.h"
#include "agent/reaper.h"
#include "agent/resolver.h"
#include "agent/sandbox.h"
#include "agent/service.h"
#include "agent/uevent.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/log/log.h"
#include "lib/ttrpc/server.h"

/*
 * Buffers of requests and replies go back to the kernel when they are freed: the agent's
 * memory is the container's loss.
 */
#define MMAP_FROM     (64 << 10) /* bytes */
#define TRIM_FROM     (64 << 10)
#define OOM_SCORE_ADJ "-997" /* as kata-agent.service */
#define FLUSH_MS      2000   /* last replies on their way out */

static struct event flush_deadline;

static struct {
	uint64_t entered_ns; /* main() */
	uint64_t modules_ns; /* the last module was loaded */
} times;

static void complain(void *arg, const char *name, const char *value, const char *why)
{
	(void)arg;
	log_warn("option passed over", "option", name, "value", value, "reason", why);
}

static void keep_quiet(void *arg, const char *name, const char *value, const char *why)
{
	(void)arg;
	(void)name;
	(void)value;
	(void)why;
}

static void read_options(struct agent *agent, cmdline_complaint *tell)
{
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	const char *address = getenv("KATA_AGENT_SERVER_ADDR");
	const char *level = getenv("KATA_AGENT_LOG_LEVEL");

	agent->options = AGENT_OPTIONS_INIT;
	if (file_read("/proc/cmdline", CMDLINE_MAX, &text, NULL, &err) < 0)
		log_warn("kernel command line not read, going on", "reason", err.text);
	else
		cmdline_parse(text, &agent->options, tell, NULL);
	if (address) {
		char word[CMDLINE_ADDRESS_MAX + 32];

		snprintf(word, sizeof(word), "agent.server_addr=%s", address);
		cmdline_parse(word, &agent->options, tell, NULL);
	}
	if (level) {
		char word[64];

		snprintf(word, sizeof(word), "agent.log=%s", level);
		cmdline_parse(word, &agent->options, tell, NULL);
	}
}

/*
 * Again when the options are known, and until there is a console: one on a virtio port
 * exists only when the device has introduced its ports, the channel's after the console's.
 */
static void set_up_log(const struct agent *agent)
{
	static int fd = -1;

	if (fd < 0)
		fd = agent->is_init ? init_console() : STDOUT_FILENO;
	log_setup(fd, LOG_FORMAT_AGENT, agent->options.log_level, "kata-agent", "agent");
}

static void protect_process(const struct agent *agent)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct err err = ERR_INIT;

	mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
	signal(SIGPIPE, SIG_IGN);
	if (agent->is_init) {
		/* A console with a person at it must not end the VM. */
		signal(SIGINT, SIG_IGN);
		signal(SIGQUIT, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		signal(SIGTSTP, SIG_IGN);
	}
	if (file_poke("/proc/self/oom_score_adj", OOM_SCORE_ADJ, &err) < 0)
		log_warn("not protected from the OOM killer, going on", "reason", err.text);
	if (agent->options.devmode)
		(void)setrlimit(RLIMIT_CORE, &unlimited); /* a wish */
}

static void load_modules(struct agent *agent)
{
	struct err err = ERR_INIT;

	agent->modules = modules_open(&err);
	if (!agent->modules) {
		if (err.code != ERR_NOT_FOUND)
			log_error("list of kernel modules not read", "reason", err.text);
		return;
	}
	if (agent->is_init && modules_load_devices(agent->modules, &err) < 0)
		log_warn("kernel module not loaded, going on", "reason", err.text);
	times.modules_ns = clock_mono_ns();
}

static void on_flushed(void *arg)
{
	struct agent *agent = arg;

	event_base_loopbreak(agent->base);
}

static void on_flush_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_warn("last answers not read, ending");
	on_flushed(arg);
}

void agent_stop(struct agent *agent)
{
	const struct timeval limit = { .tv_sec = FLUSH_MS / 1000 };

	if (event_pending(&flush_deadline, EV_TIMEOUT, NULL))
		return;
	ttrpc_server_unlisten(agent->server);
	event_add(&flush_deadline, &limit);
	ttrpc_server_on_flushed(agent->server, on_flushed, agent);
}

static void on_term(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	log_info("asked to end");
	agent_stop(arg);
}

static void on_uevent(void *arg, const struct uevent *event)
{
	struct agent *agent = arg;
	struct err err = ERR_INIT;

	if (strcmp(event->action, "add") != 0 || !*event->modalias)
		return;
	if (modules_load_alias(agent->modules, event->modalias, &err) < 0)
		log_warn("kernel module not loaded, going on", "reason", err.text);
}

/* How long the start took, stage by stage, since the kernel's own start. */
static void log_serving(void)
{
	char entered[32], modules[32], now[32];

	snprintf(entered, sizeof(entered), "%llu",
		 (unsigned long long)(times.entered_ns / NS_PER_MS));
	snprintf(modules, sizeof(modules), "%llu",
		 (unsigned long long)(times.modules_ns / NS_PER_MS));
	snprintf(now, sizeof(now), "%llu", (unsigned long long)(clock_mono_ns() / NS_PER_MS));
	log_info("serving", "entered_ms", entered, "modules_ms", modules, "uptime_ms", now);
}

static void open_debug_console(struct agent *agent)
{
	struct err err = ERR_INIT;

	agent->console = console_new(agent, &err);
	if (!agent->console)
		log_error("debug console not opened", "reason", err.text);
}

static void on_channel(void *arg, const struct err *err)
{
	struct agent *agent = arg;

	set_up_log(agent);
	if (agent->is_init)
		read_options(agent, complain); /* there was nowhere to complain to */
	if (err) {
		log_error("channel not opened", "reason", err->text);
		agent_stop(agent);
		return;
	}
	log_serving();
	if (agent->options.debug_console && !agent->console)
		open_debug_console(agent);
}

static int run(struct agent *agent, struct err *err)
{
	struct uevent_watch hotplug = { .fn = on_uevent, .arg = agent };
	struct event term;
	size_t n_services;
	const struct ttrpc_service *services = agent_services(agent, &n_services);

	agent->base = event_base_new();
	if (!agent->base)
		return err_set(err, ERR_INTERNAL, "make event loop");
	event_assign(&flush_deadline, agent->base, -1, 0, on_flush_deadline, agent);
	event_assign(&term, agent->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_term, agent);
	event_add(&term, NULL);
	agent->reaper = reaper_new(agent->base);
	agent->uevents = uevents_new(agent->base, err);
	if (!agent->uevents) {
		log_warn("no kernel events, going on", "reason", err->text);
		*err = ERR_INIT;
	} else if (agent->modules) {
		uevents_add(agent->uevents, &hotplug);
	}
	agent->network = network_new(err);
	if (!agent->network) {
		log_warn("no rtnetlink, going on", "reason", err->text);
		*err = ERR_INIT;
	}
	agent->sandbox = sandbox_new(agent);
	/* Tests run it outside of a guest, where the kernel is the machine's. */
	agent->resolver = resolver_new(agent->base, !str_starts(agent->options.server_addr, "unix://"));
	agent->server = ttrpc_server_new(agent->base, services, n_services);
	agent->channel = channel_open(agent->base, agent->server, agent->uevents,
				      agent->options.server_addr, on_channel, agent);
	event_base_dispatch(agent->base);
	ttrpc_server_free(agent->server); /* first: it cancels what waits in the others */
	resolver_free(agent->resolver);
	sandbox_free(agent->sandbox);
	network_free(agent->network);
	console_free(agent->console);
	channel_free(agent->channel);
	uevents_free(agent->uevents);
	reaper_free(agent->reaper);
	event_del(&term);
	event_base_free(agent->base);
	return 0;
}

/* Before there is a console, the kernel's log is the only place that somebody may see. */
static void tell_kernel(const struct err *err)
{
	scoped_free char *line = xasprintf("<2>kata-agent: guest not set up: %s\n", err->text);
	scoped_fd int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		(void)!write(fd, line, strlen(line));
}

static int begin_init(struct agent *agent, struct err *err)
{
	int r = init_mounts(err);

	read_options(agent, keep_quiet);
	load_modules(agent);
	set_up_log(agent);
	if (r < 0 || init_cgroups(agent->options.cgroup_v1, err) < 0)
		return -1;
	init_settings();
	return 0;
}

int main(int argc, char **argv)
{
	struct agent agent = { .options = AGENT_OPTIONS_INIT, .is_init = getpid() == 1 };
	struct err err = ERR_INIT;

	times.entered_ns = clock_mono_ns();
	if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)) {
		printf("kata-agent version %s\n", KATA_VERSION);
		return 0;
	}
	if (argc > 1 && !agent.is_init) { /* the kernel hands process 1 words it does not know */
		fprintf(stderr,
			"kata-agent: no option '%s'; options are on the kernel command line\n",
			argv[1]);
		return 2;
	}
	/* Process 1 of the tests' pid namespace is told by its address that it is none. */
	if (getenv("KATA_AGENT_SERVER_ADDR"))
		agent.is_init = false;
	if (agent.is_init) {
		if (begin_init(&agent, &err) < 0) {
			log_error("guest not set up", "reason", err.text);
			tell_kernel(&err);
		}
	} else {
		set_up_log(&agent);
		read_options(&agent, complain);
		set_up_log(&agent);
		load_modules(&agent);
	}
	protect_process(&agent);
	if (err.code == ERR_OK && run(&agent, &err) < 0)
		log_error("agent not started", "reason", err.text);
	modules_free(agent.modules);
	if (agent.is_init)
		init_power_off();
	return err.code == ERR_OK ? 0 : 1;
}
