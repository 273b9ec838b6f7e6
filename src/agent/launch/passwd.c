/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch/passwd.h"

#include <limits.h>
#include <string.h>

#include "lib/base/str.h"

#define FIELDS_WITH_HOME 6 /* name:password:uid:gid:comment:home */

/* The line is cut up in place. */
static void take_line(struct passwd_search *s)
{
	const char *fields[FIELDS_WITH_HOME] = { NULL };
	unsigned long long id;
	size_t n = 0;

	for (char *at = s->line; at && n < FIELDS_WITH_HOME; n++) {
		fields[n] = at;
		at = strchr(at, ':');
		if (at)
			*at++ = '\0';
	}
	if (n < FIELDS_WITH_HOME || !parse_u64(fields[2], UINT_MAX, &id) || id != s->uid ||
	    fields[5][0] != '/')
		return;
	memcpy(s->home, fields[5], strlen(fields[5]) + 1);
	s->found = true;
}

static void end_line(struct passwd_search *s)
{
	if (!s->is_too_long && !memchr(s->line, '\0', s->len)) {
		s->line[s->len] = '\0';
		take_line(s);
	}
	s->len = 0;
	s->is_too_long = false;
}

void passwd_feed(struct passwd_search *s, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && !s->found; i++) {
		if (bytes[i] == '\n')
			end_line(s);
		else if (s->len == sizeof(s->line) - 1)
			s->is_too_long = true;
		else
			s->line[s->len++] = bytes[i];
	}
}
