/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dns/message.h"

#define FLAGS     2 /* byte of the header: QR, opcode, AA, TC, RD */
#define FLAGS_LOW 3 /* RA, Z, rcode */
#define IS_ANSWER 0x80
#define IS_CUT    0x02
#define IS_AA     0x04
#define HAS_RA    0x80
#define RCODE     0x0f
#define SERVFAIL  2

bool dns_is_query(const uint8_t *message, size_t len)
{
	return len >= DNS_HEADER_LEN && len <= DNS_MESSAGE_MAX && !(message[FLAGS] & IS_ANSWER);
}

bool dns_is_answer(const uint8_t *message, size_t len, const uint8_t *query)
{
	return len >= DNS_HEADER_LEN && len <= DNS_MESSAGE_MAX && (message[FLAGS] & IS_ANSWER) &&
	       message[0] == query[0] && message[1] == query[1];
}

void dns_fail(uint8_t *query, size_t len)
{
	if (!dns_is_query(query, len))
		return;
	query[FLAGS] = (uint8_t)((query[FLAGS] | IS_ANSWER) & ~(IS_CUT | IS_AA));
	query[FLAGS_LOW] = (uint8_t)((query[FLAGS_LOW] & ~RCODE) | HAS_RA | SERVFAIL);
}

void dns_length_write(uint8_t buf[static DNS_LENGTH_LEN], size_t len)
{
	buf[0] = (uint8_t)(len >> 8);
	buf[1] = (uint8_t)len;
}

size_t dns_frame_find(const uint8_t *data, size_t len, const uint8_t **ret_message, size_t *ret_len)
{
	size_t wanted;

	if (len < DNS_LENGTH_LEN)
		return 0;
	wanted = (size_t)data[0] << 8 | data[1];
	if (len - DNS_LENGTH_LEN < wanted)
		return 0;
	*ret_message = data + DNS_LENGTH_LEN;
	*ret_len = wanted;
	return DNS_LENGTH_LEN + wanted;
}
