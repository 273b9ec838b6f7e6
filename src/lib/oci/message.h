/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * message.h - copies of protobuf messages
 */
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/*
 * A copy with nothing shared; released with protobuf_c_message_free_unpacked(). Aborts
 * when memory is gone: the message itself is in memory already, so its size was bounded.
 */
ProtobufCMessage *message_copy_any(const ProtobufCMessage *msg);

#define message_copy(type, msg) ((type *)(void *)message_copy_any(&(msg)->base))

/* list: the address of a repeated member, whose elements are pointers; item is the message's now. */
void message_append(void *list, size_t *n, void *item);

/* Free a message member and forget it. */
#define message_drop(pp)                                                        \
	do {                                                                    \
		if (*(pp))                                                      \
			protobuf_c_message_free_unpacked(&(*(pp))->base, NULL); \
		*(pp) = NULL;                                                   \
	} while (0)
