/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exec_process.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/spec.h"

static void put_json(struct json_object **o)
{
	json_object_put(*o);
}

static struct json_object *parse_file(const char *path, struct err *err)
{
	scoped_free char *text = NULL;
	struct json_object *o;
	ProtobufCMessage *msg;
	size_t len;

	if (file_read(path, SPEC_JSON_MAX, &text, &len, err) < 0)
		return NULL;
	/* The reader of the specification names what is wrong; then it is well formed. */
	msg = spec_parse(&grpc__process__descriptor, text, len, err);
	if (!msg) {
		(void)err_wrap(err, "process file '%s'", path);
		return NULL;
	}
	protobuf_c_message_free_unpacked(msg, NULL);
	o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		(void)err_set(err, ERR_INVALID, "process file '%s': not a JSON object", path);
		return NULL;
	}
	return o;
}

static struct json_object *of_container(const char *bundle, struct err *err)
{
	Grpc__Spec *spec = spec_load(bundle, err);
	scoped_free char *text = NULL;

	if (!spec)
		return NULL;
	text = spec_format(&spec->process->base);
	protobuf_c_message_free_unpacked(&spec->base, NULL);
	return json_tokener_parse(text);
}

/* The member, made when it is missing. */
static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *m;

	if (json_object_object_get_ex(o, key, &m) && json_object_is_type(m, type))
		return m;
	m = type == json_type_array ? json_object_new_array() : json_object_new_object();
	json_object_object_add(o, key, m);
	return m;
}

static void add_strings(struct json_object *array, char *const *words)
{
	for (size_t i = 0; i < strv_len(words); i++)
		json_object_array_add(array, json_object_new_string(words[i]));
}

static void add_caps(struct json_object *process, char *const *caps)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	struct json_object *all = member(process, "capabilities", json_type_object);

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		add_strings(member(all, sets[i], json_type_array), caps);
}

/* Names are in the container's /etc/passwd, which only the guest sees. */
static int set_user(struct json_object *process, const char *text, struct err *err)
{
	const char *colon = strchr(text, ':');
	scoped_free char *uid_text = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	struct json_object *user = json_object_new_object();
	unsigned long long uid, gid = 0;

	json_object_object_add(process, "user", user);
	if (!parse_u64(uid_text, UINT32_MAX, &uid) ||
	    (colon && !parse_u64(colon + 1, UINT32_MAX, &gid)))
		return err_set(err, ERR_INVALID, "flag '--user': '%s' is not <uid>[:<gid>]", text);
	json_object_object_add(user, "uid", json_object_new_int64((int64_t)uid));
	json_object_object_add(user, "gid", json_object_new_int64((int64_t)gid));
	return 0;
}

static int set_gids(struct json_object *process, char *const *gids, struct err *err)
{
	struct json_object *user = member(process, "user", json_type_object);
	struct json_object *list = member(user, "additionalGids", json_type_array);

	for (size_t i = 0; i < strv_len(gids); i++) {
		unsigned long long gid;

		if (!parse_u64(gids[i], UINT32_MAX, &gid))
			return err_set(err, ERR_INVALID,
				       "flag '--additional-gids': '%s' is not a number", gids[i]);
		json_object_array_add(list, json_object_new_int64((int64_t)gid));
	}
	return 0;
}

/* config.json's is of another terminal. */
static void set_size(struct json_object *process, const struct exec_flags *f)
{
	struct json_object *size = json_object_new_object();

	json_object_object_add(process, "consoleSize", size);
	json_object_object_add(size, "height", json_object_new_int64(f->rows));
	json_object_object_add(size, "width", json_object_new_int64(f->columns));
	if (!f->terminal || f->rows == 0)
		json_object_object_del(process, "consoleSize");
}

static int apply_flags(struct json_object *p, const struct exec_flags *f, char **args,
		       struct err *err)
{
	json_object_object_del(p, "args");
	add_strings(member(p, "args", json_type_array), args);
	add_strings(member(p, "env", json_type_array), f->env);
	json_object_object_add(p, "terminal", json_object_new_boolean(f->terminal));
	set_size(p, f);
	if (f->cwd)
		json_object_object_add(p, "cwd", json_object_new_string(f->cwd));
	if (f->apparmor)
		json_object_object_add(p, "apparmorProfile", json_object_new_string(f->apparmor));
	if (f->label)
		json_object_object_add(p, "selinuxLabel", json_object_new_string(f->label));
	if (f->no_new_privs)
		json_object_object_add(p, "noNewPrivileges", json_object_new_boolean(true));
	if (f->caps)
		add_caps(p, f->caps);
	if (f->user && set_user(p, f->user, err) < 0)
		return -1;
	return f->gids ? set_gids(p, f->gids, err) : 0;
}

char *exec_process_json(const char *bundle, const struct exec_flags *flags, char **args,
			struct err *err)
{
	scoped(put_json) struct json_object *p = flags->process_file
							 ? parse_file(flags->process_file, err)
							 : of_container(bundle, err);

	if (!p)
		return NULL;
	if (flags->process_file && flags->terminal)
		json_object_object_add(p, "terminal", json_object_new_boolean(true));
	if (!flags->process_file && apply_flags(p, flags, args, err) < 0)
		return NULL;
	return xstrdup(json_object_to_json_string_ext(p, JSON_C_TO_STRING_PLAIN |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
}
