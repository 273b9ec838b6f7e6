/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is taken for an address, a prefix, a MAC or a name is the same after a round through
 * text.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lib/net/net.h"

static void check_prefix(const char *text)
{
	struct err err = ERR_INIT;
	struct net_ip ip, again;
	unsigned int prefix;
	char out[NET_IP_TEXT];

	if (net_ip_parse_prefix(text, &ip, &prefix, &err) < 0) {
		fuzz_assert(err.code == ERR_INVALID && *err.text);
		return;
	}
	fuzz_assert(ip.family == AF_INET || ip.family == AF_INET6);
	fuzz_assert(prefix <= (ip.family == AF_INET ? 32 : 128));
	net_ip_format(&ip, out);
	fuzz_assert(net_ip_parse(out, &again, &err) == 0 && net_ip_equal(&ip, &again));
}

static void check_mac(const char *text)
{
	uint8_t mac[ETH_ALEN], again[ETH_ALEN];
	struct err err = ERR_INIT;
	char out[NET_MAC_TEXT];

	if (net_mac_parse(text, mac, &err) < 0)
		return;
	net_mac_format(mac, out);
	fuzz_assert(net_mac_parse(out, again, &err) == 0 && memcmp(mac, again, ETH_ALEN) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_prefix(text);
	check_mac(text);
	if (net_name_check(text, &err) == 0)
		fuzz_assert(strlen(text) < IF_NAMESIZE && !strchr(text, '/') &&
			    strcmp(text, "..") != 0);
	free(text);
	return 0;
}
