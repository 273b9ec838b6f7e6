/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_resolver.c - the name service that a static agent does not carry
 *
 * libevent's address helpers and libnl's names of hosts and protocols, which nothing here calls,
 * refer to the C library's resolver. In a static program that would bring in 400 KB of it and
 * plug-ins loaded at run time. These stand in its place and find nothing.
 */
#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)ret;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *info)
{
	(void)info; /* none was ever made */
}

const char *gai_strerror(int code)
{
	(void)code;
	return "no resolver";
}

struct servent *getservbyname(const char *name, const char *proto)
{
	(void)name;
	(void)proto;
	return NULL;
}

struct protoent *getprotobynumber(int proto)
{
	(void)proto;
	return NULL;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

int getnameinfo(const struct sockaddr *restrict addr, socklen_t addr_len, char *restrict host,
		socklen_t host_len, char *restrict service, socklen_t service_len, int flags)
{
	(void)addr;
	(void)addr_len;
	(void)host;
	(void)host_len;
	(void)service;
	(void)service_len;
	(void)flags;
	return EAI_FAIL;
}
