/* SPDX-License-Identifier: Apache-2.0 */
#include "management/network.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <json-c/json.h>
#include <string.h>

#include "agent.pb-c.h"
#include "engine/config/config.h"
#include "engine/engine.h"
#include "engine/resource/network/network.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/oci/message.h"
#include "lib/oci/spec.h"
#include "management/answer.h"
#include "management/wait.h"
#include "task/task.h"

struct network_server {
	struct tasks *tasks;
	struct waits waits;
};

/* --- what each interface is to the VM --- */

static void add_text(json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

static void add_number(json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static void add_flag(json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

static json_object *make_link(const struct net_link *link)
{
	json_object *out = json_object_new_object();

	add_text(out, "name", link->name);
	add_text(out, "kind", link->kind);
	add_flag(out, "up", link->flags & IFF_UP);
	add_flag(out, "carrier", link->carrier);
	add_number(out, "mtu", link->mtu);
	add_number(out, "rxBytes", link->rx_bytes);
	add_number(out, "rxPackets", link->rx_packets);
	add_number(out, "rxErrors", link->rx_errors);
	add_number(out, "rxDropped", link->rx_dropped);
	add_number(out, "txBytes", link->tx_bytes);
	add_number(out, "txPackets", link->tx_packets);
	add_number(out, "txErrors", link->tx_errors);
	add_number(out, "txDropped", link->tx_dropped);
	return out;
}

static json_object *make_addresses(const struct network_view *view)
{
	json_object *out = json_object_new_array();

	for (size_t i = 0; i < view->state->n_addresses; i++) {
		const struct net_address *address = &view->state->addresses[i];
		char ip[NET_IP_TEXT];
		scoped_free char *text = NULL;

		if (address->link != view->plan->link)
			continue;
		net_ip_format(&address->ip, ip);
		text = xasprintf("%s/%u", ip, address->prefix);
		json_object_array_add(out, json_object_new_string(text));
	}
	return out;
}

static void add_device(void *arg, const struct network_view *view)
{
	json_object *out = json_object_new_object();
	char mac[NET_MAC_TEXT];

	net_mac_format(view->plan->mac, mac);
	add_text(out, "name", view->plan->name);
	add_text(out, "type", endpoint_kind_name(view->plan->kind));
	add_text(out, "model", endpoint_model_name(view->plan->model));
	add_text(out, "hwAddr", mac);
	add_number(out, "mtu", view->plan->mtu);
	json_object_object_add(out, "addresses", make_addresses(view));
	add_text(out, "device", view->id);
	add_text(out, "devicePath", view->pci_path);
	add_number(out, "queues", view->n_queues);
	add_flag(out, "vhost", view->vhost);
	add_flag(out, "plugged", view->plugged);
	add_flag(out, "carrier", view->carrier);
	add_flag(out, "guestConfigured", view->told);
	if (view->link)
		json_object_object_add(out, "link", make_link(view->link));
	if (view->tap)
		json_object_object_add(out, "tap", make_link(view->tap));
	json_object_array_add(arg, out);
}

static void answer_json(struct evhttp_request *req, json_object *root)
{
	scoped_free char *text =
		xasprintf("%s\n", json_object_to_json_string_ext(
					  root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							JSON_C_TO_STRING_NOSLASHESCAPE));

	answer(req, HTTP_OK, "OK", TEXT_JSON, text);
}

void network_serve(struct network_server *server, struct evhttp_request *req)
{
	struct sandbox *sb = tasks_sandbox(server->tasks);
	struct network *network = sb ? sandbox_network(sb) : NULL;
	json_object *devices = json_object_new_array();
	json_object *root = json_object_new_object();
	struct err err = ERR_INIT;

	add_text(root, "model",
		 network ? sandbox_config(sb)->runtime.internetworking_model : "none");
	json_object_object_add(root, "interfaces", devices);
	if (network && network_each(network, add_device, devices, &err) < 0)
		answer_error(req, &err);
	else
		answer_json(req, root);
	json_object_put(root);
}

/* --- requests that take their time --- */

static void answer_list(struct evhttp_request *req, const ProtobufCMessage *reply)
{
	scoped_free char *text = spec_format(reply);
	json_object *whole = json_tokener_parse(text), *list = NULL;

	json_object_object_foreach(whole, key, value) {
		(void)key;
		list = value; /* the only field there is */
	}
	if (list)
		answer_json(req, list);
	else
		answer(req, HTTP_OK, "OK", TEXT_JSON, "[ ]\n");
	json_object_put(whole);
}

static void on_answered(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct evhttp_request *req = wait_end(arg);

	if (!req)
		return;
	if (err)
		answer_error(req, err);
	else if (reply && evhttp_request_get_command(req) == EVHTTP_REQ_GET)
		answer_list(req, reply);
	else
		answer(req, HTTP_OK, "OK", TEXT_PLAIN, "");
}

static void ask(struct network_server *server, struct evhttp_request *req, enum network_verb verb,
		const ProtobufCMessage *message)
{
	struct sandbox *sb = tasks_sandbox(server->tasks);
	struct network *network = sb ? sandbox_network(sb) : NULL;

	if (network)
		network_request(network, verb, message, on_answered, wait_new(&server->waits, req));
	else
		answer_unavailable(req, "the sandbox has no network that is connected\n");
}

/* What a message with the text as its value of key says, or as a whole if there is no key. */
static ProtobufCMessage *read_body(struct evhttp_request *req, const char *key,
				   const ProtobufCMessageDescriptor *desc)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	scoped_free char *body = xcalloc(1, len + 1);
	scoped_free char *text = NULL;
	struct err err = ERR_INIT;
	ProtobufCMessage *msg;

	(void)evbuffer_copyout(in, body, len);
	text = key ? xasprintf("{ \"%s\": %s }", key, body) : xstrdup(body);
	msg = spec_parse(desc, text, strlen(text), &err);
	if (!msg)
		answer_error(req, &err);
	return msg;
}

static void change(struct network_server *server, struct evhttp_request *req,
		   enum network_verb verb, const char *key, const ProtobufCMessageDescriptor *desc)
{
	ProtobufCMessage *msg = read_body(req, key, desc);

	if (!msg)
		return;
	ask(server, req, verb, msg);
	protobuf_c_message_free_unpacked(msg, NULL);
}

void network_serve_interfaces(struct network_server *server, struct evhttp_request *req)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(req);

	if (method == EVHTTP_REQ_PUT)
		change(server, req, NETWORK_ADD_INTERFACE, NULL, &types__interface__descriptor);
	else if (method == EVHTTP_REQ_DELETE)
		change(server, req, NETWORK_REMOVE_INTERFACE, NULL, &types__interface__descriptor);
	else
		ask(server, req, NETWORK_LIST_INTERFACES, NULL);
}

void network_serve_routes(struct network_server *server, struct evhttp_request *req)
{
	if (evhttp_request_get_command(req) == EVHTTP_REQ_PUT)
		change(server, req, NETWORK_UPDATE_ROUTES, "Routes", &grpc__routes__descriptor);
	else
		ask(server, req, NETWORK_LIST_ROUTES, NULL);
}

/* --- life --- */

struct network_server *network_server_new(struct tasks *tasks)
{
	struct network_server *server = xnew(struct network_server);

	server->tasks = tasks;
	waits_init(&server->waits);
	return server;
}

/* Those that are still out are told by the engine, and find nobody to answer. */
void network_server_free(struct network_server *server)
{
	if (!server)
		return;
	waits_done(&server->waits);
	free(server);
}
