/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - addresses and names as people write them
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/net/net.h"

int net_ip_parse(const char *text, struct net_ip *ret, struct err *err)
{
	struct net_ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	void *bytes = ip.family == AF_INET ? (void *)&ip.v4 : (void *)&ip.v6;

	if (inet_pton(ip.family, text, bytes) != 1)
		return err_set(err, ERR_INVALID, "'%.64s' is no IP address", text);
	*ret = ip;
	return 0;
}

int net_ip_parse_prefix(const char *text, struct net_ip *ret, unsigned int *ret_prefix,
			struct err *err)
{
	size_t len = strcspn(text, "/");
	char address[NET_IP_TEXT];
	unsigned long long prefix;
	struct net_ip ip;
	unsigned int most;

	if (len >= sizeof(address))
		return err_set(err, ERR_INVALID, "'%.64s' is no IP address", text);
	memcpy(address, text, len);
	address[len] = '\0';
	if (net_ip_parse(address, &ip, err) < 0)
		return -1;
	prefix = most = ip.family == AF_INET ? 32 : 128;
	if (text[len] && !parse_u64(text + len + 1, most, &prefix))
		return err_set(err, ERR_INVALID, "'%.64s': the prefix is not 0 to %u", text, most);
	*ret = ip;
	*ret_prefix = (unsigned int)prefix;
	return 0;
}

void net_ip_format(const struct net_ip *ip, char ret[static NET_IP_TEXT])
{
	const void *bytes = ip->family == AF_INET ? (const void *)&ip->v4 : (const void *)&ip->v6;

	ret[0] = '\0';
	if (ip->family == AF_INET || ip->family == AF_INET6)
		(void)inet_ntop(ip->family, bytes, ret, NET_IP_TEXT); /* always fits */
}

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET)
		return a->v4.s_addr == b->v4.s_addr;
	return a->family != AF_INET6 || memcmp(&a->v6, &b->v6, sizeof(a->v6)) == 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int net_mac_parse(const char *text, uint8_t ret[static ETH_ALEN], struct err *err)
{
	uint8_t mac[ETH_ALEN];

	if (strlen(text) != NET_MAC_TEXT - 1)
		return err_set(err, ERR_INVALID, "'%.64s' is no MAC address", text);
	for (size_t i = 0; i < ETH_ALEN; i++) {
		int high = hex_value(text[3 * i]), low = hex_value(text[3 * i + 1]);

		if (high < 0 || low < 0 || text[3 * i + 2] != (i + 1 < ETH_ALEN ? ':' : '\0'))
			return err_set(err, ERR_INVALID, "'%.64s' is no MAC address", text);
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

void net_mac_format(const uint8_t mac[static ETH_ALEN], char ret[static NET_MAC_TEXT])
{
	(void)snprintf(ret, NET_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
}

int net_name_check(const char *name, struct err *err)
{
	size_t len = strnlen(name, IF_NAMESIZE);

	if (len == 0 || len >= IF_NAMESIZE)
		return err_set(err, ERR_INVALID, "interface name '%.32s' has not 1 to %d bytes",
			       name, IF_NAMESIZE - 1);
	for (const char *at = name; *at; at++)
		if (*at == '/' || *at == ':' || (unsigned char)*at <= ' ' || *at == 0x7f)
			return err_set(
				err, ERR_INVALID,
				"interface name '%s' has a '/', ':', blank or control character",
				name);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, ERR_INVALID, "interface name '%s' is none", name);
	return 0;
}
