/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/text.h"

#include <stdbool.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';
}

void text_escape(struct str *out, const char *data, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (is_plain(c))
			continue;
		str_add_n(out, data + from, i - from);
		if (c != '\r')
			str_addf(out, "\\x%02x", c);
		from = i + 1;
	}
	str_add_n(out, data + from, len - from);
}

void text_last_line(struct str *out, const char *text, size_t max)
{
	size_t end = strlen(text), start;

	while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
		end--;
	start = end;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	text_escape(out, text + start, end - start < max ? end - start : max);
}
