/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * drive.h - a kata-agent of its own, and blocking calls to it
 *
 * For tests that run as root in private mount, pid and network namespaces (see run-in-ns).
 * Every call has a connection of its own, so calls may wait beside one another.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.pb-c.h"
#include "health.pb-c.h"
#include "lib/base/err.h"

struct drive {
	char dir[64]; /* private temporary directory */
	char socket[96];
	char rootfs[96]; /* a busybox */
	char cgroup[64]; /* parent of the containers' cgroups */
	pid_t agent;
};

/* Start an agent and wait until it answers. Aborts the test when it does not. */
void drive_start(struct drive *d);

/* Destroy the sandbox, see the agent end by itself with status 0, remove the directory. */
void drive_stop(struct drive *d);

int drive_connect(const struct drive *d);

/* One call of AgentService; NULL and *err on failure. 20 s at most. */
ProtobufCMessage *drive_call(const struct drive *d, const char *method, const ProtobufCMessage *req,
			     struct err *err);

/* Expect success (prints the error and fails the test otherwise) and drop the answer. */
void drive_do(const struct drive *d, const char *method, const ProtobufCMessage *req);

/* Expect this code. */
void drive_fails(const struct drive *d, const char *method, const ProtobufCMessage *req,
		 enum err_code code, const char *words);

void drive_create_sandbox(const struct drive *d);

/* A capability that processes get in every set; NULL: none. */
extern const char *drive_caps;

/* A spec as a container engine writes it, with args as the process; freed with spec_free(). */
Grpc__Spec *drive_spec(const struct drive *d, const char *id, const char *const *args);
Grpc__Process *drive_process(const char *const *args);

/* Create with a bind storage for the root, as the runtime does with a share; start. */
void drive_run(const struct drive *d, const char *id, const char *const *args);
void drive_create(const struct drive *d, const char *id, const char *const *args, bool terminal);
void drive_exec(const struct drive *d, const char *id, const char *exec_id, const char *const *args,
		bool terminal);
void drive_start_container(const struct drive *d, const char *id);
void drive_remove(const struct drive *d, const char *id);
int drive_wait(const struct drive *d, const char *id, const char *exec_id);
void drive_signal(const struct drive *d, const char *id, const char *exec_id, int sig);

/* The whole stream until its end; owned by the caller, NUL-terminated. */
char *drive_read_all(const struct drive *d, const char *id, const char *exec_id, bool errors,
		     size_t *ret_len);

/* What this pid namespace and mount namespace hold: to compare before and after. */
struct census {
	size_t processes, mounts, agent_fds, cgroups, files;
};
struct census drive_census(const struct drive *d);

/* 0 when they are the same; else -1, and says what is left. */
int drive_compare(const struct census *before, const struct census *after);
