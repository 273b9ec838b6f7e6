/* SPDX-License-Identifier: Apache-2.0 */
#include "management/wait.h"

#include <event2/http.h>
#include <stdlib.h>

#include "lib/base/mem.h"

static void on_hung_up(struct evhttp_connection *conn, void *arg)
{
	struct wait *wait = arg;

	(void)conn;
	wait->req = NULL; /* it goes with its connection */
}

/* The request, which hears of nothing any more. */
static struct evhttp_request *forget(struct wait *wait)
{
	struct evhttp_request *req = wait->req;

	wait->req = NULL;
	list_remove(&wait->node);
	if (wait->waits)
		wait->waits->n--;
	wait->waits = NULL;
	if (req)
		evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	return req;
}

void waits_init(struct waits *waits)
{
	list_init(&waits->list);
	waits->n = 0;
}

void waits_done(struct waits *waits)
{
	list_for_each_safe(&waits->list, struct wait, node, wait)
		(void)forget(wait);
}

struct wait *wait_new(struct waits *waits, struct evhttp_request *req)
{
	struct wait *wait = xnew(struct wait);

	*wait = (struct wait){ .waits = waits, .req = req };
	list_add(&waits->list, &wait->node);
	waits->n++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_hung_up, wait);
	return wait;
}

struct evhttp_request *wait_end(struct wait *wait)
{
	struct evhttp_request *req = forget(wait);

	free(wait);
	return req;
}
