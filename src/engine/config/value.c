/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - a value on its way into a member
 */
#include "engine/config/value.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

const char *config_type_words(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOL:
		return "true or false";
	case CONFIG_TRISTATE:
		return "true, false or \"auto\"";
	case CONFIG_UINT:
		return "a whole number from 0";
	case CONFIG_FLOAT:
		return "a number";
	case CONFIG_STRING:
		return "a string";
	case CONFIG_LIST:
		return "a list of strings";
	}
	return "";
}

bool config_is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = choices;; at++) {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, text, n) == 0)
			return true;
		at += n;
		if (*at == '\0')
			return false;
	}
}

static uint64_t largest(const struct config_key *key)
{
	if (key->max)
		return key->max;
	return key->size == sizeof(uint32_t) ? UINT32_MAX : INT64_MAX;
}

static int wrong_type(const struct config_key *key, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s' wants %s", key->name, config_type_words(key->type));
}

static int set_bool(bool *member, const struct config_key *key, const struct config_value *v,
		    struct err *err)
{
	if (v->type != CONFIG_BOOL)
		return wrong_type(key, err);
	*member = v->b;
	return 0;
}

static int set_tristate(enum config_tristate *member, const struct config_key *key,
			const struct config_value *v, struct err *err)
{
	if (v->type == CONFIG_BOOL)
		*member = v->b ? CONFIG_YES : CONFIG_NO;
	else if (v->type == CONFIG_STRING && strcmp(v->s, "auto") == 0)
		*member = CONFIG_AUTO;
	else
		return wrong_type(key, err);
	return 0;
}

static int set_uint(void *member, const struct config_key *key, const struct config_value *v,
		    struct err *err)
{
	uint64_t u = v->u;

	if (v->type != CONFIG_UINT)
		return wrong_type(key, err);
	if (u > largest(key) && key->clamp)
		u = key->max;
	if (u < key->min || u > largest(key))
		return err_set(err, ERR_INVALID, "'%s' is %llu, and must be from %llu to %llu",
			       key->name, (unsigned long long)u, (unsigned long long)key->min,
			       (unsigned long long)largest(key));
	if (key->size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)u;
	else
		*(uint64_t *)member = u;
	return 0;
}

static int set_float(double *member, const struct config_key *key, const struct config_value *v,
		     struct err *err)
{
	if (v->type != CONFIG_FLOAT && v->type != CONFIG_UINT)
		return wrong_type(key, err);
	if (v->type == CONFIG_FLOAT && !isfinite(v->f))
		return wrong_type(key, err);
	*member = v->type == CONFIG_FLOAT ? v->f : (double)v->u;
	return 0;
}

static int set_string(char **member, const struct config_key *key, const struct config_value *v,
		      struct err *err)
{
	if (v->type != CONFIG_STRING)
		return wrong_type(key, err);
	if (key->choices && !config_is_choice(key->choices, v->s))
		return err_set(err, ERR_INVALID, "'%s' is '%s', and must be one of %s", key->name,
			       v->s, key->choices[0] == ',' ? key->choices + 1 : key->choices);
	if (key->later && config_is_choice(key->later, v->s))
		return err_set(err, ERR_UNIMPLEMENTED, "'%s' is '%s', which is not supported yet",
			       key->name, v->s);
	free(*member);
	*member = xstrdup(v->s);
	return 0;
}

static int set_list(char ***member, const struct config_key *key, const struct config_value *v,
		    struct err *err)
{
	char **copy;

	if (v->type != CONFIG_LIST)
		return wrong_type(key, err);
	copy = strv_dup(v->list);
	strv_free(*member);
	*member = copy;
	return 0;
}

int config_set(struct config *config, const struct config_key *key, const struct config_value *v,
	       struct err *err)
{
	void *member = config_at(config, key);

	switch (key->type) {
	case CONFIG_BOOL:
		return set_bool(member, key, v, err);
	case CONFIG_TRISTATE:
		return set_tristate(member, key, v, err);
	case CONFIG_UINT:
		return set_uint(member, key, v, err);
	case CONFIG_FLOAT:
		return set_float(member, key, v, err);
	case CONFIG_STRING:
		return set_string(member, key, v, err);
	case CONFIG_LIST:
		return set_list(member, key, v, err);
	}
	return -1;
}

/* "a\nb" is { "a", "b" }, "a\n" is { "a", "" }, NULL is { }. */
static char **split_lines(const char *text)
{
	char **list = NULL;

	for (const char *at = text; at; at = strchr(at, '\n')) {
		if (at != text)
			at++;
		scoped_free char *line = xstrndup(at, strcspn(at, "\n"));

		strv_add(&list, line);
	}
	return list;
}

void config_set_default(struct config *config, const struct config_key *key)
{
	const char *def = key->def ? key->def : "";
	scoped_strv char **list = key->type == CONFIG_LIST ? split_lines(key->def) : NULL;
	struct config_value v = { .type = key->type, .s = def, .list = list };
	struct err err = ERR_INIT;
	unsigned long long u = 0;

	if (key->type == CONFIG_BOOL)
		v.b = strcmp(def, "true") == 0;
	if (key->type == CONFIG_UINT || key->type == CONFIG_FLOAT) {
		parse_u64(def, INT64_MAX, &u);
		v = (struct config_value){ .type = CONFIG_UINT, .u = u };
	}
	if (key->type == CONFIG_TRISTATE)
		v.type = CONFIG_STRING;
	if (config_set(config, key, &v, &err) < 0)
		assert(!"a row's default is outside its own range");
}

void config_unset(struct config *config, const struct config_key *key)
{
	void *member = config_at(config, key);

	if (key->type == CONFIG_STRING) {
		free(*(char **)member);
		*(char **)member = NULL;
	} else if (key->type == CONFIG_LIST) {
		strv_free(*(char ***)member);
		*(char ***)member = NULL;
	}
}

static void add_quoted(struct str *out, const char *text)
{
	str_add(out, "\"");
	for (const char *at = text; *at; at++) {
		if (*at == '"' || *at == '\\')
			str_addf(out, "\\%c", *at);
		else if (*at == '\n')
			str_add(out, "\\n");
		else if (*at == '\t')
			str_add(out, "\\t");
		else if ((unsigned char)*at < 0x20 || *at == 0x7f)
			str_addf(out, "\\u%04x", (unsigned int)(unsigned char)*at);
		else
			str_add_n(out, at, 1);
	}
	str_add(out, "\"");
}

static void add_list(struct str *out, char *const *list)
{
	str_add(out, "[");
	for (size_t i = 0; i < strv_len(list); i++) {
		str_add(out, i ? ", " : "");
		add_quoted(out, list[i]);
	}
	str_add(out, "]");
}

/* The shortest text that reads back as the same number. */
static void add_float(struct str *out, double f)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, f);
		if (strtod(text, NULL) == f)
			break;
	}
	str_add(out, text);
}

char *config_format(const struct config *config, const struct config_key *key)
{
	const void *member = (const char *)config + key->offset;
	struct str out = { 0 };

	switch (key->type) {
	case CONFIG_BOOL:
		str_add(&out, *(const bool *)member ? "true" : "false");
		break;
	case CONFIG_TRISTATE: {
		enum config_tristate t = *(const enum config_tristate *)member;

		str_add(&out, t == CONFIG_AUTO ? "\"auto\"" : t == CONFIG_YES ? "true" : "false");
		break;
	}
	case CONFIG_UINT:
		if (key->size == sizeof(uint32_t))
			str_addf(&out, "%u", (unsigned int)*(const uint32_t *)member);
		else
			str_addf(&out, "%llu", (unsigned long long)*(const uint64_t *)member);
		break;
	case CONFIG_FLOAT:
		add_float(&out, *(const double *)member);
		break;
	case CONFIG_STRING:
		add_quoted(&out, *(char *const *)member);
		break;
	case CONFIG_LIST:
		add_list(&out, *(char **const *)member);
		break;
	}
	return str_take(&out);
}

bool config_is_default(const struct config *config, const struct config_key *key)
{
	scoped_free struct config *fresh = xnew(struct config);
	scoped_free char *is = config_format(config, key);
	scoped_free char *would_be = NULL;

	config_set_default(fresh, key);
	would_be = config_format(fresh, key);
	config_unset(fresh, key);
	return strcmp(is, would_be) == 0;
}
