/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dns/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/dns/message.h"

bool dns_loopback_parse(const char *text, struct dns_address *ret)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET) {
		*ret = (struct dns_address){ .len = sizeof(ret->v4) };
		ret->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
						.sin_port = htons(DNS_PORT),
						.sin_addr = v4 };
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6)) {
		*ret = (struct dns_address){ .len = sizeof(ret->v6) };
		ret->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						 .sin6_port = htons(DNS_PORT),
						 .sin6_addr = v6 };
		return true;
	}
	return false;
}

bool dns_address_equal(const struct dns_address *a, const struct dns_address *b)
{
	return a->len == b->len && memcmp(&a->any, &b->any, a->len) == 0;
}
