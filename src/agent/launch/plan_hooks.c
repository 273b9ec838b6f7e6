/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_hooks.c - createContainer and startContainer hooks as operations of the child
 *
 * Spec: OCI runtime-spec 1.2, config.md "POSIX-platform Hooks", runtime.md "State"
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "agent/launch/plan_priv.h"
#include "lib/base/mem.h"

#define STATE_MAX 60000u /* bytes: what a pipe takes without a reader */

static void add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value ? value : ""));
}

/* The pid is known to the child only, so the text ends where it belongs. */
static const char *state_text(struct plan_build *b, const char *status, struct err *err)
{
	struct json_object *state = json_object_new_object(),
			   *annotations = json_object_new_object();
	const char *slash = strrchr(b->facts->rootfs, '/');
	const char *whole;
	char *bundle = xstrndup(b->facts->rootfs, slash ? (size_t)(slash - b->facts->rootfs) : 0);
	char *text = NULL;

	for (size_t i = 0; i < b->spec->n_annotations; i++)
		add_text(annotations, b->spec->annotations[i]->key, b->spec->annotations[i]->value);
	add_text(state, "ociVersion", b->spec->version);
	add_text(state, "id", b->facts->container_id);
	add_text(state, "status", status);
	add_text(state, "bundle", bundle);
	json_object_object_add(state, "annotations", annotations);
	whole = json_object_to_json_string_ext(state, JSON_C_TO_STRING_NOSLASHESCAPE);
	if (strlen(whole) > STATE_MAX)
		err_set(err, ERR_EXHAUSTED, "state for hooks: more than %u bytes", STATE_MAX);
	else
		text = plan_own(b->plan, xasprintf("%.*s,\"pid\":", (int)strlen(whole) - 1, whole));
	free(bundle);
	json_object_put(state);
	return text;
}

static char **vector(struct plan *plan, char *const *strings, size_t n, const char *only)
{
	char **out = plan_own(plan, xcalloc(n + 2, sizeof(char *)));

	for (size_t i = 0; i < n; i++)
		out[i] = strings[i];
	if (!n && only)
		out[0] = plan_own(plan, xstrdup(only));
	return out;
}

static int plan_hook(struct plan_build *b, const Grpc__Hook *hook, const char *state,
		     struct err *err)
{
	struct plan_hook *out = plan_own(b->plan, xnew(struct plan_hook));
	struct plan_op *op;

	if (hook->path[0] != '/')
		return err_set(err, ERR_INVALID, "hook '%s': path is not absolute", hook->path);
	if (hook->timeout < 0 || hook->timeout > UINT32_MAX / 1000)
		return err_set(err, ERR_INVALID, "hook '%s': timeout %lld", hook->path,
			       (long long)hook->timeout);
	out->path = hook->path;
	out->argv = vector(b->plan, hook->args, hook->n_args, hook->path);
	out->envp = vector(b->plan, hook->env, hook->n_env, NULL);
	out->state = state;
	out->timeout_ms = (uint32_t)hook->timeout * 1000;
	op = plan_add(b->plan, PLAN_HOOK, err);
	if (!op)
		return -1;
	op->hook = out;
	return 0;
}

int plan_hooks(struct plan_build *b, Grpc__Hook *const *hooks, size_t n, const char *status,
	       struct err *err)
{
	const char *state = n ? state_text(b, status, err) : NULL;

	if (n && !state)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (plan_hook(b, hooks[i], state, err) < 0)
			return -1;
	return 0;
}
