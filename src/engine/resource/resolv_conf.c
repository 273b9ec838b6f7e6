/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/resolv_conf.h"

#include <string.h>

#include "lib/base/str.h"

#define BLANK   " \t"
#define KEYWORD "nameserver"

/* The address of one line; 0: it names no server, or one whose address is too long to be any. */
static size_t take_server(const char *line, const char **ret)
{
	size_t len;

	if (!str_starts(line, KEYWORD))
		return 0;
	line += strlen(KEYWORD);
	len = strspn(line, BLANK);
	*ret = line + len;
	return len == 0 ? 0 : strcspn(*ret, BLANK "\r\n#;");
}

bool resolv_conf_loopback(const char *text, char ret[static DNS_ADDRESS_TEXT])
{
	size_t n_servers = 0;

	while (*text && n_servers < RESOLV_CONF_SERVERS) {
		char address[DNS_ADDRESS_TEXT];
		struct dns_address ignored;
		const char *at;
		size_t len = take_server(text, &at);

		n_servers += len > 0;
		if (len > 0 && len < sizeof(address)) {
			memcpy(address, at, len);
			address[len] = '\0';
			if (dns_loopback_parse(address, &ignored)) {
				memcpy(ret, address, len + 1);
				return true;
			}
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}
