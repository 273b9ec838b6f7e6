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

#define DRIVE_CALL_MS 20000

#define ARGS(...)  ((const char *const[]){ __VA_ARGS__, NULL })
#define SH(script) ARGS("/bin/sh", "-c", script)

struct drive {
	char dir[64]; /* private temporary directory */
	char socket[96];
	char rootfs[96]; /* a busybox */
	char cgroup[64]; /* parent of the containers' cgroups */
	pid_t agent;
};

/* One agent at a time. */
extern struct drive drive;

/* Start an agent and wait until it answers. Aborts the test when it does not. */
void drive_start(void);

/* Destroy the sandbox, see the agent end by itself with status 0, remove the directory. */
void drive_stop(void);

int drive_connect(void);

/* One call of AgentService; NULL and *err on failure. 20 s at most. */
ProtobufCMessage *drive_call(const char *method, const ProtobufCMessage *req, struct err *err);

/* Expect success (prints the error and fails the test otherwise) and drop the answer. */
void drive_do(const char *method, const ProtobufCMessage *req);

/* Expect this code. */
void drive_fails(const char *method, const ProtobufCMessage *req, enum err_code code,
		 const char *words);

void drive_create_sandbox(void);

/* A capability that processes get in every set; NULL: none. */
extern const char *drive_caps;

/* A spec as a container engine writes it, with args as the process; freed with spec_free(). */
Grpc__Spec *drive_spec(const char *id, const char *const *args);
Grpc__Process *drive_process(const char *const *args);

/* Create with a bind storage for the root, as the runtime does with a share; start. */
void drive_run(const char *id, const char *const *args);
void drive_create(const char *id, const char *const *args, bool terminal);
void drive_exec(const char *id, const char *exec_id, const char *const *args, bool terminal);
void drive_start_container(const char *id);
void drive_remove(const char *id);
int drive_wait(const char *id, const char *exec_id);
void drive_signal(const char *id, const char *exec_id, int sig);

/* The whole stream until its end; owned by the caller, NUL-terminated. */
char *drive_read_all(const char *id, const char *exec_id, bool errors, size_t *ret_len);

/* census.c: what this pid namespace and mount namespace hold: to compare before and after. */
struct census {
	size_t processes, mounts, agent_fds, cgroups, files;
};
struct census drive_census(void);

/* 0 when they are the same; else -1, and says what is left. */
int drive_compare(const struct census *before, const struct census *after);

/* Fixtures of a group whose tests share the agent. */
int start_agent(void **state);
int start_sandbox(void **state); /* an agent that has its sandbox */
int stop_agent(void **state);

/* After the test there is nothing more than before. */
#define COUNTED(test) cmocka_unit_test_setup_teardown(test, count_before, count_after)
int count_before(void **state);
int count_after(void **state);
