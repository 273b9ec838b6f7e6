/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha512.c - the hash of a file
 */
#include "engine/config/sha512.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>

#include "lib/base/defs.h"

int sha512_of_file(const char *path, char ret_hex[static SHA512_HEX_MAX], struct err *err)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	uint8_t digest[SHA512_DIGEST_SIZE];
	uint8_t buf[65536];
	struct sha512_ctx ctx;
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	sha512_init(&ctx);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sha512_update(&ctx, (size_t)n, buf);
	if (n < 0)
		return err_sys(err, errno, "read '%s'", path);
	sha512_digest(&ctx, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
