/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/oci/names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lib/base/defs.h"
#include "lib/base/str.h"
#include "oci.pb-c.h"
#include "types.pb-c.h"

struct name {
	const ProtobufCMessageDescriptor *desc;
	const char *field;
	const char *property;
};

static const struct name names[] = {
	{ &grpc__spec__descriptor, "Version", "ociVersion" },
	/* the same but for a capital inside, which no rule can find */
	{ &grpc__linux_hugepage_limit__descriptor, "Pagesize", "pageSize" },
	{ &grpc__linux_syscall__descriptor, "errnoret", "errnoRet" },
	/* Kata's, for its command line */
	{ &types__interface__descriptor, "IPAddresses", "IPAddresses" },
};

/* NULL for the field: every field of the message. */
static const struct {
	const ProtobufCMessageDescriptor *desc;
	const char *field;
} required[] = {
	{ &grpc__process__descriptor, "Cwd" },
	{ &grpc__user__descriptor, "UID" },
	{ &grpc__user__descriptor, "GID" },
	{ &grpc__box__descriptor, NULL },
	{ &grpc__posixrlimit__descriptor, NULL },
	{ &grpc__linux_idmapping__descriptor, NULL },
	{ &grpc__linux_device_cgroup__descriptor, "Allow" },
	{ &grpc__linux_hugepage_limit__descriptor, NULL },
	{ &grpc__linux_weight_device__descriptor, "Major" },
	{ &grpc__linux_weight_device__descriptor, "Minor" },
	{ &grpc__linux_throttle_device__descriptor, NULL },
	{ &grpc__linux_interface_priority__descriptor, NULL },
	{ &grpc__linux_pids__descriptor, NULL },
	{ &grpc__linux_seccomp_arg__descriptor, "Index" },
	{ &grpc__linux_seccomp_arg__descriptor, "Value" },
};

static const struct name *find_name(const ProtobufCMessageDescriptor *desc,
				    const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].desc == desc && strcmp(names[i].field, field->name) == 0)
			return &names[i];
	return NULL;
}

bool oci_name_is(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field,
		 const char *property)
{
	const struct name *name = find_name(desc, field);

	return strcasecmp(name ? name->property : field->name, property) == 0;
}

/* Lower case for the leading capitals, but for the one that begins the next word. */
void oci_name_of(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field,
		 char ret[static OCI_NAME_MAX])
{
	const struct name *name = find_name(desc, field);
	const char *from = name ? name->property : field->name;
	size_t len = MIN(strlen(from), (size_t)OCI_NAME_MAX - 1);

	memcpy(ret, from, len);
	ret[len] = '\0';
	for (size_t i = 0; !name && i < len && isupper((unsigned char)from[i]); i++)
		if (i == 0 || !islower((unsigned char)from[i + 1]))
			ret[i] = (char)tolower((unsigned char)from[i]);
}

bool oci_is_wrapper(const ProtobufCMessageDescriptor *desc)
{
	return desc == &grpc__umask_value__descriptor || desc == &grpc__default_errno__descriptor;
}

bool oci_is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;

	return field->label == PROTOBUF_C_LABEL_REPEATED &&
	       field->type == PROTOBUF_C_TYPE_MESSAGE && str_ends(entry->name, "Entry") &&
	       entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
	       strcmp(entry->fields[1].name, "value") == 0;
}

int64_t oci_absent_number(const ProtobufCMessageDescriptor *desc,
			  const ProtobufCFieldDescriptor *field)
{
	/* A device rule without a number is about every device. */
	if (desc == &grpc__linux_device_cgroup__descriptor && field->type == PROTOBUF_C_TYPE_INT64)
		return -1;
	return 0;
}

bool oci_is_required(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (required[i].desc == desc &&
		    (!required[i].field || strcmp(required[i].field, field->name) == 0))
			return true;
	return false;
}
