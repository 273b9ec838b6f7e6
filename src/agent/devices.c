/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/devices.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/cgroup/cgroup.h"

#define ANY (-1)

static char type_char[] = "c", type_block[] = "b";
static char may_make[] = "m", may_all[] = "rwm";

static const struct {
	char *type;
	int64_t major, minor;
	char *access;
} defaults[] = {
	{ type_char, ANY, ANY, may_make }, /* a node alone opens nothing */
	{ type_block, ANY, ANY, may_make }, { type_char, 1, 3, may_all }, /* null */
	{ type_char, 1, 5, may_all },                                     /* zero */
	{ type_char, 1, 7, may_all },                                     /* full */
	{ type_char, 1, 8, may_all },                                     /* random */
	{ type_char, 1, 9, may_all },                                     /* urandom */
	{ type_char, 5, 0, may_all },                                     /* tty */
	{ type_char, 5, 1, may_all },                                     /* console */
	{ type_char, 5, 2, may_all },                                     /* ptmx */
	{ type_char, 136, ANY, may_all },                                 /* pts */
};

static void set_rule(Grpc__LinuxDeviceCgroup *rule, char *type, int64_t major, int64_t minor,
		     char *access)
{
	grpc__linux_device_cgroup__init(rule);
	rule->allow = true;
	rule->type = type;
	rule->major = major;
	rule->minor = minor;
	rule->access = access;
}

/* A rule for every device is not followed, and who asked for it is to know. */
static int check_wildcard(const Grpc__LinuxDeviceCgroup *rule, struct err *err)
{
	if (strcmp(rule->access, "m") == 0)
		return 0; /* a node alone opens nothing, and may be made in any case */
	return err_set(err, ERR_UNIMPLEMENTED,
		       "device rule '%s *:* %s': it would cover the virtual machine's own devices; "
		       "name a major number", rule->type, rule->access);
}

static bool is_all_allowed(const Grpc__LinuxResources *res)
{
	for (size_t i = 0; res && i < res->n_devices; i++) {
		const Grpc__LinuxDeviceCgroup *rule = res->devices[i];

		if (rule->allow && (strcmp(rule->type, "a") == 0 || rule->type[0] == '\0'))
			return true;
	}
	return false;
}

static size_t plan_own(const Grpc__Linux *lx, Grpc__LinuxDeviceCgroup *out)
{
	size_t n = 0;

	for (size_t i = 0; i < lx->n_devices; i++) {
		const Grpc__LinuxDevice *d = lx->devices[i];

		/* "p", a FIFO, has no number; "u" is a character device */
		if (strcmp(d->type, "c") == 0 || strcmp(d->type, "u") == 0)
			set_rule(&out[n++], type_char, d->major, d->minor, may_all);
		else if (strcmp(d->type, "b") == 0)
			set_rule(&out[n++], type_block, d->major, d->minor, may_all);
	}
	return n;
}

int devices_plan(const Grpc__Linux *lx, Grpc__LinuxDeviceCgroup *out, struct err *err)
{
	size_t n_rules = lx->resources ? lx->resources->n_devices : 0;
	size_t n = 0;

	if (ARRAY_LEN(defaults) + lx->n_devices + n_rules > DEVICES_RULES_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d device rules", DEVICES_RULES_MAX);
	for (; n < ARRAY_LEN(defaults); n++)
		set_rule(&out[n], defaults[n].type, defaults[n].major, defaults[n].minor,
			 defaults[n].access);
	n += plan_own(lx, out + n);
	for (size_t i = 0; i < n_rules; i++) {
		const Grpc__LinuxDeviceCgroup *rule = lx->resources->devices[i];

		if (strcmp(rule->type, "c") != 0 && strcmp(rule->type, "b") != 0)
			continue; /* "a": everything at once */
		if (rule->allow && rule->major < 0) {
			if (!is_all_allowed(lx->resources) && check_wildcard(rule, err) < 0)
				return -1;
			continue;
		}
		out[n++] = *rule;
	}
	return (int)n;
}

static bool is_in_guest(const Grpc__LinuxDevice *d)
{
	char path[64];

	if (strcmp(d->type, "b") == 0)
		return false;
	if (strcmp(d->type, "c") != 0 && strcmp(d->type, "u") != 0)
		return true;
	(void)snprintf(path, sizeof(path), "/sys/dev/char/%lld:%lld", (long long)d->major,
		       (long long)d->minor);
	return access(path, F_OK) == 0;
}

int devices_settle(Grpc__Linux *lx, struct err *err)
{
	bool quiet = is_all_allowed(lx->resources);
	size_t n = 0;

	for (size_t i = 0; i < lx->n_devices && !quiet; i++)
		if (!is_in_guest(lx->devices[i]))
			return err_set(err, ERR_UNIMPLEMENTED,
				       "device '%s' (%s %lld:%lld): the virtual machine has no such device",
				       lx->devices[i]->path, lx->devices[i]->type,
				       (long long)lx->devices[i]->major,
				       (long long)lx->devices[i]->minor);
	for (size_t i = 0; i < lx->n_devices; i++) {
		if (is_in_guest(lx->devices[i]))
			lx->devices[n++] = lx->devices[i];
		else
			protobuf_c_message_free_unpacked(&lx->devices[i]->base, NULL);
	}
	lx->n_devices = n;
	return 0;
}

int devices_apply(struct cgroup *cg, const Grpc__Linux *lx, struct err *err)
{
	scoped_free Grpc__LinuxDeviceCgroup *rules = xcalloc(DEVICES_RULES_MAX, sizeof(*rules));
	scoped_free Grpc__LinuxDeviceCgroup **list = xcalloc(DEVICES_RULES_MAX, sizeof(*list));
	int n = devices_plan(lx, rules, err);

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		list[i] = &rules[i];
	return cgroup_set_devices(cg, list, (size_t)n, err);
}
