/* SPDX-License-Identifier: Apache-2.0 */
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"
#include "shim/shim.h"

#define SOCKET_DIR "/run/containerd/s" /* Source: containerd's shims since 1.4 */

char *shim_sandbox_name(const char *namespace, const char *sandbox_id)
{
	/* The CRI plugin's and docker's ids are random; "default" is what people mean without one. */
	static const char *const plain[] = { "", "default", "k8s.io", "moby" };

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (strcmp(namespace, plain[i]) == 0)
			return xstrdup(sandbox_id);
	return xasprintf("%s-%s", namespace, sandbox_id);
}

char *shim_socket_path(const char *address, const char *namespace, const char *sandbox_id)
{
	scoped_free char *text = xasprintf("%s/%s/%s", address, namespace, sandbox_id);
	char hex[2 * SHA256_DIGEST_SIZE + 1];
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(text), (const uint8_t *)text);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return xasprintf(SOCKET_DIR "/%s", hex);
}
