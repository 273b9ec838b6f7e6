/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * address.h - a loopback address as text and as what sockets take
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define DNS_ADDRESS_TEXT INET6_ADDRSTRLEN

struct dns_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

/* 127.0.0.0/8 or ::1 and nothing else, with port 53. Writes nothing when it is none. */
bool dns_loopback_parse(const char *text, struct dns_address *ret);
bool dns_address_equal(const struct dns_address *a, const struct dns_address *b);
