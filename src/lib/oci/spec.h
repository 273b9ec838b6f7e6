/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * spec.h - config.json into the messages of oci.proto, and back
 *
 * One generic reader driven by the message descriptors: a JSON property fills the
 * field whose name it is when case is ignored; a short table in spec.c lists the few
 * whose names differ. Unknown properties are passed over, as the specification asks.
 *
 * Spec:   OCI runtime-spec 1.0.2 to 1.2, config.md, config-linux.md
 * Trust:  the caller's; sizes and depth are bounded all the same
 * Errors: ERR_INVALID names the property by path ("process.args[2]: not a string")
 * Limits: SPEC_JSON_MAX bytes, SPEC_DEPTH_MAX levels
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "oci.pb-c.h"

#define OCI_VERSION "1.0.2" /* of the runtime specification, as we say it */

#define SPEC_JSON_MAX  (8u << 20)
#define SPEC_DEPTH_MAX 32

/*
 * Any message of oci.proto from JSON text: grpc__process__descriptor for an exec's process,
 * grpc__linux_resources__descriptor for an update. Owned by the caller, released with
 * protobuf_c_message_free_unpacked(). NULL on failure.
 */
ProtobufCMessage *spec_parse(const ProtobufCMessageDescriptor *desc, const char *json, size_t len,
			     struct err *err);

/* <bundle>/config.json, read and checked by spec_check(). */
Grpc__Spec *spec_load(const char *bundle, struct err *err);

/*
 * What every container needs, whoever runs it: version 1.x, process with args and an
 * absolute cwd, root with a path, linux, mounts with absolute destinations, known namespace
 * types without repetition.
 */
int spec_check(const Grpc__Spec *spec, struct err *err);

/* JSON text with the specification's names, two spaces of indent; owned by the caller. */
char *spec_format(const ProtobufCMessage *msg);

/* The value of an annotation, or NULL; borrowed from spec. */
const char *spec_annotation(const Grpc__Spec *spec, const char *key);

/* A copy with nothing shared; for making the guest's spec. */
Grpc__Spec *spec_copy(const Grpc__Spec *spec);

/* Change a string of a message: frees the old one unless it is protobuf-c's empty default. */
void spec_set_string(char **field, const char *value);
