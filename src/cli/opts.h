/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * opts.h - the flags of a command, as a table
 *
 * What is accepted: --name value, --name=value, -name value, -n value, --flag, --flag=false.
 * Flags may stand before and behind the container id; for `exec` only before, since
 * what follows belongs to the program.
 *
 * Errors: ERR_INVALID, naming the flag
 */
#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"
#include "lib/base/err.h"

enum opt_kind {
	OPT_FLAG,   /* bool */
	OPT_TEXT,   /* const char *, borrowed from argv */
	OPT_LIST,   /* char **, owned by the caller: strv_free() */
	OPT_IGNORE, /* a flag that has no meaning for us and whose absence changes nothing */
};

struct opt {
	const char *name;
	char letter; /* 0: none */
	enum opt_kind kind;
	void *ret;
	const char *arg; /* what the value is called in the help; NULL for flags */
	const char *help;
};

#define OPTS_MAX 32

/*
 * argv[0] is the command's name. *ret_first is the index of the first positional argument.
 * --help prints the usage and exits the program with 0.
 */
int opts_parse(const struct command *cmd, const struct opt *opts, size_t n_opts, bool stop_at_first,
	       int argc, char **argv, int *ret_first, struct err *err);
/* For the global flags, where argv[0] is the program. help is called for --help. */
int opts_parse_global(const struct opt *opts, size_t n_opts, int argc, char **argv,
		      void (*help)(void), int *ret_first, struct err *err);
void opts_print(const struct opt *opts, size_t n_opts);

/* Numbers of flags. ERR_INVALID naming the flag. text NULL: *ret is left alone. */
int opt_u64(const char *flag, const char *text, unsigned long long max, unsigned long long *ret,
	    struct err *err);
int opt_i64(const char *flag, const char *text, long long *ret, struct err *err);
