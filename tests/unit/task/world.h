/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * world.h - the Task service over a fake engine, and a client that calls it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "lib/base/defs.h"
#include "task.pb-c.h"
#include "task/task.h"

struct event_base;

/* The front end: notes what it hears. */
struct front {
	size_t n_configured, n_down, n_stillborn, n_empty, n_busy, n_failed, n_forgotten;
	char created[64]; /* ids */
	char events[2048]; /* "/tasks/exit c1/e1 4711 7 5000000007\n": id, exec id, pid, status, when */
	ProtobufCMessage *event; /* the last one, owned */
	struct err refuse;
};

struct world {
	struct event_base *base;
	struct ttrpc_service service;
	struct ttrpc_server *server;
	struct ttrpc_client *client;
	struct tasks *tasks;
	struct front front;
	char dir[64];
};

int setup(void **state);
int teardown(void **state);

/* Until nothing moves any more. */
void turn(struct world *w);

/* A call and what came of it. */
struct answer {
	bool over;
	struct err err;
	ProtobufCMessage *resp;
};

/* For a call made by hand; arg is a struct answer. */
void on_answer(void *arg, const ProtobufCMessage *resp, const struct err *err);
void ask(struct world *w, const char *method, const ProtobufCMessage *req, struct answer *a);
void forget(struct answer *a);

/* It has come; the answer is dropped. part: in the error's text. */
void expect_done(struct world *w, struct answer *a);
void expect_error(struct world *w, struct answer *a, enum err_code code, const char *part);

#define REQUEST(Type, TYPE, ...)                                                                 \
	(&((Containerd__Task__V2__##Type){                                                       \
		   .base = PROTOBUF_C_MESSAGE_INIT(&containerd__task__v2__##TYPE##__descriptor), \
		   __VA_ARGS__ })                                                                \
		  .base)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A container that the engine has made. */
void create(struct world *w, char *id);
void init_create(Containerd__Task__V2__CreateTaskRequest *req, struct world *w, char *id);
struct container *the_container(char *id);
void set_exit(struct process *p, int status);

/* What was told since the last time is this. */
void expect_events(struct world *w, const char *lines);

/* What the messages take for a name; they are not const there. */
extern char empty[], c1[], c2[], e1[];
