/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * message.h - as much of a DNS message as one who passes it on has to know
 *
 * Spec:   RFC 1035 4.1.1 (header), 4.2.2 (TCP: two bytes of length, big-endian, in front)
 * Trust:  any bytes
 *
 * Pure functions over bytes: no I/O, no allocation, no logging.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT        53
#define DNS_HEADER_LEN  12
#define DNS_MESSAGE_MAX 65535 /* bytes, which is what the length of TCP can say */
#define DNS_LENGTH_LEN  2

/* Long enough for a header, not too long, and it asks. */
bool dns_is_query(const uint8_t *message, size_t len);

/* An answer, and to this query by its id. query has a header. */
bool dns_is_answer(const uint8_t *message, size_t len, const uint8_t *query);

/* Make the answer "server failure" (RFC 1035 rcode 2) out of a query, in place: it keeps its
 * length. */
void dns_fail(uint8_t *query, size_t len);

/* What TCP puts in front of a message. */
void dns_length_write(uint8_t buf[static DNS_LENGTH_LEN], size_t len);

/*
 * The message at the start of what came over TCP: how many bytes it takes with its length in front,
 * 0 while it is not there as a whole. ret_message points into data.
 */
size_t dns_frame_find(const uint8_t *data, size_t len, const uint8_t **ret_message,
		      size_t *ret_len);
