/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * frame.h - the ttrpc message header
 *
 * Spec: containerd/ttrpc PROTOCOL.md, "Message Frame". Ten bytes: data length
 * and stream id as big-endian u32, then type and flags as u8.
 *
 * Pure functions over bytes: no I/O, no allocation, no logging.
 */
#include <stdint.h>

#include "lib/base/err.h"

#define TTRPC_HEADER_LEN 10
#define TTRPC_DATA_MAX   (4u << 20) /* bytes; PROTOCOL.md says reject more */

enum ttrpc_type {
	TTRPC_REQUEST = 0x01,
	TTRPC_RESPONSE = 0x02,
	TTRPC_DATA = 0x03,
};

#define TTRPC_FLAG_REMOTE_OPEN 0x02 /* request: the client goes on sending (streaming) */

struct ttrpc_header {
	uint32_t data_len; /* bytes after the header; ttrpc_header_check() has the limit */
	uint32_t stream;   /* odd: opened by the client */
	uint8_t type;      /* enum ttrpc_type; unknown values are passed through */
	uint8_t flags;
};

/* Decode ten bytes. Cannot fail: every bit pattern is some header. */
void ttrpc_header_read(const uint8_t buf[static TTRPC_HEADER_LEN], struct ttrpc_header *ret);

void ttrpc_header_write(uint8_t buf[static TTRPC_HEADER_LEN], const struct ttrpc_header *h);

/*
 * May a frame with this header be accepted? Fails with ERR_EXHAUSTED when the
 * data is larger than TTRPC_DATA_MAX; the stream can still be answered.
 */
int ttrpc_header_check(const struct ttrpc_header *h, struct err *err);
