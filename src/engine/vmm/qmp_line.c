/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/qmp_line.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "engine/vmm/qmp.h"
#include "engine/vmm/text.h"
#include "lib/base/defs.h"

#define NAME_MAX_LEN 64 /* bytes of an event's name; QEMU's longest is 30 */

/* The member, or NULL when it is absent, null, or of another type. */
static struct json_object *get(struct json_object *obj, const char *key, enum json_type type)
{
	struct json_object *v;

	if (!json_object_object_get_ex(obj, key, &v) || !json_object_is_type(v, type))
		return NULL;
	return v;
}

static struct json_object *parse_object(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(QMP_DEPTH_MAX);
	struct json_object *root;

	if (!tok || len > INT_MAX)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		root = NULL;
	}
	json_tokener_free(tok);
	return root;
}

static void read_error(struct json_object *error, struct err *ret)
{
	struct json_object *desc = get(error, "desc", json_type_string);
	struct str text = { .max = ERR_TEXT_MAX };

	if (desc)
		text_escape(&text, json_object_get_string(desc),
			    (size_t)json_object_get_string_len(desc));
	err_set(ret, ERR_INTERNAL, "QEMU: %s", text.len ? str_get(&text) : "unknown error");
	str_done(&text);
}

static int read_event(struct json_object *name, struct qmp_line *line, struct err *err)
{
	int len = json_object_get_string_len(name);

	line->name = json_object_get_string(name);
	if (len == 0 || len > NAME_MAX_LEN ||
	    strspn(line->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != (size_t)len)
		return err_set(err, ERR_INTERNAL, "QMP: event without a proper name");
	line->kind = QMP_LINE_EVENT;
	line->value = get(line->root, "data", json_type_object);
	return 0;
}

static void read_id(struct qmp_line *line)
{
	struct json_object *id = get(line->root, "id", json_type_int);

	if (id && json_object_get_int64(id) >= 0) {
		line->has_id = true;
		line->id = json_object_get_uint64(id);
	}
}

static int classify(struct qmp_line *line, struct err *err)
{
	struct json_object *v;

	if ((v = get(line->root, "event", json_type_string)))
		return read_event(v, line, err);
	read_id(line);
	if (json_object_object_get_ex(line->root, "return", &v)) {
		line->kind = QMP_LINE_RETURN;
		line->value = v;
	} else if ((v = get(line->root, "error", json_type_object))) {
		line->kind = QMP_LINE_ERROR;
		read_error(v, &line->error);
	} else if (get(line->root, "QMP", json_type_object)) {
		line->kind = QMP_LINE_GREETING;
	} else {
		return err_set(err, ERR_INTERNAL, "QMP: line is neither answer nor event");
	}
	return 0;
}

int qmp_line_parse(const char *text, size_t len, struct qmp_line *ret, struct err *err)
{
	struct qmp_line line = { .root = parse_object(text, len) };

	if (!line.root)
		return err_set(err, ERR_INTERNAL, "QMP: line is no JSON object");
	if (classify(&line, err) < 0) {
		qmp_line_done(&line);
		return -1;
	}
	*ret = line;
	return 0;
}

void qmp_line_done(struct qmp_line *line)
{
	json_object_put(line->root);
	line->root = NULL;
}
