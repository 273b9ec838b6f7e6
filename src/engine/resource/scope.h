/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * scope.h - the sandbox's control group as a scope of systemd
 *
 * For cgroupsPath in systemd's form, "slice:prefix:name". Asking systemd blocks and loads
 * libsystemd, so a helper process (this program again, see scope_helper_main()) does it and its
 * exit is the event. A scope cannot be empty: the supervisor is in it from the first,
 * and leaves before it is removed.
 *
 * Errors: ERR_INVALID: no unit can be named so; ERR_UNAVAILABLE with the helper's words
 * Thread: the loop's
 */
#include <stdbool.h>

#include "lib/base/err.h"

struct event_base;
struct scope_call;

/* Is it "slice:prefix:name"? Which parts are wrong is scope_path()'s to say. */
bool scope_is_asked(const char *cgroups_path);

/* The group that the scope will be, owned by the caller. */
char *scope_path(const char *cgroups_path, struct err *err);

/* done comes once, from the loop; err is NULL when this process is in the scope. */
typedef void scope_done(void *arg, const struct err *err);
struct scope_call *scope_make(struct event_base *base, const char *cgroups_path, scope_done *done,
			      void *arg, struct err *err);
/* Also ends a call in progress, without a callback. NULL is fine. */
void scope_call_free(struct scope_call *call);

/* For main(): -1 when the arguments are not the helper's, else its exit code. Blocks. */
int scope_helper_main(int argc, char **argv);
