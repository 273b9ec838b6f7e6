/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cmdline.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Each returns NULL, or why the value is no good. */
typedef const char *set_option(struct agent_options *o, const char *value);

static const char *set_bool(bool *ret, const char *value)
{
	static const char *const yes[] = { "", "1", "true", "yes", "on" };
	static const char *const no[] = { "0", "false", "no", "off" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strcmp(value, yes[i]) == 0) {
			*ret = true;
			return NULL;
		}
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (strcmp(value, no[i]) == 0) {
			*ret = false;
			return NULL;
		}
	return "is neither true nor false";
}

static const char *set_u32(uint32_t *ret, const char *value, uint32_t scale)
{
	unsigned long long n;

	if (!parse_u64(value, UINT32_MAX / scale, &n))
		return "is no number in range";
	*ret = (uint32_t)n * scale;
	return NULL;
}

static const char *set_log(struct agent_options *o, const char *value)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "trace", LOG_LEVEL_DEBUG },    { "debug", LOG_LEVEL_DEBUG },
		{ "info", LOG_LEVEL_INFO },      { "warn", LOG_LEVEL_WARN },
		{ "warning", LOG_LEVEL_WARN },   { "error", LOG_LEVEL_ERROR },
		{ "critical", LOG_LEVEL_ERROR }, { "fatal", LOG_LEVEL_ERROR },
		{ "panic", LOG_LEVEL_ERROR },
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(value, levels[i].name) == 0) {
			o->log_level = levels[i].level;
			return NULL;
		}
	return "is no log level";
}

static const char *set_server_addr(struct agent_options *o, const char *value)
{
	if (strlen(value) >= sizeof(o->server_addr))
		return "is too long";
	if (!str_starts(value, "vsock://") && !str_starts(value, "unix://"))
		return "is neither vsock:// nor unix://";
	snprintf(o->server_addr, sizeof(o->server_addr), "%s", value);
	return NULL;
}

static const char *set_debug_console(struct agent_options *o, const char *value)
{
	return set_bool(&o->debug_console, value);
}

static const char *set_debug_console_vport(struct agent_options *o, const char *value)
{
	return set_u32(&o->debug_console_vport, value, 1);
}

static const char *set_hotplug_timeout(struct agent_options *o, const char *value)
{
	return set_u32(&o->hotplug_timeout_ms, value, 1000);
}

static const char *set_launch_timeout(struct agent_options *o, const char *value)
{
	return set_u32(&o->launch_timeout_ms, value, 1000);
}

static const char *set_pipe_size(struct agent_options *o, const char *value)
{
	uint32_t size = o->container_pipe_size;
	const char *why = set_u32(&size, value, 1);

	if (why)
		return why;
	if (size > 1u << 20)
		return "is over 1048576 bytes";
	o->container_pipe_size = size;
	return NULL;
}

static const char *set_devmode(struct agent_options *o, const char *value)
{
	return set_bool(&o->devmode, value);
}

static const char *set_unified(struct agent_options *o, const char *value)
{
	bool unified = false;
	const char *why = set_bool(&unified, value);

	if (!why)
		o->cgroup_v1 = !unified;
	return why;
}

static const struct {
	const char *name;
	set_option *set;
} known[] = {
	{ "agent.container_pipe_size", set_pipe_size },
	{ "agent.debug_console", set_debug_console },
	{ "agent.debug_console_vport", set_debug_console_vport },
	{ "agent.devmode", set_devmode },
	{ "agent.hotplug_timeout", set_hotplug_timeout },
	{ "agent.launch_process_timeout", set_launch_timeout },
	{ "agent.log", set_log },
	{ "agent.server_addr", set_server_addr },
	{ "agent.unified_cgroup_hierarchy", set_unified },
	{ "systemd.unified_cgroup_hierarchy", set_unified },
};

/* Options of Kata's agents that this one has no use for, with the value that asks for nothing. */
static const struct {
	const char *name, *nothing;
} unbuilt[] = {
	{ "agent.cdh_api_timeout", "50" },
	{ "agent.cdi_timeout", "100" },
	{ "agent.config_file", "" },
	{ "agent.enable_signature_verification", "" },
	{ "agent.guest_components_procs", "none" },
	{ "agent.guest_components_rest_api", "resource" },
	{ "agent.https_proxy", "" },
	{ "agent.image_policy_file", "" },
	{ "agent.image_pull_timeout", "1200" },
	{ "agent.image_registry_auth", "" },
	{ "agent.log_vport", "0" },
	{ "agent.mem_agent_enable", "0" },
	{ "agent.no_proxy", "" },
	{ "agent.passfd_listener_port", "0" },
	{ "agent.secure_storage_integrity", "false" },
	{ "agent.trace", "false" },
	{ "agent.trace_mode", "" },
	{ "agent.trace_type", "" },
	{ "agent.use_vsock", "false" },
	{ "agent.visible_cdi_devices", "false" },
};

static void set_one(struct agent_options *o, const char *name, const char *value,
		    cmdline_complaint *complain, void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const char *why;

		if (strcmp(name, known[i].name) != 0)
			continue;
		why = known[i].set(o, value);
		if (why)
			complain(arg, name, value, why);
		return;
	}
	if (!str_starts(name, "agent."))
		return; /* the kernel's, or somebody else's */
	for (size_t i = 0; i < ARRAY_LEN(unbuilt); i++) {
		if (strcmp(name, unbuilt[i].name) != 0)
			continue;
		if (strcmp(value, unbuilt[i].nothing) != 0)
			complain(arg, name, value, "is known and not built");
		return;
	}
	complain(arg, name, value, "is unknown");
}

/* The next word of *at, unquoted in place; NULL at the end. */
static char *next_word(char **at)
{
	char *from = *at, *to, *word;
	bool quoted = false;

	while (isspace((unsigned char)*from))
		from++;
	if (!*from)
		return NULL;
	word = to = from;
	for (; *from && (quoted || !isspace((unsigned char)*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

void cmdline_parse(const char *text, struct agent_options *options, cmdline_complaint *complain,
		   void *arg)
{
	scoped_free char *copy = xstrndup(text, CMDLINE_MAX);
	char *at = copy;
	char *word;

	while ((word = next_word(&at))) {
		char *equals = strchr(word, '=');

		if (strcmp(word, "--") == 0)
			return; /* what follows is for init, not options */
		if (equals)
			*equals = '\0';
		set_one(options, word, equals ? equals + 1 : "", complain, arg);
	}
}
