/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - the configuration file and its drop-ins
 *
 * Every file is laid over what is there already. What has no effect is looked at once, after the
 * last file, so that a drop-in may take back what the file asks for.
 */
#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/config/config.h"
#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/report.h"
#include "engine/config/toml.h"
#include "engine/config/value.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct reading {
	struct config *config;
	const char *name; /* of the file */
	char ***warnings;
	struct err *err;
};

static struct config_value value_of(const struct toml_item *item, bool *ret_ok)
{
	struct config_value v = { 0 };

	*ret_ok = true;
	switch (item->type) {
	case TOML_BOOL:
		v = (struct config_value){ .type = CONFIG_BOOL, .b = item->b };
		break;
	case TOML_INT:
		if (item->i < 0)
			v = (struct config_value){ .type = CONFIG_FLOAT, .f = (double)item->i };
		else
			v = (struct config_value){ .type = CONFIG_UINT, .u = (uint64_t)item->i };
		break;
	case TOML_FLOAT:
		v = (struct config_value){ .type = CONFIG_FLOAT, .f = item->f };
		break;
	case TOML_STRING:
		v = (struct config_value){ .type = CONFIG_STRING, .s = item->s };
		break;
	case TOML_STRINGS:
		v = (struct config_value){ .type = CONFIG_LIST, .list = item->strings };
		break;
	case TOML_TABLE:
	case TOML_OTHER:
		*ret_ok = false;
		break;
	}
	return v;
}

/* [hypervisor] as the parent of [hypervisor.qemu]. */
static bool is_parent_table(const char *table)
{
	return config_is_choice("hypervisor,agent,proxy,shim", table);
}

static int on_section(struct reading *r, const struct toml_item *item)
{
	if (config_section_find(item->section) || is_parent_table(item->section))
		return 0;
	if (str_starts(item->section, "hypervisor."))
		return err_set(r->err, ERR_UNIMPLEMENTED,
			       "line %u: hypervisor '%s' is not supported, only 'qemu' is",
			       item->line, item->section + strlen("hypervisor."));
	warn_add(r->warnings, "configuration '%s': line %u: unknown section [%s]", r->name,
		 item->line, item->section);
	return 0;
}

static int on_item(void *arg, const struct toml_item *item)
{
	struct reading *r = arg;
	const char *section = config_section_find(item->section);
	const struct config_key *key = section ? config_key_find(section, item->key) : NULL;
	struct config_value v;
	bool ok;

	if (item->type == TOML_TABLE)
		return on_section(r, item);
	if (!key || key->annotation_only) {
		warn_add(r->warnings, "configuration '%s': line %u: unknown key '%s' in [%s]",
			 r->name, item->line, item->key, item->section);
		return 0;
	}
	v = value_of(item, &ok);
	if (!ok)
		return err_set(r->err, ERR_INVALID, "line %u: '%s' wants %s", item->line, key->name,
			       config_type_words(key->type));
	if (config_set(r->config, key, &v, r->err) < 0)
		return err_wrap(r->err, "line %u", item->line);
	origin_set_file(r->config, key,
			xasprintf("configuration '%s': line %u", r->name, item->line));
	return 0;
}

static int read_text(struct config *config, const char *name, const char *text, size_t len,
		     char ***warnings, struct err *err)
{
	struct reading r = { .config = config, .name = name, .warnings = warnings, .err = err };
	struct toml_problem problem = { 0 };

	if (toml_read(text, len, on_item, &r, &problem) == 0)
		return 0;
	if (problem.why[0] == '\0')
		return err_wrap(err, "read configuration '%s'", name);
	if (problem.line == 0)
		return err_set(err, ERR_INVALID, "read configuration '%s': %s", name, problem.why);
	return err_set(err, ERR_INVALID, "read configuration '%s': line %u: %s", name, problem.line,
		       problem.why);
}

static int read_file(struct config *config, const char *path, char ***warnings, struct err *err)
{
	scoped_free char *text = NULL;
	size_t len;

	if (file_read(path, CONFIG_FILE_MAX, &text, &len, err) < 0)
		return err_wrap(err, "read configuration '%s'", path);
	return read_text(config, path, text, len, warnings, err);
}

static int is_dropin(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void dirents_free(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

/* By name as bytes, whatever the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dropins_in(struct config *config, const char *dir, struct dirent **entries, int n,
			   char ***warnings, struct err *err)
{
	if (n > CONFIG_DROPINS_MAX)
		return err_set(err, ERR_EXHAUSTED, "read configuration '%s': more than %d files",
			       dir, CONFIG_DROPINS_MAX);
	for (int i = 0; i < n; i++) {
		scoped_free char *path = xasprintf("%s/%s", dir, entries[i]->d_name);
		struct stat st;

		/* A directory, or a link to nothing, which editors leave as their lock. */
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (read_file(config, path, warnings, err) < 0)
			return -1;
	}
	return 0;
}

static int read_dropins(struct config *config, const char *path, char ***warnings, struct err *err)
{
	int dir_len = (int)(strrchr(path, '/') - path);
	scoped_free char *dir = xasprintf("%.*s/config.d", dir_len, path);
	struct dirent **entries;
	int n = scandir(dir, &entries, is_dropin, compare_names);
	int r;

	if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (n < 0)
		return err_sys(err, errno, "read configuration '%s'", dir);
	r = read_dropins_in(config, dir, entries, n, warnings, err);
	dirents_free(entries, n);
	return r;
}

static int check_regexes(const struct config *config, struct err *err)
{
	const struct config_key *key = config_key_find("hypervisor", "enable_annotations");

	for (char **at = config->hypervisor.enable_annotations; *at; at++) {
		regex_t re;
		char why[80];
		int r = regcomp(&re, *at, REG_EXTENDED | REG_NOSUB);

		if (r == 0) {
			regfree(&re);
			continue;
		}
		regerror(r, &re, why, sizeof(why));
		return err_set(err, ERR_INVALID, "%s: '%s' has '%s': %s", origin_get(config, key),
			       key->name, *at, why);
	}
	return 0;
}

static int report_all(const struct config *config, char ***warnings, struct err *err)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (origin_get(config, &config_keys[i]) &&
		    report_unbuilt(config, &config_keys[i], warnings, err) < 0)
			return -1;
	return 0;
}

int config_load_text(struct config *config, const char *name, const char *text, size_t len,
		     char ***warnings, struct err *err)
{
	if (read_text(config, name, text, len, warnings, err) < 0)
		return -1;
	if (check_regexes(config, err) < 0)
		return -1;
	return report_all(config, warnings, err);
}

int config_load(struct config *config, const char *path, char ***warnings, struct err *err)
{
	scoped_free char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_sys(err, errno, "read configuration '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "read configuration '%s': not a regular file",
			       path);
	if (read_file(config, real, warnings, err) < 0)
		return -1;
	if (read_dropins(config, real, warnings, err) < 0)
		return -1;
	if (check_regexes(config, err) < 0)
		return -1;
	if (report_all(config, warnings, err) < 0)
		return -1;
	free(config->path);
	config->path = take_ptr(&real);
	return 0;
}
