/* SPDX-License-Identifier: Apache-2.0 */
#include "management/answer.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/mem.h"

/* libevent would send the text in answer to HEAD too. */
void answer_bytes(struct evhttp_request *req, int status, const char *reason, const char *type,
		  const char *text, size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	char number[24];

	snprintf(number, sizeof(number), "%zu", len);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Content-Length", number);
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add(evhttp_request_get_output_buffer(req), text, len);
	evhttp_send_reply(req, status, reason, NULL);
}

void answer(struct evhttp_request *req, int status, const char *reason, const char *type,
	    const char *text)
{
	answer_bytes(req, status, reason, type, text, strlen(text));
}

void answer_unavailable(struct evhttp_request *req, const char *why)
{
	answer(req, 503, "Service Unavailable", TEXT_PLAIN, why);
}

void answer_error(struct evhttp_request *req, const struct err *err)
{
	static const struct {
		enum err_code code;
		int status;
		const char *reason;
	} known[] = {
		{ ERR_INVALID, HTTP_BADREQUEST, "Bad Request" },
		{ ERR_NOT_FOUND, HTTP_NOTFOUND, "Not Found" },
		{ ERR_STATE, 409, "Conflict" },
		{ ERR_UNIMPLEMENTED, HTTP_NOTIMPLEMENTED, "Not Implemented" },
		{ ERR_UNAVAILABLE, HTTP_SERVUNAVAIL, "Service Unavailable" },
		{ ERR_TIMEOUT, 504, "Gateway Timeout" },
	};
	scoped_free char *line = xasprintf("%s\n", err->text);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].code == err->code) {
			answer(req, known[i].status, known[i].reason, TEXT_PLAIN, line);
			return;
		}
	answer(req, HTTP_INTERNAL, "Internal Server Error", TEXT_PLAIN, line);
}
