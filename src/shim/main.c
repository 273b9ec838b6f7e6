/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - which of its actions is asked for; see shim.h
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/resource/scope.h"
#include "engine/vmm/accel.h"
#include "lib/base/defs.h"
#include "shim/shim.h"

static bool is_flag(const char *arg, const char *name)
{
	return arg[0] == '-' && strcmp(arg + strspn(arg, "-"), name) == 0;
}

static int act(int argc, char **argv, struct err *err)
{
	struct shim_args args;
	int r = shim_args_parse(argc, argv, &args, err);

	if (r < 0)
		;
	else if (strcmp(args.action, "start") == 0)
		r = shim_start(&args, err);
	else if (strcmp(args.action, "delete") == 0)
		r = shim_delete(&args, err);
	else
		r = shim_serve(&args, err);
	shim_args_done(&args);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int helper = kvm_probe_main(argc, argv), r;

	if (helper < 0)
		helper = scope_helper_main(argc, argv);
	if (helper >= 0)
		return helper;
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && (is_flag(argv[1], "v") || is_flag(argv[1], "version"))) {
		printf(SHIM_NAME " version %s\n", KATA_VERSION);
		return 0;
	}
	r = argc == 2 && is_flag(argv[1], "info") ? shim_info(&err) : act(argc, argv, &err);
	if (r < 0)
		fprintf(stderr, SHIM_NAME ": %s\n", err.text);
	return r < 0;
}
