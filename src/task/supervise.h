/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * supervise.h - the life of a process that supervises one sandbox
 *
 * What kata-proxy and containerd-shim-kata-v2 have in common: an event loop, the Task service on a
 * listening socket, what the engine tells written to the log, and the way out. The process ends
 * when it was told to shut down, by a call or by SIGTERM or SIGINT, or when it has been without a
 * container, and nobody was making one, for SUPERVISE_IDLE_MS. Whatever the reason, it takes the
 * sandbox down first, and its last answers are given SUPERVISE_FLUSH_MS to be read.
 */
#include "task/task.h"

#define SUPERVISE_IDLE_MS  30000
#define SUPERVISE_FLUSH_MS 2000

struct supervise;

/* Those without a comment may be NULL. */
struct supervise_front {
	/* Required. */
	struct config *(*configure)(void *arg, const Grpc__Spec *spec, const char *config_path,
				    struct err *err);
	void (*created)(void *arg, const char *id, const char *bundle);
	void (*oom)(void *arg, const struct container *c);
	void (*event)(void *arg, const char *topic, const ProtobufCMessage *message); /* task.h */
	/* The process ends because nobody makes a container. */
	void (*idle)(void *arg);
	/* The sandbox and its directory are gone: done is to be called once what is left to tell is
	 * told, also from inside. */
	void (*down)(void *arg, void (*done)(void *done_arg), void *done_arg);
	/* Without its first container the process ends at once: nobody will make another. */
	bool ends_stillborn;
};

/* sandbox_id, front and arg are borrowed. The sandbox's directory (journal.h) was made by now. */
struct supervise *supervise_new(const char *sandbox_id, const struct supervise_front *front,
				void *arg);
struct event_base *supervise_base(const struct supervise *s);
struct tasks *supervise_tasks(const struct supervise *s);

/*
 * Serve until the end. services are those of the front end, borrowed. Takes listen_fd, also on
 * failure, which is that of listening.
 */
int supervise_run(struct supervise *s, int listen_fd, const struct ttrpc_service *services,
		  size_t n_services, struct err *err);
void supervise_free(struct supervise *s);
