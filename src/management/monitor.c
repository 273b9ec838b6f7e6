/* SPDX-License-Identifier: Apache-2.0 */
#include "management/monitor.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ttrpc/unix.h"
#include "management/answer.h"
#include "management/iptables.h"
#include "management/network.h"
#include "management/scrape.h"
#include "task/task.h"

struct monitor {
	struct event_base *base;
	struct tasks *tasks;
	struct evhttp *http;
	struct scraper *scraper;
	struct network_server *networks;
	struct iptables_server *iptables;
	struct list waits;
	uint64_t started_ns; /* monotonic */
};

/* --- /metrics --- */

/* A request whose answer is being collected. */
struct wait {
	struct list node; /* in monitor->waits */
	struct evhttp_request *req;
	struct scrape *scrape;
};

static void wait_free(struct wait *wait)
{
	list_remove(&wait->node);
	free(wait);
}

static void on_scraped(void *arg, const char *text, size_t len)
{
	struct wait *wait = arg;
	struct evhttp_request *req = wait->req;

	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	wait_free(wait);
	answer_bytes(req, HTTP_OK, "OK", TEXT_METRICS, text, len);
}

/* The request goes with its connection. */
static void on_hung_up(struct evhttp_connection *conn, void *arg)
{
	struct wait *wait = arg;

	(void)conn;
	scrape_cancel(wait->scrape);
	wait_free(wait);
}

static void serve_metrics(struct monitor *m, struct evhttp_request *req)
{
	struct wait *wait;

	if (scraper_under_way(m->scraper) >= MONITOR_SCRAPES_MAX) {
		answer_unavailable(req, "too many requests for metrics at once\n");
		return;
	}
	wait = xnew(struct wait);
	wait->req = req;
	list_add(&m->waits, &wait->node);
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_hung_up, wait);
	wait->scrape = scraper_start(m->scraper, on_scraped, wait);
}

/* --- /agent-url --- */

static void serve_agent_url(struct monitor *m, struct evhttp_request *req)
{
	struct sandbox *sb = tasks_sandbox(m->tasks);
	scoped_free char *url = sb ? sandbox_agent_url(sb) : NULL;

	if (url)
		answer(req, HTTP_OK, "OK", TEXT_PLAIN, url);
	else
		answer_unavailable(req, "the sandbox has no virtual machine\n");
}

/* --- /network --- */

static void serve_network(struct monitor *m, struct evhttp_request *req)
{
	network_serve(m->networks, req);
}

static void serve_interfaces(struct monitor *m, struct evhttp_request *req)
{
	network_serve_interfaces(m->networks, req);
}

static void serve_routes(struct monitor *m, struct evhttp_request *req)
{
	network_serve_routes(m->networks, req);
}

/* --- /iptables --- */

static void serve_iptables(struct monitor *m, struct evhttp_request *req)
{
	iptables_serve(m->iptables, req, false);
}

static void serve_ip6tables(struct monitor *m, struct evhttp_request *req)
{
	iptables_serve(m->iptables, req, true);
}

/* --- /debug --- */

struct steps {
	struct str text;
	uint64_t total_ns;
};

static void add_step(void *arg, const char *operation, const char *step, uint64_t took_ns)
{
	struct steps *steps = arg;

	steps->total_ns += took_ns;
	str_addf(&steps->text, "%-14s %-28s %10.1f\n", operation, step,
		 (double)took_ns / NS_PER_MS);
}

static void serve_timeline(struct monitor *m, struct evhttp_request *req)
{
	struct sandbox *sb = tasks_sandbox(m->tasks);
	struct steps steps = { 0 };

	str_addf(&steps.text, "%-14s %-28s %10s\n", "OPERATION", "STEP", "MS");
	if (sb)
		sandbox_timeline(sb, add_step, &steps);
	str_addf(&steps.text, "%-14s %-28s %10.1f\n", "total", "",
		 (double)steps.total_ns / NS_PER_MS);
	answer(req, HTTP_OK, "OK", TEXT_PLAIN, str_get(&steps.text));
	str_done(&steps.text);
}

/* Ids were checked when they came in (id.h): nothing in them needs to be escaped. */
static void add_container(void *arg, struct container *c)
{
	struct str *out = arg;

	str_addf(out, "%s{\"id\":\"%s\",\"status\":\"%s\"}", str_ends(str_get(out), "[") ? "" : ",",
		 container_id(c), container_status_name(container_status(c)));
}

static void serve_vars(struct monitor *m, struct evhttp_request *req)
{
	struct sandbox *sb = tasks_sandbox(m->tasks);
	struct str text = { 0 };

	str_addf(&text, "{\"version\":\"%s\",\"pid\":%d,\"uptime_ms\":%llu,", KATA_VERSION,
		 (int)getpid(),
		 (unsigned long long)((clock_mono_ns() - m->started_ns) / NS_PER_MS));
	str_addf(&text, "\"open_calls\":%zu,\"sandbox_up\":%s,\"containers\":[",
		 tasks_open_calls(m->tasks), sb && sandbox_is_up(sb) ? "true" : "false");
	if (sb)
		sandbox_each(sb, add_container, &text);
	str_add(&text, "]}\n");
	answer(req, HTTP_OK, "OK", TEXT_JSON, str_get(&text));
	str_done(&text);
}

/* --- paths --- */

struct route {
	const char *path;
	void (*serve)(struct monitor *m, struct evhttp_request *req); /* NULL: known, not built */
	int methods; /* besides GET and HEAD */
};

static const struct route routes[] = {
	{ "/metrics", serve_metrics },
	{ "/network", serve_network },
	{ "/network/interfaces", serve_interfaces, EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE },
	{ "/network/routes", serve_routes, EVHTTP_REQ_PUT },
	{ "/iptables", serve_iptables, EVHTTP_REQ_PUT },
	{ "/ip6tables", serve_ip6tables, EVHTTP_REQ_PUT },
	{ "/agent-url", serve_agent_url },
	{ "/debug/timeline", serve_timeline },
	{ "/debug/vars", serve_vars },
	{ "/direct-volume/stats", NULL },
	{ "/direct-volume/resize", NULL },
	{ "/policy", NULL },
};

static void answer_not_found(struct evhttp_request *req)
{
	struct str text = { 0 };

	str_add(&text, "not here; there is:\n");
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (routes[i].serve)
			str_addf(&text, "  %s\n", routes[i].path);
	answer(req, HTTP_NOTFOUND, "Not Found", TEXT_PLAIN, str_get(&text));
	str_done(&text);
}

static void answer_unbuilt(struct evhttp_request *req, const char *path)
{
	scoped_free char *text = xasprintf("'%s' is not available yet\n", path);

	answer(req, HTTP_NOTIMPLEMENTED, "Not Implemented", TEXT_PLAIN, text);
}

static void answer_bad_method(struct evhttp_request *req, const struct route *route)
{
	scoped_free char *allowed = xasprintf("GET, HEAD%s%s",
					      route->methods & EVHTTP_REQ_PUT ? ", PUT" : "",
					      route->methods & EVHTTP_REQ_DELETE ? ", DELETE" : "");
	scoped_free char *text = xasprintf("'%s' is for %s\n", route->path, allowed);

	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", allowed);
	answer(req, HTTP_BADMETHOD, "Method Not Allowed", TEXT_PLAIN, text);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	for (size_t i = 0; path && i < ARRAY_LEN(routes); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (!routes[i].serve)
			answer_unbuilt(req, path);
		else if (!(method & (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | routes[i].methods)))
			answer_bad_method(req, &routes[i]);
		else
			routes[i].serve(arg, req);
		return;
	}
	answer_not_found(req);
}

/* --- life --- */

static int listen_on(struct monitor *m, int fd)
{
	/* Every method that it can name, so that a wrong one is answered by us. */
	const ev_uint16_t methods = EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
				    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
				    EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH;

	evhttp_set_allowed_methods(m->http, methods);
	evhttp_set_max_headers_size(m->http, MONITOR_HEADERS_MAX);
	evhttp_set_max_body_size(m->http, MONITOR_BODY_MAX);
	evhttp_set_timeout(m->http, MONITOR_IDLE_S);
	evhttp_set_gencb(m->http, on_request, m);
	return evhttp_accept_socket(m->http, fd);
}

struct monitor *monitor_new(struct event_base *base, struct tasks *tasks, int listen_fd)
{
	struct monitor *m = xnew(struct monitor);

	*m = (struct monitor){ .base = base, .tasks = tasks, .started_ns = clock_mono_ns() };
	list_init(&m->waits);
	m->scraper = scraper_new(base, tasks);
	m->networks = network_server_new(tasks);
	m->iptables = iptables_server_new(tasks);
	m->http = evhttp_new(base);
	if (m->http && listen_on(m, listen_fd) == 0)
		return m;
	close(listen_fd);
	monitor_free(m);
	return NULL;
}

struct monitor *monitor_listen(struct event_base *base, struct tasks *tasks,
			       const char *sandbox_dir, struct err *err)
{
	scoped_free char *path = xasprintf("%s/" MONITOR_SOCKET, sandbox_dir);
	int fd = unix_listen(path, err);
	struct monitor *m = fd < 0 ? NULL : monitor_new(base, tasks, fd);

	if (fd >= 0 && !m)
		(void)err_set(err, ERR_INTERNAL, "serve HTTP on '%s'", path);
	return m;
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	list_for_each_safe(&m->waits, struct wait, node, wait) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(wait->req), NULL, NULL);
		wait_free(wait); /* its request goes with the connection, its scrape with the
				    scraper */
	}
	scraper_free(m->scraper);
	network_server_free(m->networks);
	iptables_server_free(m->iptables);
	if (m->http)
		evhttp_free(m->http);
	free(m);
}
