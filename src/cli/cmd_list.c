/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_list.c - every container under --root
 *
 * Formats: runc's table, JSON array and ids; --kata-all adds what Kata 1.x adds
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/oci_state.h"
#include "cli/opts.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/spec.h"

#define LIST_ASK_MS   1000
#define COLUMNS       9
#define COLUMNS_PLAIN 6
#define COLUMN_MIN    12
#define COLUMN_GAP    3

struct row {
	char *cell[COLUMNS];
};

static const char *const titles[COLUMNS] = { "ID",    "PID",        "STATUS", "BUNDLE", "CREATED",
					     "OWNER", "HYPERVISOR", "KERNEL", "IMAGE" };

/* Of our own time zone's making nothing is needed: UTC, as runc has it. */
static char *created_text(const struct oci_state *s)
{
	char buf[CLOCK_TEXT_MAX];

	clock_format(s->created_at_ns, buf);
	return xstrdup(buf);
}

/* Local files only: an id without a name is shown as "#1000", as runc does. */
static char *owner_text(const struct oci_state *s)
{
	if (s->map.owner == 0)
		return xstrdup("root");
	return xasprintf("#%u", s->map.owner);
}

static struct row make_row(const struct oci_state *s)
{
	return (struct row){ .cell = { xstrdup(s->map.cid), xasprintf("%u", s->pid),
				       xstrdup(s->status), xstrdup(s->bundle), created_text(s),
				       owner_text(s), xstrdup(s->hypervisor), xstrdup(s->kernel),
				       xstrdup(s->image) } };
}

static void print_line(char *const *cells, const size_t *widths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%-*s", i + 1 < n ? (int)widths[i] : 0, cells[i]);
	printf("\n");
}

static void print_table(const struct oci_state *list, size_t n, bool all)
{
	struct row *rows = xcalloc(n + 1, sizeof(*rows));
	size_t widths[COLUMNS], columns = all ? COLUMNS : COLUMNS_PLAIN;

	for (size_t i = 0; i < n; i++)
		rows[i] = make_row(&list[i]);
	for (size_t c = 0; c < columns; c++) {
		widths[c] = strlen(titles[c]);
		for (size_t i = 0; i < n; i++)
			widths[c] = MAX(widths[c], strlen(rows[i].cell[c]));
		widths[c] = MAX(widths[c] + COLUMN_GAP, (size_t)COLUMN_MIN);
	}
	print_line((char **)(uintptr_t)titles, widths, columns);
	for (size_t i = 0; i < n; i++) {
		print_line(rows[i].cell, widths, columns);
		for (size_t c = 0; c < COLUMNS; c++)
			free(rows[i].cell[c]);
	}
	free(rows);
}

static struct json_object *asset(const char *path)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "path", json_object_new_string(path));
	return o;
}

static struct json_object *assets(const struct oci_state *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "hypervisorAsset", asset(s->hypervisor));
	json_object_object_add(o, "imageAsset", asset(s->image));
	json_object_object_add(o, "kernelAsset", asset(s->kernel));
	return o;
}

static struct json_object *json_row(const struct oci_state *s, bool all)
{
	struct json_object *o = json_object_new_object();
	scoped_free char *created = created_text(s);
	scoped_free char *owner = owner_text(s);

	json_object_object_add(o, "ociVersion", json_object_new_string(OCI_VERSION));
	json_object_object_add(o, "id", json_object_new_string(s->map.cid));
	json_object_object_add(o, "pid", json_object_new_int64(s->pid));
	json_object_object_add(o, "status", json_object_new_string(s->status));
	json_object_object_add(o, "bundle", json_object_new_string(s->bundle));
	json_object_object_add(o, "rootfs", json_object_new_string(s->rootfs));
	json_object_object_add(o, "created", json_object_new_string(created));
	json_object_object_add(o, "owner", json_object_new_string(owner));
	if (all)
		json_object_object_add(o, "currentHypervisor", assets(s));
	return o;
}

static void print_json(const struct oci_state *list, size_t n, bool all)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_row(&list[i], all));
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
}

/* One that is removed meanwhile is left out. */
static size_t ask_all(const struct cli *cli, const struct mapping *maps, size_t n,
		      struct oci_state *list)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		struct err ignored = ERR_INIT;

		if (oci_state_get(cli, maps[i].cid, LIST_ASK_MS, true, &list[found], &ignored) == 0)
			found++;
	}
	return found;
}

int cmd_list(const struct command *cmd, const struct cli *cli, int argc, char **argv,
	     struct err *err)
{
	const char *format = "table";
	bool quiet = false, all = false;
	const struct opt opts[] = {
		{ "format", 'f', OPT_TEXT, &format, "table|json", "how (table)" },
		{ "quiet", 'q', OPT_FLAG, &quiet, NULL, "only the ids" },
		{ "kata-all", 'a', OPT_FLAG, &all, NULL, "with hypervisor, kernel and image" },
	};
	struct oci_state *list;
	struct mapping *maps;
	size_t n_maps, n;
	int first;

	if (opts_parse(cmd, opts, ARRAY_LEN(opts), false, argc, argv, &first, err) < 0)
		return -1;
	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
		return err_set(err, ERR_INVALID, "flag '--format': '%s' is not table or json",
			       format);
	if (mapping_list(cli->root, &maps, &n_maps, err) < 0)
		return -1;
	list = xcalloc(n_maps + 1, sizeof(*list));
	n = quiet ? 0 : ask_all(cli, maps, n_maps, list);
	for (size_t i = 0; quiet && i < n_maps; i++)
		puts(maps[i].cid);
	if (!quiet && strcmp(format, "json") == 0)
		print_json(list, n, all);
	else if (!quiet)
		print_table(list, n, all);
	for (size_t i = 0; i < n; i++)
		oci_state_done(&list[i]);
	free(list);
	mapping_list_free(maps, n_maps);
	return 0;
}
