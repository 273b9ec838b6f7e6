/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * list.h - doubly linked ring embedded in its members
 *
 *	struct list head; list_init(&head);
 *	list_for_each(&things, struct thing, node, t) use(t);
 *
 * The safe form allows removing (and freeing) the current member only.
 */
#include <stdbool.h>

#include "lib/base/defs.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* At the end, before head. */
static inline void list_add(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Safe on a node that was removed already. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_for_each(head, type, member, var)                                          \
	for (type *var = container_of((head)->next, type, member); &var->member != (head); \
	     var = container_of(var->member.next, type, member))

#define list_for_each_safe(head, type, member, var)                                       \
	for (type *var = container_of((head)->next, type, member),                        \
		  *var##_next = container_of(var->member.next, type, member);             \
	     &var->member != (head);                                                      \
	     var = var##_next, var##_next = container_of(var->member.next, type, member))
