/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * answer.h - how the management socket ends a request
 */
#include <stddef.h>

#include "lib/base/err.h"

struct evhttp_request;

#define TEXT_PLAIN   "text/plain; charset=utf-8"
#define TEXT_JSON    "application/json"
#define TEXT_METRICS "text/plain; version=0.0.4; charset=utf-8"

void answer_bytes(struct evhttp_request *req, int status, const char *reason, const char *type,
		  const char *text, size_t len);
void answer(struct evhttp_request *req, int status, const char *reason, const char *type,
	    const char *text);
void answer_unavailable(struct evhttp_request *req, const char *why); /* 503; why is a line */
/* The status that goes with the code, and the text as a line. */
void answer_error(struct evhttp_request *req, const struct err *err);
