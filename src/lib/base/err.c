/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum err_code err_code_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ESRCH:
	case ENXIO:
	case ENODEV:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EPERM:
	case EACCES:
	case EROFS:
		return ERR_DENIED;
	case EINVAL:
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case E2BIG:
	case ENOEXEC:
		return ERR_INVALID;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ENOSPC:
	case EDQUOT:
	case EAGAIN:
		return ERR_EXHAUSTED;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENOTCONN:
		return ERR_UNAVAILABLE;
	case ENOSYS:
	case EOPNOTSUPP:
		return ERR_UNIMPLEMENTED;
	default:
		return ERR_INTERNAL;
	}
}

/* A text that did not fit says so at its end. */
static void mark_cut(struct err *err, size_t wanted)
{
	if (wanted >= sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

static size_t put_text(struct err *err, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static size_t put_text(struct err *err, const char *fmt, va_list ap)
{
	int n = vsnprintf(err->text, sizeof(err->text), fmt, ap);

	return n < 0 ? 0 : (size_t)n;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	mark_cut(err, put_text(err, fmt, ap));
	va_end(ap);
	return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	err->code = err_code_of(errnum);
	err->sys = errnum;
	va_start(ap, fmt);
	n = put_text(err, fmt, ap);
	va_end(ap);
	if (n < sizeof(err->text)) {
		int more = snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(errnum));

		n += more < 0 ? 0 : (size_t)more;
	}
	mark_cut(err, n);
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct err inner = *err;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = put_text(err, fmt, ap);
	va_end(ap);
	if (n < sizeof(err->text)) {
		int more = snprintf(err->text + n, sizeof(err->text) - n, ": %s", inner.text);

		n += more < 0 ? 0 : (size_t)more;
	}
	mark_cut(err, n);
	return -1;
}

void err_keep_first(struct err *first, const struct err *err)
{
	if (first->code == ERR_OK)
		*first = *err;
}
