/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotations.c - what the pod may change
 *
 * For each annotation: find its row, ask whether it may be set at all, turn the text
 * into a value, check it by the rules for text from outside, then set it as a file would.
 * Rules that need the machine (CPUs, memory, files) are validate.c's, which knows from the origin
 * that an annotation asked.
 */
#include <assert.h>
#include <glob.h>
#include <json-c/json.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "engine/config/annotation_text.h"
#include "engine/config/config.h"
#include "engine/config/keys.h"
#include "engine/config/origin.h"
#include "engine/config/report.h"
#include "engine/config/value.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define HYPERVISOR_PREFIX "io.katacontainers.config.hypervisor."
#define RUNTIME_PREFIX    "io.katacontainers.config.runtime."
#define AGENT_PREFIX      "io.katacontainers.config.agent."

#define LIST_MAX 64 /* elements in one annotation */

/* A key that may be shown: it comes from outside. */
#define SHOWN_MAX 100
static const char *shown(const char *text, char buf[static SHOWN_MAX])
{
	snprintf(buf, SHOWN_MAX, "%s", text);
	for (char *at = buf; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	return buf;
}

static const struct config_key *find_row(const char *annotation)
{
	char name[CONFIG_ANNOTATION_NAME_MAX];

	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].access != ANNOTATION_NONE &&
		    strcmp(config_key_annotation(&config_keys[i], name), annotation) == 0)
			return &config_keys[i];
	return NULL;
}

static bool is_enabled(const struct config *config, const char *name)
{
	for (char **at = config->hypervisor.enable_annotations; *at; at++) {
		regex_t re;
		bool found;

		if (regcomp(&re, *at, REG_EXTENDED | REG_NOSUB) != 0)
			continue; /* config_load() has refused it already */
		found = regexec(&re, name, 0, NULL, 0) == 0;
		regfree(&re);
		if (found)
			return true;
	}
	return false;
}

static int check_access(const struct config *config, const struct config_key *key,
			const char *annotation, struct err *err)
{
	switch (key->access) {
	case ANNOTATION_OPEN:
		return 0;
	case ANNOTATION_ENABLED:
		if (is_enabled(config, strrchr(annotation, '.') + 1))
			return 0;
		return err_set(err, ERR_DENIED, "annotation '%s' is not enabled", annotation);
	case ANNOTATION_NEVER:
		return err_set(
			err, ERR_DENIED,
			"annotation '%s' names a program, and only the configuration file may",
			annotation);
	case ANNOTATION_NONE:
		break;
	}
	return err_set(err, ERR_DENIED, "annotation '%s' does not exist", annotation);
}

/* ---- text to value ---- */

static int parse_bool(const char *text, struct config_value *ret, struct err *err)
{
	bool yes = config_is_choice("1,t,T,TRUE,true,True", text);

	if (!yes && !config_is_choice("0,f,F,FALSE,false,False", text))
		return err_set(err, ERR_INVALID, "the value must be true or false");
	*ret = (struct config_value){ .type = CONFIG_BOOL, .b = yes };
	return 0;
}

static int parse_uint(const char *text, struct config_value *ret, struct err *err)
{
	unsigned long long u;

	if (!parse_u64(text, INT64_MAX, &u))
		return err_set(err, ERR_INVALID, "the value must be a whole number from 0");
	*ret = (struct config_value){ .type = CONFIG_UINT, .u = u };
	return 0;
}

/* Digits and at most one point: neither signs nor exponents, and no locale. */
static int parse_float(const char *text, struct config_value *ret, struct err *err)
{
	size_t n_whole = strspn(text, "0123456789");
	size_t n_fraction = text[n_whole] == '.' ? strspn(text + n_whole + 1, "0123456789") : 0;
	size_t len = n_whole + n_fraction + (text[n_whole] == '.');
	double f = 0, scale = 1;

	if (n_whole == 0 || len != strlen(text) || len > 18)
		return err_set(err, ERR_INVALID, "the value must be a number as 2 or 1.5");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.')
			continue;
		f = f * 10 + (text[i] - '0');
		if (i > n_whole)
			scale *= 10;
	}
	*ret = (struct config_value){ .type = CONFIG_FLOAT, .f = f / scale };
	return 0;
}

static int list_add(char ***list, const char *element, struct err *err)
{
	if (strv_len(*list) >= LIST_MAX)
		return err_set(err, ERR_EXHAUSTED, "the list has more than %d elements", LIST_MAX);
	strv_add(list, element);
	return 0;
}

/* Empty elements are left out, and blanks around the others. */
static int split_list(const char *text, const char *separator, char ***ret, struct err *err)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, separator);
		scoped_free char *element = xstrndup(at, len);
		char *from = element + strspn(element, " ");
		size_t n = strlen(from);

		while (n > 0 && from[n - 1] == ' ')
			from[--n] = '\0';
		if (n > 0 && list_add(ret, from, err) < 0)
			return -1;
		at += len;
		at += strspn(at, separator);
	}
	return 0;
}

static int list_of_json(json_object *array, char ***ret, struct err *err)
{
	if (!json_object_is_type(array, json_type_array))
		return err_set(err, ERR_INVALID, "the value must be a JSON list of strings");
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		json_object *element = json_object_array_get_idx(array, i);
		const char *text = json_object_get_string(element);

		if (!json_object_is_type(element, json_type_string) ||
		    strlen(text) != (size_t)json_object_get_string_len(element))
			return err_set(err, ERR_INVALID,
				       "the value must be a JSON list of strings");
		if (list_add(ret, text, err) < 0)
			return -1;
	}
	return 0;
}

static int parse_json_list(const char *text, char ***ret, struct err *err)
{
	json_tokener *tokener = json_tokener_new_ex(4);
	json_object *array = NULL;
	int r = -1;

	if (!tokener)
		return err_set(err, ERR_EXHAUSTED, "no memory for a JSON list");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	array = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	if (json_tokener_get_error(tokener) == json_tokener_success)
		r = list_of_json(array, ret, err);
	else
		r = err_set(err, ERR_INVALID, "the value must be a JSON list of strings");
	json_object_put(array);
	json_tokener_free(tokener);
	return r;
}

/* ---- rules for strings and lists ---- */

static char **globs_of(const struct config *config, const char *list)
{
	const struct config_key *key = config_key_find("hypervisor", list);

	assert(key && key->type == CONFIG_LIST);
	return *(char **const *)((const char *)config + key->offset);
}

static bool is_found_by(const char *pattern, const char *path)
{
	glob_t found;
	bool same = false;

	if (pattern[0] == '\0')
		return path[0] == '\0';
	if (glob(pattern, 0, NULL, &found) != 0)
		return false;
	for (size_t i = 0; i < found.gl_pathc && !same; i++)
		same = strcmp(found.gl_pathv[i], path) == 0;
	globfree(&found);
	return same;
}

static int check_valid(const struct config *config, const struct config_key *key, const char *path,
		       struct err *err)
{
	for (char **at = globs_of(config, key->valid); *at; at++)
		if (is_found_by(*at, path))
			return 0;
	return err_set(err, ERR_DENIED, "the value is none of the files of '%s'", key->valid);
}

static int set_string(struct config *config, const struct config_key *key, const char *text,
		      struct err *err)
{
	const char *before = *(char **)config_at(config, key);
	scoped_free char *both = NULL;
	struct config_value v = { .type = CONFIG_STRING, .s = text };

	if (key->valid ? check_valid(config, key, text, err)
		       : annotation_check_text(key, text, err))
		return -1;
	if (key->append && before[0] != '\0')
		v.s = both = xasprintf("%s %s", before, text);
	return config_set(config, key, &v, err);
}

static int set_list(struct config *config, const struct config_key *key, const char *text,
		    struct err *err)
{
	scoped_strv char **list = NULL;
	struct config_value v = { .type = CONFIG_LIST };
	int r = key->separator ? split_list(text, key->separator, &list, err)
			       : parse_json_list(text, &list, err);

	if (r < 0 || annotation_check_list(key, list, err) < 0)
		return -1;
	v.list = list;
	return config_set(config, key, &v, err);
}

static int set_value(struct config *config, const struct config_key *key, const char *text,
		     struct err *err)
{
	struct config_value v = { .type = CONFIG_STRING, .s = text };

	if (annotation_check_plain(text, err) < 0)
		return -1;
	switch (key->type) {
	case CONFIG_BOOL:
		return parse_bool(text, &v, err) < 0 ? -1 : config_set(config, key, &v, err);
	case CONFIG_TRISTATE:
		if (strcmp(text, "auto") != 0 && parse_bool(text, &v, err) < 0)
			return -1;
		return config_set(config, key, &v, err);
	case CONFIG_UINT:
		return parse_uint(text, &v, err) < 0 ? -1 : config_set(config, key, &v, err);
	case CONFIG_FLOAT:
		return parse_float(text, &v, err) < 0 ? -1 : config_set(config, key, &v, err);
	case CONFIG_STRING:
		return set_string(config, key, text, err);
	case CONFIG_LIST:
		return set_list(config, key, text, err);
	}
	return -1;
}

/* A name below one of our prefixes that no row knows. */
static int on_unknown(const struct config *config, const char *annotation, char ***warnings,
		      struct err *err)
{
	char name[SHOWN_MAX];

	shown(annotation, name);
	if (str_starts(annotation, HYPERVISOR_PREFIX)) {
		if (!is_enabled(config, annotation + strlen(HYPERVISOR_PREFIX)))
			return err_set(err, ERR_DENIED, "annotation '%s' is not enabled", name);
	} else if (!str_starts(annotation, RUNTIME_PREFIX) &&
		   !str_starts(annotation, AGENT_PREFIX)) {
		return 0;
	}
	warn_add(warnings, "unknown annotation '%s'", name);
	return 0;
}

static int apply(struct config *config, const struct config_annotation *annotation,
		 char ***warnings, struct err *err)
{
	const struct config_key *key = find_row(annotation->key);

	if (!key)
		return on_unknown(config, annotation->key, warnings, err);
	if (check_access(config, key, annotation->key, err) < 0)
		return -1;
	if (set_value(config, key, annotation->value, err) < 0)
		return err_wrap(err, "annotation '%s'", annotation->key);
	origin_set_annotation(config, key, xasprintf("annotation '%s'", annotation->key));
	return report_unbuilt(config, key, warnings, err);
}

/* The pod's image or initrd replaces the file's pair. */
static void settle_pair(struct config *config)
{
	bool image = origin_is_annotation(config, config_key_find("hypervisor", "image"));
	bool initrd = origin_is_annotation(config, config_key_find("hypervisor", "initrd"));

	if (image && !initrd)
		config->hypervisor.initrd[0] = '\0';
	if (initrd && !image)
		config->hypervisor.image[0] = '\0';
}

int config_apply_annotations(struct config *config, const struct config_annotation *annotations,
			     size_t n_annotations, char ***warnings, struct err *err)
{
	for (size_t i = 0; i < n_annotations; i++)
		if (apply(config, &annotations[i], warnings, err) < 0)
			return -1;
	settle_pair(config);
	return 0;
}
