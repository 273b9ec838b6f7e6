/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is key, NUL, value, NUL, and so on. Even with everything enabled, no program changes
 * and no control character gets into a text.
 */
#include <string.h>

#include "engine/config/keys.h"
#include "fuzz.h"
#include "lib/base/mem.h"

#define ANNOTATIONS_MAX 16

static void check_text(const char *text)
{
	for (; *text; text++)
		fuzz_assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check(struct config *config)
{
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		void *member = config_at(config, key);

		if (key->type == CONFIG_STRING)
			check_text(*(char **)member);
		if (key->type == CONFIG_STRING && key->access == ANNOTATION_NEVER)
			fuzz_assert(strcmp(*(char **)member, key->def ? key->def : "") == 0);
		for (char **at = key->type == CONFIG_LIST ? *(char ***)member : NULL; at && *at;
		     at++)
			check_text(*at);
	}
}

/* The next text up to NUL or the end; NULL: there is none. */
static char *next(const uint8_t *data, size_t size, size_t *at)
{
	const uint8_t *nul = *at < size ? memchr(data + *at, '\0', size - *at) : NULL;
	size_t end = nul ? (size_t)(nul - data) : size;
	char *text = *at < size ? xstrndup((const char *)data + *at, end - *at) : NULL;

	*at = nul ? end + 1 : size;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char file[] = "[hypervisor.qemu]\nenable_annotations = [\".*\"]\n"
				   "valid_hypervisor_paths = [\"/bin/*\"]\n";
	scoped(config_free_at) struct config *config = config_new_default();
	scoped_strv char **warnings = NULL;
	struct config_annotation annotations[ANNOTATIONS_MAX] = { 0 };
	char *texts[2 * ANNOTATIONS_MAX] = { 0 };
	size_t at = 0;
	struct err err = ERR_INIT;
	size_t n = 0;

	fuzz_assert(config_load_text(config, "fuzz", file, sizeof(file) - 1, &warnings, &err) == 0);
	for (; n < ANNOTATIONS_MAX; n++) {
		texts[2 * n] = next(data, size, &at);
		texts[2 * n + 1] = next(data, size, &at);
		if (!texts[2 * n] || !texts[2 * n + 1])
			break;
		annotations[n] = (struct config_annotation){ texts[2 * n], texts[2 * n + 1] };
	}
	if (config_apply_annotations(config, annotations, n, &warnings, &err) < 0)
		check_text(err.text);
	check(config);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	return 0;
}
