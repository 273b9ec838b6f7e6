/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/netlist.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SCOPE_LINK   253 /* RT_SCOPE_LINK */
#define ROUTE_TEXT   (1u << 20)
#define RTF6_LOCAL   0x80000000u /* RTF_LOCAL, RTF_ANYCAST of linux/ipv6_route.h */
#define RTF6_ANYCAST 0x00100000u
#define WORDS_MAX    12

static char *read_attribute(const char *interface, const char *name)
{
	scoped_free char *path = xasprintf("/sys/class/net/%s/%s", interface, name);
	char *text = NULL;
	struct err ignored = ERR_INIT; /* gone in between */

	if (file_read(path, 256, &text, NULL, &ignored) < 0)
		return xstrdup("");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static unsigned int prefix_of(const struct sockaddr *mask)
{
	const uint8_t *bytes = NULL;
	size_t n = 0;
	unsigned int bits = 0;

	if (mask && mask->sa_family == AF_INET) {
		bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)
				->sin_addr;
		n = 4;
	} else if (mask && mask->sa_family == AF_INET6) {
		bytes = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)
				->sin6_addr;
		n = 16;
	}
	for (size_t i = 0; i < n; i++)
		bits += (unsigned int)__builtin_popcount(bytes[i]);
	return bits;
}

static Types__IPAddress *make_address(const struct ifaddrs *ifa)
{
	bool v6 = ifa->ifa_addr->sa_family == AF_INET6;
	Types__IPAddress *a = xnew(Types__IPAddress);
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes = &((const struct sockaddr_in *)(const void *)ifa->ifa_addr)->sin_addr;

	if (v6)
		bytes = &((const struct sockaddr_in6 *)(const void *)ifa->ifa_addr)->sin6_addr;
	types__ipaddress__init(a);
	inet_ntop(ifa->ifa_addr->sa_family, bytes, text, sizeof(text));
	a->family = v6 ? TYPES__IPFAMILY__v6 : TYPES__IPFAMILY__v4;
	a->address = xstrdup(text);
	a->mask = xasprintf("%u", prefix_of(ifa->ifa_netmask));
	return a;
}

static void add_addresses(Types__Interface *iface, const struct ifaddrs *all)
{
	for (const struct ifaddrs *ifa = all; ifa && iface->n_ipaddresses < NETLIST_MAX;
	     ifa = ifa->ifa_next) {
		if (!ifa->ifa_addr || strcmp(ifa->ifa_name, iface->name) != 0 ||
		    (ifa->ifa_addr->sa_family != AF_INET && ifa->ifa_addr->sa_family != AF_INET6))
			continue;
		iface->ipaddresses = xrealloc(iface->ipaddresses, iface->n_ipaddresses + 1,
					      sizeof(*iface->ipaddresses));
		iface->ipaddresses[iface->n_ipaddresses++] = make_address(ifa);
	}
}

static Types__Interface *make_interface(const char *name, const struct ifaddrs *all)
{
	Types__Interface *iface = xnew(Types__Interface);
	scoped_free char *mtu = read_attribute(name, "mtu");
	scoped_free char *flags = read_attribute(name, "flags");

	types__interface__init(iface);
	iface->name = xstrdup(name);
	iface->device = xstrdup(name);
	iface->hwaddr = read_attribute(name, "address");
	iface->mtu = strtoull(mtu, NULL, 10);
	iface->raw_flags = (uint32_t)strtoul(flags, NULL, 16);
	add_addresses(iface, all);
	return iface;
}

Grpc__Interfaces *netlist_interfaces(void)
{
	Grpc__Interfaces *list = xnew(Grpc__Interfaces);
	struct ifaddrs *all = NULL;
	DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;

	grpc__interfaces__init(list);
	(void)getifaddrs(&all); /* without addresses if it fails */
	list->interfaces = xcalloc(NETLIST_MAX, sizeof(*list->interfaces));
	while (dir && list->n_interfaces < NETLIST_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			list->interfaces[list->n_interfaces++] = make_interface(entry->d_name, all);
	if (dir)
		closedir(dir);
	freeifaddrs(all);
	return list;
}

/* Routes */

static bool parse_hex(const char *word, unsigned long *ret)
{
	char *end;

	*ret = strtoul(word, &end, 16);
	return *word && !*end;
}

static char *v4_text(unsigned long word, int prefix)
{
	struct in_addr addr = { .s_addr = (in_addr_t)word }; /* as it lies in memory */
	char text[INET_ADDRSTRLEN];

	if (!inet_ntop(AF_INET, &addr, text, sizeof(text)))
		return xstrdup("");
	return prefix < 0 ? xstrdup(text) : xasprintf("%s/%d", text, prefix);
}

static bool parse_v4(char *const *words, size_t n, Types__Route *ret)
{
	unsigned long dest, gateway, flags, mask, mtu;

	if (n < 9 || !parse_hex(words[1], &dest) || !parse_hex(words[2], &gateway) ||
	    !parse_hex(words[3], &flags) || !parse_hex(words[7], &mask))
		return false;
	mtu = strtoul(words[8], NULL, 10);
	if (!(flags & RTF_UP) || (flags & RTF_REJECT))
		return false;
	types__route__init(ret);
	ret->device = xstrdup(words[0]);
	ret->dest = dest || mask ? v4_text(dest, __builtin_popcountl(mask)) : xstrdup("");
	ret->gateway = flags & RTF_GATEWAY ? v4_text(gateway, -1) : xstrdup("");
	ret->source = xstrdup("");
	ret->scope = flags & RTF_GATEWAY ? 0 : SCOPE_LINK;
	ret->family = TYPES__IPFAMILY__v4;
	ret->mtu = (uint32_t)mtu;
	return true;
}

static bool parse_v6_address(const char *word, struct in6_addr *ret)
{
	if (strlen(word) != 32 || word[strspn(word, "0123456789abcdefABCDEF")])
		return false;
	for (size_t i = 0; i < 16; i++) {
		char pair[3] = { word[2 * i], word[2 * i + 1], '\0' };

		ret->s6_addr[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static bool parse_v6(char *const *words, size_t n, Types__Route *ret)
{
	struct in6_addr dest, gateway;
	char text[INET6_ADDRSTRLEN] = "";
	unsigned long prefix, flags;

	if (n < 10 || !parse_v6_address(words[0], &dest) || !parse_hex(words[1], &prefix) ||
	    !parse_v6_address(words[4], &gateway) || !parse_hex(words[8], &flags) || prefix > 128)
		return false;
	if (!(flags & RTF_UP) || (flags & (RTF_REJECT | RTF6_LOCAL | RTF6_ANYCAST)))
		return false;
	types__route__init(ret);
	ret->device = xstrdup(words[9]);
	inet_ntop(AF_INET6, &dest, text, sizeof(text));
	ret->dest = prefix ? xasprintf("%s/%lu", text, prefix) : xstrdup("");
	inet_ntop(AF_INET6, &gateway, text, sizeof(text));
	ret->gateway = xstrdup(flags & RTF_GATEWAY ? text : "");
	ret->source = xstrdup("");
	ret->scope = flags & RTF_GATEWAY ? 0 : SCOPE_LINK;
	ret->family = TYPES__IPFAMILY__v6;
	return true;
}

bool netlist_parse_route(const char *line, bool v6, Types__Route *ret)
{
	scoped_free char *copy = xstrdup(line);
	char *words[WORDS_MAX];
	char *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " \t", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	return v6 ? parse_v6(words, n, ret) : parse_v4(words, n, ret);
}

static void add_routes(Grpc__Routes *list, const char *path, bool v6)
{
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* a kernel without IPv6 */
	char *save = NULL;

	if (file_read(path, ROUTE_TEXT, &text, NULL, &ignored) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line && list->n_routes < NETLIST_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		Types__Route *route = xnew(Types__Route);

		if (netlist_parse_route(line, v6, route))
			list->routes[list->n_routes++] = route;
		else
			free(route);
	}
}

Grpc__Routes *netlist_routes(void)
{
	Grpc__Routes *list = xnew(Grpc__Routes);

	grpc__routes__init(list);
	list->routes = xcalloc(NETLIST_MAX, sizeof(*list->routes));
	add_routes(list, "/proc/net/route", false);
	add_routes(list, "/proc/net/ipv6_route", true);
	return list;
}
