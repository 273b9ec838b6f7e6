/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * box.h - a busybox root file system and a loop that launches containers in it
 *
 * Needs root. One box a test program; each run is one container from spec to exit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/launch/launch.h"

struct event_base;

struct box {
	char dir[64]; /* temporary directory */
	char rootfs[128];
	struct event_base *base;
};

/* What a container is made of; NULL means the usual. All are pieces of JSON. */
struct recipe {
	const char *args;    /* "[\"/bin/true\"]" */
	const char *process; /* more properties of process: "\"umask\": 0," style, with the comma */
	const char *root;    /* more properties of root, comma first */
	const char *top;     /* more properties of the spec, with the comma */
	const char *namespaces;  /* list contents */
	const char *mounts;      /* list contents, instead of the usual ones */
	const char *more_mounts; /* list contents after the usual ones, comma first */
	const char *linux_more;  /* more properties of linux, with the comma */
	const char *seccomp;     /* an exec's only: the linux.seccomp of its container */
	const char *rootfs;      /* another root file system */
	const char *input;       /* text for stdin, then end of file */
	pid_t init_pid;          /* exec into it */
	int ipc_ns_fd;           /* given namespace, 0: none */
	struct cgroup *cgroup;
	uint32_t deadline_ms; /* 0: 10 s */
};

struct outcome {
	bool is_ready, is_started;
	struct err err;  /* why not */
	int status;      /* as exit_info: 0..255, 128 + signal; -1: killed by the launcher */
	char out[65536]; /* NUL-terminated; the terminal's when there is one */
	char errors[65536];
	char warnings[1024];
};

void box_make(struct box *box);
void box_remove(struct box *box);

/* Launch, start, collect output and exit. */
void box_run(struct box *box, const struct recipe *r, struct outcome *ret);

/* Launch and start, and leave it running. Its stdin stays open; box_stop() ends it. */
struct running {
	pid_t pid;
	struct launch_io io;
	struct launch *launch;
};
/* Up to READY, and on from there: 0, or -1 with the launcher's words. */
void box_prepare(struct box *box, const struct recipe *r, struct running *ret);
int box_start_prepared(struct box *box, struct running *r, struct err *err);
/* launch_free() and the exit status of what is left. */
int box_forget(struct running *r);
void box_start(struct box *box, const struct recipe *r, struct running *ret);
int box_stop(struct running *r);

/* Run a shell line of our own in the box's directory, for preparing root file systems. */
void box_shell(struct box *box, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts of this process and machine, to be equal before and after. */
struct census {
	size_t n_fds, n_mounts, n_children;
};
void census_take(struct census *ret);

/* Read from fd until text appears or five seconds have passed. */
bool box_read_until(int fd, const char *text, char *buf, size_t size);
