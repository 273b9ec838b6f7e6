/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_doc.c - write the table of keys into the files that show it
 *
 *	config-doc --check FILE...    exit 1 when a file is not what the table says
 *	config-doc --write FILE...    renew them
 *	config-doc --built            print the keys that files can set and that do something
 *
 * Everything in a file stays as it is, but the lines between "keys SECTION" and "end keys", which
 * stand in a comment of the file's language:
 *
 *	.md      <!-- keys hypervisor -->      a table
 *	.toml.in # keys hypervisor             each key, commented out, at its default; without
 *	                                       those that the section sets itself
 *	.scd     ; keys hypervisor             a paragraph each
 *
 * A tool for developers: it is not installed.
 */
#include <stdio.h>
#include <string.h>

#include "engine/config/keys.h"
#include "engine/config/value.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DOC_MAX (1u << 20) /* bytes of one file */

enum kind { KIND_MARKDOWN, KIND_TOML, KIND_MAN };

struct doc {
	enum kind kind;
	const struct config *defaults;
	struct str out;
	struct str set; /* ",key,key," of the section that is being read */
};

static const char *type_word(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOL:
		return "bool";
	case CONFIG_TRISTATE:
		return "bool or \"auto\"";
	case CONFIG_UINT:
		return "integer";
	case CONFIG_FLOAT:
		return "number";
	case CONFIG_STRING:
		return "string";
	case CONFIG_LIST:
		return "list";
	}
	return "";
}

static const char *state_word(const struct config_key *key)
{
	switch (key->state) {
	case KEY_BUILT:
		return "yes";
	case KEY_IDLE:
		return "not yet (warning)";
	case KEY_REFUSED:
		return "not yet (error)";
	case KEY_OLD:
		return "no effect (warning)";
	case KEY_MOOT:
		return "not needed";
	}
	return "";
}

static void add_annotation(struct str *out, const struct config_key *key)
{
	switch (key->access) {
	case ANNOTATION_NONE:
		str_add(out, "none");
		return;
	case ANNOTATION_OPEN:
		str_add(out, "everybody");
		break;
	case ANNOTATION_ENABLED:
		str_add(out, "if enabled");
		break;
	case ANNOTATION_NEVER:
		str_add(out, "refused");
		return;
	}
	if (key->annotation)
		str_addf(out, ", as `%s`", key->annotation);
}

/* The default, with the place of installation as a placeholder. */
static void add_default(struct doc *doc, const struct config_key *key)
{
	static const struct {
		const char *is, *toml, *other;
	} places[] = {
		{ "\"" KATA_DATADIR "/", "\"@DATADIR@/", "\"PREFIX/share/" },
		{ "\"" KATA_LIBEXECDIR "/", "\"@LIBEXECDIR@/", "\"PREFIX/libexec/" },
	};
	scoped_free char *text = config_format(doc->defaults, key);

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!str_starts(text, places[i].is))
			continue;
		str_add(&doc->out, doc->kind == KIND_TOML ? places[i].toml : places[i].other);
		str_add(&doc->out, text + strlen(places[i].is));
		return;
	}
	str_add(&doc->out, text);
}

/* "one of a, b", "from 1 to 5", or nothing. */
static void add_values(struct doc *doc, const struct config_key *key, const char *before,
		       const char *after)
{
	if (key->choices) {
		str_addf(&doc->out, "%sone of ", before);
		for (const char *at = key->choices[0] == ',' ? key->choices + 1 : key->choices; *at;
		     at++) {
			str_add_n(&doc->out, at, 1);
			str_add(&doc->out, *at == ',' ? " " : "");
		}
		if (key->later)
			str_addf(&doc->out, " (not built yet: %s)", key->later);
	} else if (key->type == CONFIG_UINT && key->max) {
		str_addf(&doc->out, "%sfrom %llu to %llu", before, (unsigned long long)key->min,
			 (unsigned long long)key->max);
	} else {
		return;
	}
	str_add(&doc->out, after);
}

static void add_markdown_row(struct doc *doc, const struct config_key *key)
{
	str_addf(&doc->out, "| %s | %s | ", key->name, type_word(key->type));
	if (key->annotation_only)
		str_add(&doc->out, "(annotation only)");
	else
		add_default(doc, key);
	str_add(&doc->out, " | ");
	add_annotation(&doc->out, key);
	str_addf(&doc->out, " | %s | %s | %s", key->since, state_word(key), key->meaning);
	add_values(doc, key, "; ", "");
	str_add(&doc->out, " |\n");
}

static bool is_set(const struct doc *doc, const char *name)
{
	scoped_free char *word = xasprintf(",%s,", name);

	return doc->set.len && strstr(doc->set.data, word);
}

/* A comment, wrapped. */
static void add_comment(struct doc *doc, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column == 0 || column + 1 + len > 90) {
			str_addf(&doc->out, "%s#", column ? "\n" : "");
			column = 1;
		}
		str_add(&doc->out, " ");
		str_add_n(&doc->out, text, len);
		column += 1 + len;
		text += len + strspn(text + len, " ");
	}
	str_add(&doc->out, "\n");
}

static void add_toml_key(struct doc *doc, const struct config_key *key)
{
	if (key->annotation_only || key->state != KEY_BUILT || is_set(doc, key->name))
		return;
	str_add(&doc->out, "\n");
	add_comment(doc, key->meaning);
	add_values(doc, key, "# ", "\n");
	str_addf(&doc->out, "#%s = ", key->name);
	add_default(doc, key);
	str_add(&doc->out, "\n");
}

/* scdoc takes "_" and "*" for markup. */
static void add_man_text(struct str *out, const char *text)
{
	for (; *text; text++)
		str_addf(out, "%s%c", strchr("_*\\<>#[]", *text) ? "\\" : "", *text);
}

static void add_man_key(struct doc *doc, const struct config_key *key)
{
	size_t from;
	scoped_free char *rest = NULL;

	if (key->annotation_only)
		return;
	str_add(&doc->out, "*");
	add_man_text(&doc->out, key->name);
	str_addf(&doc->out, "* (%s, ", type_word(key->type));
	from = doc->out.len;
	add_default(doc, key);
	rest = xstrdup(doc->out.data + from);
	doc->out.len = from;
	add_man_text(&doc->out, rest);
	str_add(&doc->out, ")\n\t");
	from = doc->out.len;
	str_add(&doc->out, key->meaning);
	add_values(doc, key, "; ", "");
	if (key->state != KEY_BUILT && key->state != KEY_MOOT)
		str_addf(&doc->out, ". Supported: %s", state_word(key));
	free(take_ptr(&rest));
	rest = xstrdup(doc->out.data + from);
	doc->out.len = from;
	add_man_text(&doc->out, rest);
	str_add(&doc->out, ".\n\n");
}

static void add_section(struct doc *doc, const char *section)
{
	if (doc->kind == KIND_MARKDOWN)
		str_add(&doc->out,
			"| key | type | default | annotation | since | built | meaning |\n"
			"|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) != 0)
			continue;
		switch (doc->kind) {
		case KIND_MARKDOWN:
			add_markdown_row(doc, key);
			break;
		case KIND_TOML:
			add_toml_key(doc, key);
			break;
		case KIND_MAN:
			add_man_key(doc, key);
			break;
		}
	}
}

static const char *const begin_marks[] = {
	[KIND_MARKDOWN] = "<!-- keys ",
	[KIND_TOML] = "# keys ",
	[KIND_MAN] = "; keys ",
};

static const char *const end_marks[] = {
	[KIND_MARKDOWN] = "<!-- end keys -->",
	[KIND_TOML] = "# end keys",
	[KIND_MAN] = "; end keys",
};

/* Remember "key = value" of a TOML file, and forget with the next "[section]". */
static void note_key(struct doc *doc, const char *line)
{
	size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (line[0] == '[')
		str_done(&doc->set);
	if (len > 0 && line[len] == ' ' && line[len + 1] == '=')
		str_addf(&doc->set, ",%.*s,", (int)len, line);
}

static int renew(struct doc *doc, const char *path, char *text, struct err *err)
{
	const char *begin = begin_marks[doc->kind];
	const char *end = end_marks[doc->kind];
	bool inside = false;

	for (char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");
		char section[40];

		next = line + len + (line[len] == '\n');
		if (str_starts(line, end))
			inside = false;
		if (inside)
			continue;
		str_add_n(&doc->out, line, (size_t)(next - line));
		note_key(doc, line);
		if (!str_starts(line, begin))
			continue;
		if (sscanf(line + strlen(begin), "%39[a-z]", section) != 1 ||
		    !config_section_table(section))
			return err_set(err, ERR_INVALID, "'%s' names an unknown section: %.*s",
				       path, (int)len, line);
		add_section(doc, section);
		inside = true;
	}
	return inside ? err_set(err, ERR_INVALID, "'%s' lacks '%s'", path, end) : 0;
}

static int kind_of(const char *path, enum kind *ret, struct err *err)
{
	if (str_ends(path, ".md"))
		*ret = KIND_MARKDOWN;
	else if (str_ends(path, ".toml.in"))
		*ret = KIND_TOML;
	else if (str_ends(path, ".scd"))
		*ret = KIND_MAN;
	else
		return err_set(err, ERR_INVALID, "'%s' is no .md, .toml.in or .scd", path);
	return 0;
}

static int one_file(const struct config *defaults, const char *path, bool write, struct err *err)
{
	struct doc doc = { .defaults = defaults };
	scoped_free char *was = NULL;
	scoped_free char *is = NULL;
	int r;

	if (kind_of(path, &doc.kind, err) < 0 || file_read(path, DOC_MAX, &was, NULL, err) < 0)
		return -1;
	r = renew(&doc, path, was, err);
	is = str_take(&doc.out);
	str_done(&doc.set);
	if (r < 0 || strcmp(was, is) == 0)
		return r;
	if (write)
		return file_replace(path, is, strlen(is), 0644, err);
	return err_set(err, ERR_STATE, "'%s' is not what keys.c says: config-doc --write", path);
}

static int print_built(void)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].state == KEY_BUILT && !config_keys[i].annotation_only)
			printf("%s\n", config_keys[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	scoped(config_free_at) struct config *defaults = config_new_default();
	bool write = argc > 2 && strcmp(argv[1], "--write") == 0;

	if (argc == 2 && strcmp(argv[1], "--built") == 0)
		return print_built();
	if (argc < 3 || (!write && strcmp(argv[1], "--check") != 0)) {
		fprintf(stderr, "usage: config-doc --check|--write FILE... | --built\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		struct err err = ERR_INIT;

		if (one_file(defaults, argv[i], write, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	return 0;
}
