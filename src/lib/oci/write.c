/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - any message of oci.proto and types.proto as JSON */
#include <json-c/json.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/oci/names.h"
#include "lib/oci/spec.h"

static json_object *write_message(const ProtobufCMessage *msg);

static const void *member_of(const ProtobufCMessage *msg, unsigned int offset)
{
	return (const char *)msg + offset;
}

static json_object *write_value(const ProtobufCFieldDescriptor *field, const void *from)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return write_message(*(const ProtobufCMessage *const *)from);
	case PROTOBUF_C_TYPE_STRING:
		return json_object_new_string(*(const char *const *)from);
	case PROTOBUF_C_TYPE_BOOL:
		return json_object_new_boolean(*(const protobuf_c_boolean *)from);
	case PROTOBUF_C_TYPE_INT32:
		return json_object_new_int64(*(const int32_t *)from);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_ENUM:
		return json_object_new_int64(*(const uint32_t *)from);
	case PROTOBUF_C_TYPE_INT64:
		return json_object_new_int64(*(const int64_t *)from);
	case PROTOBUF_C_TYPE_UINT64:
		return json_object_new_uint64(*(const uint64_t *)from);
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_BYTES:
		break; /* neither oci.proto nor types.proto has any */
	}
	return NULL;
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_INT32 ||
	    field->type == PROTOBUF_C_TYPE_ENUM)
		return 4;
	return 8;
}

static bool is_absent(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	const void *from = member_of(msg, field->offset);
	int64_t absent = oci_absent_number(msg->descriptor, field);

	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)member_of(msg, field->quantifier_offset) != field->id;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return !*(const void *const *)from;
	if (oci_is_required(msg->descriptor, field))
		return false;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return !(*(const char *const *)from)[0];
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return !*(const protobuf_c_boolean *)from;
	if (size_of(field) == 4)
		return *(const uint32_t *)from == 0;
	return *(const int64_t *)from == absent;
}

static json_object *write_array(const ProtobufCFieldDescriptor *field, const char *array, size_t n)
{
	json_object *out = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(out, write_value(field, array + i * size_of(field)));
	return out;
}

static json_object *write_map(const ProtobufCFieldDescriptor *field,
			      ProtobufCMessage *const *entries, size_t n)
{
	const ProtobufCMessageDescriptor *desc = field->descriptor;
	json_object *out = json_object_new_object();

	for (size_t i = 0; i < n; i++) {
		const char *key =
			*(const char *const *)member_of(entries[i], desc->fields[0].offset);

		json_object_object_add(out, key,
				       write_value(&desc->fields[1],
						   member_of(entries[i], desc->fields[1].offset)));
	}
	return out;
}

static json_object *write_repeated(const ProtobufCMessage *msg,
				   const ProtobufCFieldDescriptor *field)
{
	size_t n = *(const size_t *)member_of(msg, field->quantifier_offset);
	const void *array = *(const void *const *)member_of(msg, field->offset);

	if (n == 0)
		return NULL;
	return oci_is_map(field) ? write_map(field, array, n) : write_array(field, array, n);
}

static json_object *write_field(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return write_repeated(msg, field);
	if (is_absent(msg, field))
		return NULL;
	return write_value(field, member_of(msg, field->offset));
}

static json_object *write_message(const ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *desc = msg->descriptor;
	json_object *out;

	if (oci_is_wrapper(desc))
		return write_value(&desc->fields[0], member_of(msg, desc->fields[0].offset));
	out = json_object_new_object();
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		json_object *value = write_field(msg, &desc->fields[i]);
		char name[OCI_NAME_MAX];

		if (!value)
			continue;
		oci_name_of(desc, &desc->fields[i], name);
		json_object_object_add(out, name, value);
	}
	return out;
}

char *spec_format(const ProtobufCMessage *msg)
{
	json_object *root = write_message(msg);
	char *out = xstrdup(json_object_to_json_string_ext(
		root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			      JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(root);
	return out;
}
