/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_network.c - kata-network: the pod's network as the VM has it
 *
 * The five subcommands of Kata 1.x, and `show`, for whoever must find where packets stop.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/management.h"
#include "cli/opts.h"
#include "engine/persist/mapping.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

struct action {
	const char *name;
	const char *method, *path;
	bool takes_file;
};

static const struct action actions[] = {
	{ "add-iface", "PUT", "/network/interfaces", true },
	{ "del-iface", "DELETE", "/network/interfaces", true },
	{ "list-ifaces", "GET", "/network/interfaces", false },
	{ "update-routes", "PUT", "/network/routes", true },
	{ "list-routes", "GET", "/network/routes", false },
	{ "show", "GET", "/network", false },
};

/* --- show: a table, and the way of the packets --- */

static const char *text_of(json_object *obj, const char *key)
{
	json_object *value = NULL;

	return json_object_object_get_ex(obj, key, &value) ? json_object_get_string(value) : "";
}

static bool flag_of(json_object *obj, const char *key)
{
	json_object *value = NULL;

	return json_object_object_get_ex(obj, key, &value) && json_object_get_boolean(value);
}

static unsigned long long number_of(json_object *obj, const char *key)
{
	json_object *value = NULL;

	return json_object_object_get_ex(obj, key, &value) ? json_object_get_uint64(value) : 0;
}

static void print_counters(json_object *link, const char *where, bool is_tap)
{
	/* What the guest sends is received on the tap, and sent on the pod's interface. */
	const char *in = is_tap ? "from the guest" : "from outside";
	const char *out = is_tap ? "to the guest" : "to outside";

	printf("  %-16s %-4s %-14s %12llu bytes %9llu packets %6llu dropped %6llu errors\n", where,
	       flag_of(link, "up") && flag_of(link, "carrier") ? "up" : "down", in,
	       number_of(link, "rxBytes"), number_of(link, "rxPackets"),
	       number_of(link, "rxDropped"), number_of(link, "rxErrors"));
	printf("  %-16s %-4s %-14s %12llu bytes %9llu packets %6llu dropped %6llu errors\n", "", "",
	       out, number_of(link, "txBytes"), number_of(link, "txPackets"),
	       number_of(link, "txDropped"), number_of(link, "txErrors"));
}

static void print_interface(json_object *i)
{
	json_object *addresses = NULL, *link = NULL, *tap = NULL;

	printf("%s: %s, model %s, %s, mtu %llu", text_of(i, "name"), text_of(i, "type"),
	       text_of(i, "model"), text_of(i, "hwAddr"), number_of(i, "mtu"));
	(void)json_object_object_get_ex(i, "addresses", &addresses);
	for (size_t k = 0; addresses && k < json_object_array_length(addresses); k++)
		printf("%s %s", k ? "" : ",",
		       json_object_get_string(json_object_array_get_idx(addresses, k)));
	printf("\n  device %s at %s, %llu queue%s, vhost %s: %s, %s\n", text_of(i, "device"),
	       text_of(i, "devicePath"), number_of(i, "queues"),
	       number_of(i, "queues") == 1 ? "" : "s", flag_of(i, "vhost") ? "on" : "off",
	       flag_of(i, "plugged") ? (flag_of(i, "carrier") ? "plugged" : "plugged, no carrier")
				     : "not plugged",
	       flag_of(i, "guestConfigured") ? "configured in the guest"
					     : "not configured in the guest");
	if (json_object_object_get_ex(i, "link", &link))
		print_counters(link, text_of(link, "name"), false);
	if (json_object_object_get_ex(i, "tap", &tap))
		print_counters(tap, text_of(tap, "name"), true);
}

static int print_network(const char *text, struct err *err)
{
	json_object *root = json_tokener_parse(text), *list = NULL;

	if (!root || !json_object_object_get_ex(root, "interfaces", &list)) {
		json_object_put(root);
		return err_set(err, ERR_INTERNAL, "the answer is not JSON");
	}
	printf("model: %s, interfaces: %zu\n", text_of(root, "model"),
	       json_object_array_length(list));
	for (size_t i = 0; i < json_object_array_length(list); i++)
		print_interface(json_object_array_get_idx(list, i));
	json_object_put(root);
	return 0;
}

/* --- the command --- */

/* A sandbox's id, or that of one of its containers. */
static int find_sandbox(const struct cli *cli, const char *id, char ret[static ID_MAX + 1],
			struct err *err)
{
	struct mapping m = { .bundle = NULL };

	if (id_check(id, err) < 0)
		return -1;
	if (management_exists(id)) {
		(void)snprintf(ret, ID_MAX + 1, "%s", id);
		return 0;
	}
	if (mapping_find(cli->root, id, &m, err) < 0)
		return -1;
	memcpy(ret, m.sid, sizeof(m.sid));
	mapping_done(&m);
	return 0;
}

static const struct action *find_action(const char *name, struct err *err)
{
	for (size_t i = 0; name && i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	if (name)
		(void)err_set(err, ERR_INVALID, "unknown subcommand '%s'", name);
	else
		(void)err_set(err, ERR_INVALID, "a subcommand is missing");
	return NULL;
}

static int run(const struct cli *cli, const struct action *action, const char *id, const char *file,
	       bool json, struct err *err)
{
	scoped_free char *body = file ? input_read(file, MANAGEMENT_BODY_MAX, err) : xstrdup("");
	scoped_free char *answer = NULL;
	char sid[ID_MAX + 1];
	size_t len;

	if (!body || find_sandbox(cli, id, sid, err) < 0)
		return -1;
	answer = management_send(sid, action->method, action->path, body, &len, err);
	if (!answer)
		return -1;
	if (strcmp(action->name, "show") == 0 && !json)
		return print_network(answer, err);
	(void)fwrite(answer, 1, len, stdout); /* main() looks whether it was written */
	return 0;
}

int cmd_network(const struct command *cmd, const struct cli *cli, int argc, char **argv,
		struct err *err)
{
	bool json = false;
	const struct opt opts[] = { { "json", 0, OPT_FLAG, &json, NULL, "of show: as JSON" } };
	const struct action *action;
	int first, n = 0;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0)
		return -1;
	action = find_action(argv[first], err);
	if (!action)
		return err_wrap(err, "kata-network");
	while (argv[first + 1 + n])
		n++;
	if (n < 1)
		return err_set(err, ERR_INVALID, "kata-network %s: Missing container ID",
			       action->name);
	if (n != 1 + action->takes_file)
		return err_set(err, ERR_INVALID, "kata-network %s: %s", action->name,
			       action->takes_file ? "an ID and a FILE (or -) are required"
						  : "one ID is required");
	if (run(cli, action, argv[first + 1], action->takes_file ? argv[first + 2] : NULL, json,
		err) < 0)
		return err_wrap(err, "kata-network %s", action->name);
	return 0;
}
