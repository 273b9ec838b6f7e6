/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cgroup/systemd.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define UNIT_NAME_MAX 255 /* systemd's UNIT_NAME_MAX */
#define US_PER_MS     1000ull

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT  "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

/* --- names --- */

static bool is_name(const char *s, size_t len)
{
	static const char others[] = ":-_.\\@";

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    !strchr(others, c))
			return false;
	}
	return true;
}

/* "a-b.slice" lies in "a.slice": each dash is one level. */
static int add_slice_path(struct str *path, const char *slice, struct err *err)
{
	size_t len = strlen(slice) - strlen(".slice");

	if (strcmp(slice, "-.slice") == 0)
		return 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && slice[i] != '-')
			continue;
		if (i == 0 || slice[i - 1] == '-')
			return err_set(err, ERR_INVALID, "use slice '%s': empty part in its name", slice);
		str_addf(path, "/%.*s.slice", (int)i, slice);
	}
	return 0;
}

static char *unit_name(const char *prefix, size_t prefix_len, const char *name)
{
	if (str_ends(name, ".slice"))
		return xstrdup(name);
	return xasprintf("%.*s%s%s.scope", (int)prefix_len, prefix, prefix_len ? "-" : "", name);
}

int systemd_unit_parse(const char *text, struct systemd_unit *ret, struct err *err)
{
	const char *prefix = strchr(text, ':');
	const char *name = prefix ? strchr(prefix + 1, ':') : NULL;
	struct systemd_unit unit = { 0 };
	struct str path = { .max = 4096 };
	size_t slice_len;

	if (!name || !name[1] || strchr(name + 1, ':'))
		return err_set(err, ERR_INVALID, "use cgroup path '%.100s': not 'slice:prefix:name'", text);
	slice_len = (size_t)(prefix - text);
	if (!is_name(text, strlen(text)))
		return err_set(err, ERR_INVALID, "use cgroup path '%.100s': not a unit's name", text);
	unit.slice = slice_len ? xstrndup(text, slice_len) : xstrdup("system.slice");
	unit.name = unit_name(prefix + 1, (size_t)(name - prefix - 1), name + 1);
	if (!str_ends(unit.slice, ".slice") || strlen(unit.name) > UNIT_NAME_MAX ||
	    slice_len > UNIT_NAME_MAX) {
		err_set(err, ERR_INVALID, "use cgroup path '%.100s': '%.60s' is no slice, or too long",
			text, unit.slice);
		systemd_unit_done(&unit);
		return -1;
	}
	if (add_slice_path(&path, unit.slice, err) < 0) {
		str_done(&path);
		systemd_unit_done(&unit);
		return -1;
	}
	str_addf(&path, "/%s", unit.name);
	unit.path = str_take(&path);
	*ret = unit;
	return 0;
}

void systemd_unit_done(struct systemd_unit *unit)
{
	free(unit->slice);
	free(unit->name);
	free(unit->path);
	*unit = (struct systemd_unit){ 0 };
}

/* --- libsystemd, as far as it is used; from sd-bus(3) --- */

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;
typedef struct sd_bus_slot sd_bus_slot;
typedef struct {
	const char *name;
	const char *message;
	int need_free;
} sd_bus_error;
typedef int sd_bus_handler(sd_bus_message *m, void *arg, sd_bus_error *error);

static struct {
	int (*open_system)(sd_bus **ret);
	sd_bus *(*flush_close_unref)(sd_bus *bus);
	int (*match_signal)(sd_bus *bus, sd_bus_slot **ret, const char *sender, const char *path,
			    const char *interface, const char *member, sd_bus_handler *fn, void *arg);
	int (*new_call)(sd_bus *bus, sd_bus_message **ret, const char *destination, const char *path,
			const char *interface, const char *member);
	int (*append)(sd_bus_message *m, const char *types, ...);
	int (*read)(sd_bus_message *m, const char *types, ...);
	sd_bus_message *(*unref)(sd_bus_message *m);
	int (*call)(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *error,
		    sd_bus_message **reply);
	int (*process)(sd_bus *bus, sd_bus_message **ret);
	int (*wait)(sd_bus *bus, uint64_t usec);
	void (*error_free)(sd_bus_error *error);
} sd;

static int load(struct err *err)
{
	const struct {
		const char *name;
		void *to;
	} symbols[] = {
		{ "sd_bus_open_system", &sd.open_system },
		{ "sd_bus_flush_close_unref", &sd.flush_close_unref },
		{ "sd_bus_match_signal", &sd.match_signal },
		{ "sd_bus_message_new_method_call", &sd.new_call },
		{ "sd_bus_message_append", &sd.append },
		{ "sd_bus_message_read", &sd.read },
		{ "sd_bus_message_unref", &sd.unref },
		{ "sd_bus_call", &sd.call },
		{ "sd_bus_process", &sd.process },
		{ "sd_bus_wait", &sd.wait },
		{ "sd_bus_error_free", &sd.error_free },
	};
	void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(err, ERR_UNIMPLEMENTED, "load 'libsystemd.so.0': %s", dlerror());
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return err_set(err, ERR_UNIMPLEMENTED, "find '%s' in 'libsystemd.so.0': %s",
				       symbols[i].name, dlerror());
		memcpy(symbols[i].to, &symbol, sizeof(symbol)); /* the form that ISO C has for it */
	}
	return 0;
}

/* --- the scope --- */

struct job {
	const char *unit;
	bool done;
	char result[32]; /* "done", "failed", "timeout", ... */
};

static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct job *job = arg;
	uint32_t id;
	const char *object, *unit, *result;

	(void)error;
	if (sd.read(m, "uoss", &id, &object, &unit, &result) < 0)
		return 0;
	if (strcmp(unit, job->unit) == 0) {
		job->done = true;
		snprintf(job->result, sizeof(job->result), "%s", result);
	}
	return 0;
}

static int call(sd_bus *bus, sd_bus_message *m, const char *what, struct err *err)
{
	sd_bus_error error = { 0 };
	sd_bus_message *reply = NULL;
	int r = sd.call(bus, m, SYSTEMD_TIMEOUT_MS * US_PER_MS, &error, &reply);

	if (r < 0)
		err_set(err, ERR_UNAVAILABLE, "%s: systemd says: %s", what,
			error.message ? error.message : strerrordesc_np(-r));
	sd.error_free(&error);
	sd.unref(reply);
	return r < 0 ? -1 : 0;
}

/* Without it the system bus passes no signal of systemd's on to us. */
static int subscribe(sd_bus *bus, struct err *err)
{
	sd_bus_message *m = NULL;
	int r = sd.new_call(bus, &m, SERVICE, OBJECT, MANAGER, "Subscribe");

	r = r < 0 ? err_sys(err, -r, "compose 'Subscribe'") :
		    call(bus, m, "subscribe to systemd", err);
	sd.unref(m);
	return r;
}

static int start_unit(sd_bus *bus, const struct systemd_unit *unit, pid_t pid, struct err *err)
{
	scoped_free char *description = xasprintf("kata container %s", unit->name);
	scoped_free char *what = xasprintf("start unit '%s'", unit->name);
	sd_bus_message *m = NULL;
	int r = sd.new_call(bus, &m, SERVICE, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0) /* ... mode, properties, no auxiliary units */
		r = sd.append(m, "ssa(sv)a(sa(sv))", unit->name, "replace", 5,
			      "Description", "s", description,
			      "Slice", "s", unit->slice,
			      "Delegate", "b", 1, /* the group is ours to divide */
			      "DefaultDependencies", "b", 0,
			      "PIDs", "au", 1, (uint32_t)pid, 0);
	r = r < 0 ? err_sys(err, -r, "compose 'StartTransientUnit'") : call(bus, m, what, err);
	sd.unref(m);
	return r;
}

static int wait_for_job(sd_bus *bus, const struct job *job, struct err *err)
{
	uint64_t deadline = clock_mono_ns() + SYSTEMD_TIMEOUT_MS * NS_PER_MS;

	while (!job->done) {
		uint64_t now = clock_mono_ns();
		int r = sd.process(bus, NULL);

		if (r == 0 && now >= deadline)
			return err_set(err, ERR_TIMEOUT, "wait for systemd to start unit '%s'", job->unit);
		if (r == 0)
			r = sd.wait(bus, (deadline - now) / 1000);
		if (r < 0)
			return err_sys(err, -r, "wait for systemd to start unit '%s'", job->unit);
	}
	if (strcmp(job->result, "done") != 0)
		return err_set(err, ERR_UNAVAILABLE, "start unit '%s': its job ended as '%s'", job->unit,
			       job->result);
	return 0;
}

static int start_scope(const struct systemd_unit *unit, pid_t pid, struct err *err)
{
	struct job job = { .unit = unit->name };
	sd_bus *bus = NULL;
	int r;

	if (load(err) < 0)
		return -1;
	r = sd.open_system(&bus);
	if (r < 0) {
		err_sys(err, -r, "connect to the system bus");
		err->code = ERR_UNAVAILABLE;
		return -1;
	}
	/* Listening comes before starting, or the job may be over before anyone looks. */
	r = sd.match_signal(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_job_removed, &job);
	if (r < 0)
		r = err_sys(err, -r, "listen to systemd");
	else if (subscribe(bus, err) < 0 || start_unit(bus, unit, pid, err) < 0 ||
		 wait_for_job(bus, &job, err) < 0)
		r = -1;
	sd.flush_close_unref(bus);
	return r < 0 ? -1 : 0;
}

struct cgroup *cgroup_create_systemd(const char *slice_prefix_name, pid_t pid, struct err *err)
{
	struct systemd_unit unit;
	struct cgroup *cg = NULL;

	if (systemd_unit_parse(slice_prefix_name, &unit, err) < 0)
		return NULL;
	if (start_scope(&unit, pid, err) == 0)
		cg = cgroup_create(unit.path, err);
	if (cg && cgroup_add_pid(cg, pid, err) < 0) {
		cgroup_free(cg);
		cg = NULL;
	}
	systemd_unit_done(&unit);
	return cg;
}
