/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - JSON into any message of oci.proto
 *
 * Walks the message's descriptor, not the JSON: each field looks for its property. So what
 * the messages do not know is passed over, and depth is that of the messages.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/oci/names.h"
#include "lib/oci/spec.h"

#define PATH_TEXT_MAX 120

/* Where we are, for error texts: a property, or an element of an array. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an element */
	size_t index;
};

static void describe(const struct place *at, struct str *ret)
{
	if (!at)
		return;
	describe(at->up, ret);
	if (!at->name)
		str_addf(ret, "[%zu]", at->index);
	else
		str_addf(ret, "%s%s", ret->len ? "." : "", at->name);
}

static int refuse(const struct place *at, const char *why, struct err *err)
{
	struct str path = { .max = PATH_TEXT_MAX };

	describe(at, &path);
	err_set(err, ERR_INVALID, "%s%s%s", str_get(&path), path.len ? ": " : "", why);
	str_done(&path);
	return -1;
}

static ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *desc)
{
	ProtobufCMessage *msg = xcalloc(1, desc->sizeof_message);

	protobuf_c_message_init(desc, msg);
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		int64_t absent = oci_absent_number(desc, &desc->fields[i]);

		if (absent)
			*(int64_t *)(void *)((char *)msg + desc->fields[i].offset) = absent;
	}
	return msg;
}

static int read_string(json_object *from, const struct place *at, char **ret, struct err *err)
{
	const char *text = json_object_get_string(from);

	if (!json_object_is_type(from, json_type_string))
		return refuse(at, "not a string", err);
	if (strlen(text) != (size_t)json_object_get_string_len(from))
		return refuse(at, "contains a NUL", err);
	*ret = xstrdup(text);
	return 0;
}

static int read_number(json_object *from, const struct place *at, int64_t min, uint64_t max,
		       uint64_t *ret, struct err *err)
{
	int64_t value = json_object_get_int64(from);

	if (!json_object_is_type(from, json_type_int))
		return refuse(at, "not a whole number", err);
	if (value < 0) {
		if (value < min)
			return refuse(at, "too small", err);
		*ret = (uint64_t)value;
		return 0;
	}
	if (json_object_get_uint64(from) > max)
		return refuse(at, "too large", err);
	*ret = json_object_get_uint64(from);
	return 0;
}

static int read_message(const ProtobufCMessageDescriptor *desc, json_object *from,
			const struct place *at, ProtobufCMessage **ret, struct err *err);

/* One value into the memory of a member or of an array's element. */
static int read_value(const ProtobufCFieldDescriptor *field, json_object *from,
		      const struct place *at, void *to, struct err *err)
{
	uint64_t number;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return read_message(field->descriptor, from, at, to, err);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return read_string(from, at, to, err);
	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		if (!json_object_is_type(from, json_type_boolean))
			return refuse(at, "not true or false", err);
		*(protobuf_c_boolean *)to = json_object_get_boolean(from);
		return 0;
	}
	if (field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_UINT32 ||
	    field->type == PROTOBUF_C_TYPE_ENUM) {
		bool is_signed = field->type == PROTOBUF_C_TYPE_INT32;

		if (read_number(from, at, is_signed ? INT32_MIN : 0,
				is_signed ? INT32_MAX : UINT32_MAX, &number, err) < 0)
			return -1;
		*(uint32_t *)to = (uint32_t)number;
		return 0;
	}
	if (field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_UINT64) {
		bool is_signed = field->type == PROTOBUF_C_TYPE_INT64;

		if (read_number(from, at, is_signed ? INT64_MIN : 0,
				is_signed ? INT64_MAX : UINT64_MAX, &number, err) < 0)
			return -1;
		*(uint64_t *)to = number;
		return 0;
	}
	return err_set(err, ERR_UNIMPLEMENTED, "read field '%s': its type is not known",
		       field->name);
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	}
	return 0;
}

/*
 * The array belongs to the message before it is filled, and its count grows with it, so
 * that giving up half way frees what there is.
 */
static int make_array(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field, size_t n,
		      char **ret, size_t **ret_count, struct err *err)
{
	char **array = (char **)(void *)((char *)msg + field->offset);

	*ret_count = (size_t *)(void *)((char *)msg + field->quantifier_offset);
	if (n == 0)
		return 0;
	*array = try_alloc(n * element_size(field), SPEC_JSON_MAX * sizeof(void *), err);
	*ret = *array;
	return *array ? 0 : -1;
}

static int read_array(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
		      json_object *from, const struct place *at, struct err *err)
{
	size_t n = json_object_is_type(from, json_type_array) ? json_object_array_length(from) : 0;
	char *array = NULL;
	size_t *count;

	if (!json_object_is_type(from, json_type_array))
		return refuse(at, "not an array", err);
	if (make_array(msg, field, n, &array, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct place element = { .up = at, .index = i };

		if (read_value(field, json_object_array_get_idx(from, i), &element,
			       array + i * element_size(field), err) < 0)
			return -1;
		*count = i + 1;
	}
	return 0;
}

static int read_entry(const ProtobufCMessageDescriptor *desc, const char *key, json_object *value,
		      const struct place *at, ProtobufCMessage **ret, struct err *err)
{
	ProtobufCMessage *entry = message_new(desc);

	if (read_value(&desc->fields[1], value, at, (char *)entry + desc->fields[1].offset, err) <
	    0) {
		protobuf_c_message_free_unpacked(entry, NULL);
		return -1;
	}
	*(char **)(void *)((char *)entry + desc->fields[0].offset) = xstrdup(key);
	*ret = entry;
	return 0;
}

static int read_map(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field, json_object *from,
		    const struct place *at, struct err *err)
{
	char *array = NULL;
	size_t *count;

	if (!json_object_is_type(from, json_type_object))
		return refuse(at, "not an object", err);
	if (make_array(msg, field, (size_t)json_object_object_length(from), &array, &count, err) <
	    0)
		return -1;
	json_object_object_foreach(from, key, value) {
		const struct place element = { .up = at, .name = key };
		ProtobufCMessage **entries = (ProtobufCMessage **)(void *)array;

		if (read_entry(field->descriptor, key, value, &element, &entries[*count], err) < 0)
			return -1;
		++*count;
	}
	return 0;
}

static json_object *find_property(const ProtobufCMessageDescriptor *desc,
				  const ProtobufCFieldDescriptor *field, json_object *from,
				  const char **ret_name)
{
	json_object *found = NULL;

	json_object_object_foreach(from, key, value) {
		if (oci_name_is(desc, field, key)) {
			found = value; /* the last counts, as in every other reader */
			*ret_name = key;
		}
	}
	return found; /* null is as good as absent */
}

static int read_field(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
		      json_object *from, const struct place *at, struct err *err)
{
	if (oci_is_map(field))
		return read_map(msg, field, from, at, err);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return read_array(msg, field, from, at, err);
	if (read_value(field, from, at, (char *)msg + field->offset, err) < 0)
		return -1;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		*(uint32_t *)(void *)((char *)msg + field->quantifier_offset) = field->id;
	return 0;
}

static int read_fields(ProtobufCMessage *msg, json_object *from, const struct place *at,
		       struct err *err)
{
	const ProtobufCMessageDescriptor *desc = msg->descriptor;

	if (oci_is_wrapper(desc))
		return read_field(msg, &desc->fields[0], from, at, err);
	if (!json_object_is_type(from, json_type_object))
		return refuse(at, "not an object", err);
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		struct place property = { .up = at };
		json_object *value = find_property(desc, &desc->fields[i], from, &property.name);

		if (value && read_field(msg, &desc->fields[i], value, &property, err) < 0)
			return -1;
	}
	return 0;
}

static int read_message(const ProtobufCMessageDescriptor *desc, json_object *from,
			const struct place *at, ProtobufCMessage **ret, struct err *err)
{
	ProtobufCMessage *msg = message_new(desc);

	if (read_fields(msg, from, at, err) < 0) {
		protobuf_c_message_free_unpacked(msg, NULL);
		return -1;
	}
	*ret = msg;
	return 0;
}

static int say_where(json_tokener *tok, const char *json, struct err *err)
{
	enum json_tokener_error why = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);
	size_t line = 1;

	if (why == json_tokener_continue)
		return err_set(err, ERR_INVALID, "JSON ends too early");
	if (why == json_tokener_error_depth)
		return err_set(err, ERR_INVALID, "nested deeper than %d levels", SPEC_DEPTH_MAX);
	for (size_t i = 0; i < end; i++)
		line += json[i] == '\n';
	return err_set(err, ERR_INVALID, "line %zu: %s", line, json_tokener_error_desc(why));
}

static json_object *read_json(const char *json, size_t len, struct err *err)
{
	json_tokener *tok = json_tokener_new_ex(SPEC_DEPTH_MAX);
	json_object *root;

	if (!tok) {
		err_set(err, ERR_EXHAUSTED, "read JSON: out of memory");
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tok, json, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		(void)say_where(tok, json, err);
		json_object_put(root);
		root = NULL;
	} else if (!root) {
		err_set(err, ERR_INVALID, "null is no object");
	}
	json_tokener_free(tok);
	return root;
}

ProtobufCMessage *spec_parse(const ProtobufCMessageDescriptor *desc, const char *json, size_t len,
			     struct err *err)
{
	ProtobufCMessage *msg = NULL;
	json_object *root;

	if (len > SPEC_JSON_MAX) {
		err_set(err, ERR_EXHAUSTED, "%zu bytes of JSON, at most %u are allowed", len,
			SPEC_JSON_MAX);
		return NULL;
	}
	root = read_json(json, len, err);
	if (!root)
		return NULL;
	if (read_message(desc, root, NULL, &msg, err) < 0)
		msg = NULL;
	json_object_put(root);
	return msg;
}

Grpc__Spec *spec_load(const char *bundle, struct err *err)
{
	scoped_free char *path = xasprintf("%s/config.json", bundle);
	scoped_free char *json = NULL;
	Grpc__Spec *spec;
	size_t len;

	if (file_read(path, SPEC_JSON_MAX, &json, &len, err) < 0)
		return NULL;
	spec = (Grpc__Spec *)spec_parse(&grpc__spec__descriptor, json, len, err);
	if (!spec || spec_check(spec, err) < 0) {
		err_wrap(err, "read '%s'", path);
		grpc__spec__free_unpacked(spec, NULL);
		return NULL;
	}
	return spec;
}
