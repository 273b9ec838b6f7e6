/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * text.h - make what a guest or a monitor said fit to be shown
 *
 * Trust: the input is hostile; the output is printable ASCII, tabs and line ends
 */
#include <stddef.h>

#include "lib/base/str.h"

/* Append data; other bytes become \xNN, carriage returns go. */
void text_escape(struct str *out, const char *data, size_t len);

/* Append the last line of text that is not empty, without line ends; at most max bytes. */
void text_last_line(struct str *out, const char *text, size_t max);
