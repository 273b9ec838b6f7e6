/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * passwd.h - a user's home directory out of an image's password file
 *
 *	struct passwd_search s = { .uid = uid };
 *	passwd_feed(&s, bytes, n);     // any number of pieces, cut anywhere
 *	passwd_feed(&s, "\n", 1);
 *	if (s.found) use(s.home);
 *
 * Spec:       passwd(5); the first line of the user counts
 * Trust:      the image wrote the file: any bytes, lines of any length
 * Limits:     lines over PASSWD_LINE_MAX bytes are passed over
 * Child-safe: yes
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PASSWD_LINE_MAX 1024

struct passwd_search {
	uid_t uid;
	bool found;
	char home[PASSWD_LINE_MAX]; /* absolute; valid once found */
	/* private */
	char line[PASSWD_LINE_MAX];
	size_t len;
	bool is_too_long;
};

void passwd_feed(struct passwd_search *s, const char *bytes, size_t n);
