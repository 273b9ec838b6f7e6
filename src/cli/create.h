/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * create.h - the operations that several commands are made of
 *
 * Blocks: all of them, as long as the supervisor takes, with a deadline
 */
#include "cli/cli.h"
#include "cli/opts.h"
#include "cli/sandbox.h"
#include "cli/stand_in.h"
#include "lib/base/flow.h"

struct config;

struct create_args {
	const char *id;
	const char *bundle; /* NULL: the current directory */
	const char *pid_file;
	const char *console_socket;
	const char *preserve_fds;
	bool detach; /* we exit while it runs */
	bool no_pivot, no_new_keyring;
};

struct create {
	const struct cli *cli;
	struct create_args args;
	char *bundle; /* real path */
	char *pid_file;
	Grpc__Spec *spec;
	struct config *config;
	char *sid;
	bool new_sandbox;
	int lock; /* sandbox_lock() until we are recorded; -1: none */
	struct sandbox_process proxy;
	struct supervisor *sup;
	struct stand_in stand_in;
	struct flow flow;
};

/* --preserve-fds: descriptors of ours have no way into a guest. text NULL: not given. */
int preserve_fds_check(const char *text, struct err *err);

/* The flags that create and run share. */
#define CREATE_OPTS_MAX 8
size_t create_opts(struct create_args *args, struct opt opts[static CREATE_OPTS_MAX]);

/*
 * From a bundle to a container that waits to be started, with its stand-in. On failure nothing is
 * left. Either way create_done() releases memory and the connection, and stops nothing.
 */
int create_run(struct create *c, const struct cli *cli, const struct create_args *args,
	       struct err *err);
void create_done(struct create *c);
void create_done_at(struct create *c);

/* Run the program of a container that was created, then its poststart hooks. */
int start_run(const struct cli *cli, const char *cid, struct err *err);

/* Remove a container, and its sandbox with the last one. force: end it first, in any state. */
int delete_run(const struct cli *cli, const char *cid, bool force, struct err *err);

/*
 * The exit code for a program that could not be run: 127 when it is not there, 126 when it
 * may not be executed, as a shell has it; 0 when err says something else.
 */
int exec_failure_code(const struct err *err);
