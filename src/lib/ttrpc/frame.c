/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ttrpc/frame.h"

static uint32_t be32_read(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void be32_write(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

void ttrpc_header_read(const uint8_t buf[static TTRPC_HEADER_LEN], struct ttrpc_header *ret)
{
	*ret = (struct ttrpc_header){
		.data_len = be32_read(buf),
		.stream = be32_read(buf + 4),
		.type = buf[8],
		.flags = buf[9],
	};
}

void ttrpc_header_write(uint8_t buf[static TTRPC_HEADER_LEN], const struct ttrpc_header *h)
{
	be32_write(buf, h->data_len);
	be32_write(buf + 4, h->stream);
	buf[8] = h->type;
	buf[9] = h->flags;
}

int ttrpc_header_check(const struct ttrpc_header *h, struct err *err)
{
	if (h->data_len > TTRPC_DATA_MAX)
		return err_set(err, ERR_EXHAUSTED, "message of %u bytes, at most %u are allowed",
			       h->data_len, TTRPC_DATA_MAX);
	return 0;
}
