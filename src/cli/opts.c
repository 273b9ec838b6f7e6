/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/opts.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

enum { VAL_HELP = 0x100, VAL_FIRST };

static int parse_bool(const char *name, const char *text, bool *ret, struct err *err)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "flag '--%s': '%s' is neither true nor false", name, text);
}

static int take(const struct opt *o, const char *value, struct err *err)
{
	switch (o->kind) {
	case OPT_FLAG:
		if (value)
			return parse_bool(o->name, value, o->ret, err);
		*(bool *)o->ret = true;
		return 0;
	case OPT_TEXT:
		*(const char **)o->ret = value;
		return 0;
	case OPT_LIST:
		strv_add(o->ret, value);
		return 0;
	case OPT_IGNORE:
		return 0;
	}
	return 0;
}

/* What getopt_long() could not place: say which word it was. */
static int refuse(const struct opt *opts, size_t n_opts, int why, int argc, char **argv,
		  struct err *err)
{
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	for (size_t i = 0; why == ':' && i < n_opts; i++)
		if (optopt == opts[i].letter || optopt == VAL_FIRST + (int)i)
			return err_set(err, ERR_INVALID, "flag '--%s' needs a value", opts[i].name);
	/* A single unknown letter leaves optind on the word while letters follow. */
	if (optopt > 0 && optopt < VAL_HELP)
		return err_set(err, ERR_INVALID, "unknown flag '-%c'", optopt);
	return err_set(err, ERR_INVALID, "unknown flag '%.*s'", (int)strcspn(word, "="), word);
}

static void fill_tables(const struct opt *opts, size_t n_opts, bool stop, struct option *longs,
			char *shorts)
{
	size_t n = 0;

	shorts[n++] = stop ? '+' : '-'; /* '-': positionals come as option 1, see below */
	shorts[n++] = ':';
	shorts[n++] = 'h';
	for (size_t i = 0; i < n_opts; i++) {
		bool has_value = opts[i].kind == OPT_TEXT || opts[i].kind == OPT_LIST;

		longs[i] = (struct option){ .name = opts[i].name,
					    .has_arg = has_value ? required_argument
								 : optional_argument,
					    .val = VAL_FIRST + (int)i };
		if (!opts[i].letter)
			continue;
		shorts[n++] = opts[i].letter;
		if (has_value)
			shorts[n++] = ':';
	}
	shorts[n] = '\0';
	longs[n_opts] = (struct option){ .name = "help", .has_arg = no_argument, .val = VAL_HELP };
	longs[n_opts + 1] = (struct option){ 0 };
}

/*
 * Go's parser takes no abbreviations, getopt's does: an abbreviated flag is refused, since the
 * next flag that we add could change its meaning.
 */
static bool is_whole_name(const char *word, const char *name)
{
	word += strspn(word, "-");
	return strcspn(word, "=") == strlen(name) && strncmp(word, name, strlen(name)) == 0;
}

static const struct opt *find(const struct opt *opts, size_t n_opts, int val)
{
	if (val >= VAL_FIRST)
		return &opts[val - VAL_FIRST];
	for (size_t i = 0; i < n_opts; i++)
		if (opts[i].letter && opts[i].letter == val)
			return &opts[i];
	return NULL;
}

static int unknown_word(const char *word, struct err *err)
{
	return err_set(err, ERR_INVALID, "unknown flag '%.*s'", (int)strcspn(word, "="), word);
}

/* One flag that getopt has found; val is what it returned. */
static int take_found(const struct opt *opts, size_t n_opts, int val, char **argv, struct err *err)
{
	const struct opt *o = find(opts, n_opts, val);

	if (!o)
		return unknown_word(argv[optind - 1], err);
	if (val >= VAL_FIRST) {
		bool has_value = o->kind == OPT_TEXT || o->kind == OPT_LIST;
		bool separate = has_value && optarg == argv[optind - 1];
		const char *word = argv[optind - (separate ? 2 : 1)];

		if (!is_whole_name(word, o->name))
			return unknown_word(word, err);
	}
	return take(o, optarg, err);
}

/* Positionals are collected at the front; behind "--" everything is one. */
static int parse(const struct opt *opts, size_t n_opts, bool stop, int argc, char **argv,
		 bool *ret_help, int *ret_first, struct err *err)
{
	struct option longs[OPTS_MAX + 2];
	char shorts[2 * OPTS_MAX + 4];
	int n_positional = 0, c;

	*ret_help = false;
	fill_tables(opts, n_opts, stop, longs, shorts);
	optind = 0; /* glibc: start over */
	opterr = 0;
	while ((c = getopt_long_only(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'h' || c == VAL_HELP) {
			*ret_help = true;
			return 0;
		}
		if (c == 1)
			argv[1 + n_positional++] = optarg;
		else if (c == '?' || c == ':')
			return refuse(opts, n_opts, c, argc, argv, err);
		else if (take_found(opts, n_opts, c, argv, err) < 0)
			return -1;
	}
	*ret_first = stop ? optind : 1;
	if (stop)
		return 0;
	while (optind < argc)
		argv[1 + n_positional++] = argv[optind++];
	argv[1 + n_positional] = NULL;
	return 0;
}

void opts_print(const struct opt *opts, size_t n_opts)
{
	for (size_t i = 0; i < n_opts; i++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "--%s%s%s%s%c", opts[i].name,
			       opts[i].arg ? " " : "", opts[i].arg ? opts[i].arg : "",
			       opts[i].letter ? ", -" : "", opts[i].letter ? opts[i].letter : '\0');
		printf("   %-32s %s\n", left, opts[i].help);
	}
	printf("   %-32s %s\n", "--help, -h", "show this");
}

int opts_parse_global(const struct opt *opts, size_t n_opts, int argc, char **argv,
		      void (*help)(void), int *ret_first, struct err *err)
{
	bool wants_help;

	if (parse(opts, n_opts, true, argc, argv, &wants_help, ret_first, err) < 0)
		return -1;
	if (wants_help) {
		help();
		exit(0);
	}
	return 0;
}

int opts_parse(const struct command *cmd, const struct opt *opts, size_t n_opts, bool stop_at_first,
	       int argc, char **argv, int *ret_first, struct err *err)
{
	bool wants_help;

	if (parse(opts, n_opts, stop_at_first, argc, argv, &wants_help, ret_first, err) < 0)
		return err_wrap(err, "%s", cmd->name);
	if (wants_help) {
		printf("%s %s - %s\n\nUSAGE:\n   %s %s [flags] %s\n\nFLAGS:\n", CLI_NAME, cmd->name,
		       cmd->brief, CLI_NAME, cmd->name, cmd->args);
		opts_print(opts, n_opts);
		exit(0);
	}
	return 0;
}

int opt_u64(const char *flag, const char *text, unsigned long long max, unsigned long long *ret,
	    struct err *err)
{
	if (!text || parse_u64(text, max, ret))
		return 0;
	return err_set(err, ERR_INVALID, "flag '--%s': '%s' is not a number from 0 to %llu", flag,
		       text, max);
}

int opt_i64(const char *flag, const char *text, long long *ret, struct err *err)
{
	if (!text || parse_i64(text, ret))
		return 0;
	return err_set(err, ERR_INVALID, "flag '--%s': '%s' is not a whole number", flag, text);
}
