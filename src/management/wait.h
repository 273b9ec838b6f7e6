/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * wait.h - requests whose answer is still being asked for
 *
 * The client may hang up, and the server may go, before whoever was asked has answered: the wait
 * stays until then, and finds nobody to tell.
 */
#include <stddef.h>

#include "lib/base/list.h"

struct evhttp_request;

struct waits {
	struct list list;
	size_t n;
};

struct wait {
	struct list node;           /* in waits->list */
	struct waits *waits;        /* NULL: gone */
	struct evhttp_request *req; /* NULL: nobody waits any more */
};

void waits_init(struct waits *waits);
/* Every request is forgotten; the waits go when they are answered. */
void waits_done(struct waits *waits);

/* Owned by whoever is asked, until wait_end(). */
struct wait *wait_new(struct waits *waits, struct evhttp_request *req);
/* Frees it. The request to be answered; NULL: there is none any more. */
struct evhttp_request *wait_end(struct wait *wait);
