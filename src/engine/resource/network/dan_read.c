/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dan_read.c - from the file's text to what dan.c makes devices of
 */
#include <errno.h>
#include <json-c/json.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/random.h>

#include "engine/resource/network/dan_priv.h"
#include "engine/resource/network/physical.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "lib/net/tap.h"

#define DEPTH_MAX  8
#define MTU        1500
#define QUEUE_SIZE 256 /* QEMU's of a virtio-net device */

/* --- members; each is looked for in the object that err's text will name --- */

static int wrong(const char *key, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s' is no %s", key, what);
}

/* *ret stays NULL when there is none; null is none. */
static int get(json_object *in, const char *key, enum json_type type, const char *what,
	       json_object **ret, struct err *err)
{
	json_object *found = NULL;

	*ret = NULL;
	if (!json_object_object_get_ex(in, key, &found) || !found)
		return 0;
	if (!json_object_is_type(found, type))
		return wrong(key, what, err);
	*ret = found;
	return 0;
}

/* "" when there is none. */
static int get_text(json_object *in, const char *key, const char **ret, struct err *err)
{
	json_object *found;

	*ret = "";
	if (get(in, key, json_type_string, "string", &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	*ret = json_object_get_string(found);
	if (strlen(*ret) != (size_t)json_object_get_string_len(found))
		return err_set(err, ERR_INVALID, "'%s' has a zero byte", key);
	return 0;
}

static int need_text(json_object *in, const char *key, const char **ret, struct err *err)
{
	if (get_text(in, key, ret, err) < 0)
		return -1;
	return **ret ? 0 : err_set(err, ERR_INVALID, "'%s' is missing", key);
}

/* 0 when there is none. */
static int get_number(json_object *in, const char *key, int64_t max, uint32_t *ret, struct err *err)
{
	json_object *found;
	int64_t number;

	*ret = 0;
	if (get(in, key, json_type_int, "whole number", &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	number = json_object_get_int64(found);
	if (number < 0 || number > max)
		return err_set(err, ERR_INVALID, "'%s' is not from 0 to %lld", key, (long long)max);
	*ret = (uint32_t)number;
	return 0;
}

static int need_object(json_object *in, const char *key, json_object **ret, struct err *err)
{
	if (get(in, key, json_type_object, "object", ret, err) < 0)
		return -1;
	return *ret ? 0 : err_set(err, ERR_INVALID, "'%s' is missing", key);
}

/* An empty address leaves *ret as it was: none. */
static int get_ip(json_object *in, const char *key, struct net_ip *ret, struct err *err)
{
	const char *text;

	if (get_text(in, key, &text, err) < 0)
		return -1;
	return *text ? net_ip_parse(text, ret, err) : 0;
}

/* --- lists --- */

/* One item of a list about device number `device`. */
typedef int read_item(struct dan *dan, int device, json_object *item, struct err *err);

static int read_list(struct dan *dan, int device, json_object *in, const char *key, size_t n_before,
		     read_item *read, struct err *err)
{
	json_object *list;
	size_t n;

	if (get(in, key, json_type_array, "list", &list, err) < 0)
		return -1;
	n = list ? json_object_array_length(list) : 0;
	if (n + n_before > DAN_ENTRIES_MAX)
		return err_set(err, ERR_EXHAUSTED, "'%s': over %d in all", key, DAN_ENTRIES_MAX);
	for (size_t i = 0; i < n; i++) {
		if (read(dan, device, json_object_array_get_idx(list, i), err) < 0)
			return err_wrap(err, "'%s', number %zu", key, i + 1);
	}
	return 0;
}

static int read_address(struct dan *dan, int device, json_object *item, struct err *err)
{
	struct net_state *s = &dan->state;
	struct net_address address = { .link = device };

	if (!json_object_is_type(item, json_type_string))
		return err_set(err, ERR_INVALID, "it is no string");
	if (net_ip_parse_prefix(json_object_get_string(item), &address.ip, &address.prefix, err) <
	    0)
		return -1;
	s->addresses = xrealloc(s->addresses, s->n_addresses + 1, sizeof(*s->addresses));
	s->addresses[s->n_addresses++] = address;
	return 0;
}

/* The first that is there says it. */
static int family_of(const struct net_route *r)
{
	const int families[] = { r->to.family, r->gateway.family, r->source.family };

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (families[i] != AF_UNSPEC)
			return families[i];
	return AF_UNSPEC;
}

static int read_route(struct dan *dan, int device, json_object *item, struct err *err)
{
	struct net_state *s = &dan->state;
	struct net_route r = {
		.link = device, .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST
	};
	const char *dest;
	uint32_t scope;

	if (!json_object_is_type(item, json_type_object))
		return err_set(err, ERR_INVALID, "it is no object");
	if (get_text(item, "dest", &dest, err) < 0 ||
	    (*dest && net_ip_parse_prefix(dest, &r.to, &r.prefix, err) < 0) ||
	    get_ip(item, "gateway", &r.gateway, err) < 0 ||
	    get_ip(item, "source", &r.source, err) < 0 ||
	    get_number(item, "scope", UINT8_MAX, &scope, err) < 0 ||
	    get_number(item, "flags", UINT32_MAX, &r.flags, err) < 0 ||
	    get_number(item, "mtu", NET_MTU_MAX, &r.mtu, err) < 0)
		return -1;
	r.scope = scope;
	r.family = family_of(&r);
	if (r.family == AF_UNSPEC)
		return err_set(err, ERR_INVALID,
			       "it has neither 'dest' nor 'gateway' nor 'source'");
	s->routes = xrealloc(s->routes, s->n_routes + 1, sizeof(*s->routes));
	s->routes[s->n_routes++] = r;
	return 0;
}

static int read_neighbour(struct dan *dan, int device, json_object *item, struct err *err)
{
	struct net_state *s = &dan->state;
	struct net_neighbour n = { .link = device, .state = NUD_PERMANENT, .has_mac = true };
	const char *ip, *mac;
	unsigned int ignored;
	uint32_t flags;

	if (!json_object_is_type(item, json_type_object))
		return err_set(err, ERR_INVALID, "it is no object");
	if (need_text(item, "ip_address", &ip, err) < 0 ||
	    net_ip_parse_prefix(ip, &n.ip, &ignored, err) < 0 ||
	    need_text(item, "hardware_addr", &mac, err) < 0 || net_mac_parse(mac, n.mac, err) < 0 ||
	    get_number(item, "flags", UINT8_MAX, &flags, err) < 0)
		return -1;
	n.flags = flags;
	s->neighbours = xrealloc(s->neighbours, s->n_neighbours + 1, sizeof(*s->neighbours));
	s->neighbours[s->n_neighbours++] = n;
	return 0;
}

/* --- devices --- */

static int read_queues(json_object *device, struct endpoint_plan *plan, struct err *err)
{
	uint32_t num, size;

	if (get_number(device, "queue_num", TAP_QUEUES_MAX, &num, err) < 0 ||
	    get_number(device, "queue_size", UINT16_MAX, &size, err) < 0)
		return -1;
	if (size != 0 && size != QUEUE_SIZE)
		return err_set(err, ERR_UNIMPLEMENTED, "'queue_size' %u: queues have %d entries",
			       size, QUEUE_SIZE);
	plan->n_queues = num;
	return 0;
}

static int read_tap(json_object *device, struct endpoint_plan *plan, struct err *err)
{
	const char *name;

	if (need_text(device, "tap_name", &name, err) < 0 || net_name_check(name, err) < 0)
		return -1;
	(void)strcpy(plan->host_name, name);
	plan->kind = ENDPOINT_TAP;
	return read_queues(device, plan, err);
}

static int read_vhost_user(json_object *device, struct endpoint_plan *plan, struct err *err)
{
	const char *path;

	if (need_text(device, "path", &path, err) < 0)
		return -1;
	if (path[0] != '/' || strlen(path) >= sizeof(plan->socket))
		return err_set(err, ERR_INVALID, "'path' is no absolute path of at most %zu bytes",
			       sizeof(plan->socket) - 1);
	(void)strcpy(plan->socket, path);
	plan->kind = ENDPOINT_VHOST_USER;
	return read_queues(device, plan, err);
}

static int read_vfio(json_object *device, struct endpoint_plan *plan, struct err *err)
{
	const char *pci;

	if (need_text(device, "pci_device_id", &pci, err) < 0)
		return -1;
	if (!physical_is_address(pci))
		return err_set(err, ERR_INVALID,
			       "'pci_device_id' is no PCI address as '0000:00:05.0'");
	(void)strcpy(plan->pci, pci);
	plan->kind = ENDPOINT_PHYSICAL;
	return 0;
}

static int read_type(json_object *device, struct endpoint_plan *plan, struct err *err)
{
	const char *type;

	if (need_text(device, "type", &type, err) < 0)
		return -1;
	if (strcmp(type, "host-tap") == 0)
		return read_tap(device, plan, err);
	if (strcmp(type, "vhost-user") == 0)
		return read_vhost_user(device, plan, err);
	if (strcmp(type, "vfio") == 0)
		return read_vfio(device, plan, err);
	return err_set(err, ERR_UNIMPLEMENTED, "type '%.32s' is not supported", type);
}

static int read_mac(json_object *item, uint8_t ret[static ETH_ALEN], struct err *err)
{
	const char *text;

	if (get_text(item, "guest_mac", &text, err) < 0)
		return -1;
	if (*text)
		return net_mac_parse(text, ret, err);
	if (getrandom(ret, ETH_ALEN, 0) != ETH_ALEN)
		return err_sys(err, errno, "make 'guest_mac'");
	ret[0] = (uint8_t)((ret[0] & ~1u) | 2u); /* one station's, locally administered */
	return 0;
}

static int read_interface(struct dan *dan, int device, json_object *item, struct err *err)
{
	struct endpoint_plan *plan = &dan->plans[device];
	json_object *info, *interface;
	uint32_t flags;

	if (need_object(item, "network_info", &info, err) < 0 ||
	    need_object(info, "interface", &interface, err) < 0 ||
	    get_number(interface, "mtu", NET_MTU_MAX, &plan->mtu, err) < 0 ||
	    get_number(interface, "flags", UINT32_MAX, &flags, err) < 0)
		return -1;
	plan->mtu = plan->mtu ? plan->mtu : MTU;
	dan->flags[device] = flags & IFF_NOARP;
	if (read_list(dan, device, interface, "ip_addresses", dan->state.n_addresses, read_address,
		      err) < 0 ||
	    read_list(dan, device, info, "routes", dan->state.n_routes, read_route, err) < 0)
		return -1;
	return read_list(dan, device, info, "neighbors", dan->state.n_neighbours, read_neighbour,
			 err);
}

/* Of what a plan names only one is not "". */
static bool is_same_thing(const struct endpoint_plan *a, const struct endpoint_plan *b)
{
	return strcmp(a->host_name, b->host_name) == 0 && strcmp(a->socket, b->socket) == 0 &&
	       strcmp(a->pci, b->pci) == 0;
}

static int check_single(const struct dan *dan, const struct endpoint_plan *plan, struct err *err)
{
	for (size_t i = 0; i < dan->n; i++) {
		const struct endpoint_plan *other = &dan->plans[i];

		if (strcmp(other->name, plan->name) == 0)
			return err_set(err, ERR_INVALID, "it is there twice");
		if (is_same_thing(other, plan))
			return err_set(err, ERR_INVALID, "device '%s' is the same one",
				       other->name);
	}
	return 0;
}

static int read_device(struct dan *dan, json_object *item, struct err *err)
{
	struct endpoint_plan *plan = &dan->plans[dan->n];
	json_object *device;
	const char *name;

	if (!json_object_is_type(item, json_type_object))
		return err_set(err, ERR_INVALID, "a device is no object");
	if (need_text(item, "name", &name, err) < 0 || net_name_check(name, err) < 0)
		return err_wrap(err, "device");
	*plan = (struct endpoint_plan){ .model = ENDPOINT_DIRECT };
	(void)strcpy(plan->name, name);
	if (read_mac(item, plan->mac, err) < 0 || need_object(item, "device", &device, err) < 0 ||
	    read_type(device, plan, err) < 0 || check_single(dan, plan, err) < 0 ||
	    read_interface(dan, (int)dan->n, item, err) < 0)
		return err_wrap(err, "device '%s'", name);
	dan->n++;
	return 0;
}

static int read_devices(struct dan *dan, json_object *root, struct err *err)
{
	json_object *list;
	const char *netns;
	size_t n;

	if (get_text(root, "netns", &netns, err) < 0 ||
	    get(root, "devices", json_type_array, "list", &list, err) < 0)
		return -1;
	dan->netns = xstrdup(netns);
	if (!list)
		return err_set(err, ERR_INVALID, "'devices' is missing");
	n = json_object_array_length(list);
	if (n > ENDPOINTS_MAX)
		return err_set(err, ERR_EXHAUSTED, "'devices': over %d", ENDPOINTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (read_device(dan, json_object_array_get_idx(list, i), err) < 0)
			return -1;
	return 0;
}

/* --- the whole --- */

static json_object *parse_object(const char *text, size_t len, struct err *err)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
	json_object *root = NULL;
	enum json_tokener_error why;

	if (!tok || len > DAN_FILE_MAX) {
		err_set(err, ERR_EXHAUSTED, "read as JSON: over %u bytes", DAN_FILE_MAX);
		json_tokener_free(tok);
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	json_tokener_free(tok);
	if (why == json_tokener_success && json_object_is_type(root, json_type_object))
		return root;
	json_object_put(root);
	err_set(err, ERR_INVALID, "read as JSON: %s",
		why == json_tokener_success    ? "it is no object"
		: why == json_tokener_continue ? "it ends too early"
					       : json_tokener_error_desc(why));
	return NULL;
}

struct dan *dan_parse(const char *text, size_t len, struct err *err)
{
	json_object *root = parse_object(text, len, err);
	struct dan *dan;
	int r;

	if (!root)
		return NULL;
	dan = xnew(struct dan);
	r = read_devices(dan, root, err);
	json_object_put(root);
	if (r == 0)
		return dan;
	dan_free(dan);
	return NULL;
}
