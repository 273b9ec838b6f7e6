/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/mountinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/fs.h"

int mountinfo_read(char **ret_text, struct err *err)
{
	return file_read("/proc/self/mountinfo", MOUNTINFO_MAX, ret_text, NULL, err);
}

/* The word up to the next blank, cut off in place; NULL when there is none. */
static char *next_word(char **at)
{
	char *word = *at;
	size_t len = strcspn(word, " ");

	if (!len)
		return NULL;
	*at = word + len;
	if (**at)
		*(*at)++ = '\0';
	return word;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Text only gets shorter, so it is decoded where it stands. An escaped NUL stays as it is. */
static char *unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int value;

		if (in[0] != '\\' || !is_octal(in[1]) || !is_octal(in[2]) || !is_octal(in[3])) {
			*out++ = *in;
			continue;
		}
		value = (in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0');
		if (value == 0 || value > 255) {
			*out++ = *in;
			continue;
		}
		*out++ = (char)value;
		in += 3;
	}
	*out = '\0';
	return text;
}

/* Digits up to `end`, which is passed over. */
static bool take_number(char **at, char end, uint32_t *ret)
{
	uint64_t value = 0;
	char *p = *at;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (p == *at || *p != end)
		return false;
	*at = p + 1;
	*ret = (uint32_t)value;
	return true;
}

/* Optional fields go on to the word "-"; they become one string again. */
static const char *take_propagation(char **at)
{
	char *start = *at;
	char *word;

	while ((word = next_word(at)) != NULL) {
		if (strcmp(word, "-") == 0) {
			if (word == start)
				return "";
			word[-1] = '\0';
			return start;
		}
		if (word != start)
			word[-1] = ' ';
	}
	return NULL;
}

static bool parse_line(char *line, struct mountinfo *ret)
{
	struct mountinfo m = { 0 };
	char *root, *target, *type, *source;

	if (!take_number(&line, ' ', &m.id) || !take_number(&line, ' ', &m.parent) ||
	    !take_number(&line, ':', &m.major) || !take_number(&line, ' ', &m.minor))
		return false;
	root = next_word(&line);
	target = root ? next_word(&line) : NULL;
	m.options = target ? next_word(&line) : NULL;
	m.propagation = m.options ? take_propagation(&line) : NULL;
	type = m.propagation ? next_word(&line) : NULL;
	if (!type)
		return false;

	/* mount("", ...) leaves an empty source behind: two blanks in a row. */
	if (*line == ' ') {
		*line++ = '\0';
		source = line - 1;
	} else {
		source = next_word(&line);
	}
	m.super_options = source ? next_word(&line) : NULL;
	if (!m.super_options)
		return false;

	m.root = unescape(root);
	m.target = unescape(target);
	m.type = unescape(type);
	m.source = unescape(source);
	*ret = m;
	return true;
}

int mountinfo_next(char **cursor, struct mountinfo *ret, struct err *err)
{
	char *line = *cursor;
	size_t len = strcspn(line, "\n");

	if (!len && !line[0])
		return 0;
	*cursor = line + len;
	if (**cursor)
		*(*cursor)++ = '\0';
	if (!parse_line(line, ret))
		return err_set(err, ERR_INVALID, "parse mountinfo line '%.80s'", line);
	return 1;
}

bool mountinfo_has_option(const char *list, const char *word)
{
	size_t word_len = strlen(word);

	for (const char *at = list; *at;) {
		size_t len = strcspn(at, ",");

		if (len == word_len && strncmp(at, word, len) == 0)
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}
