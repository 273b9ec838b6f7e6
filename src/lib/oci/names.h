/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * names.h - how a field of oci.proto appears in JSON
 *
 * Private to this folder: the facts that the reader and the writer share and that cannot be
 * seen in a message descriptor.
 *
 * Spec: OCI runtime-spec 1.2, config.md, config-linux.md, specs-go/config.go
 */
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

/* The property's name is the field's when case is ignored, except for these few. */
bool oci_name_is(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field,
		 const char *property);

/* The property's name as the specification spells it. */
#define OCI_NAME_MAX 64
void oci_name_of(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field,
		 char ret[static OCI_NAME_MAX]);

/* A message with the one field "value", which is in JSON the bare value. */
bool oci_is_wrapper(const ProtobufCMessageDescriptor *desc);

/* A repeated field that is in JSON an object: its entries have the fields "key" and "value". */
bool oci_is_map(const ProtobufCFieldDescriptor *field);

/* What an absent number means where that is not 0. */
int64_t oci_absent_number(const ProtobufCMessageDescriptor *desc,
			  const ProtobufCFieldDescriptor *field);

/* Must the property be written although it says nothing more than its absence would? */
bool oci_is_required(const ProtobufCMessageDescriptor *desc, const ProtobufCFieldDescriptor *field);
