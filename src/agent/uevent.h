/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * uevent.h - the kernel's news of devices
 *
 * Spec:   NETLINK_KOBJECT_UEVENT multicast group 1: "ACTION@DEVPATH", NUL, then
 *         KEY=VALUE strings, each ended by NUL (lib/kobject_uevent.c)
 * Trust:  the kernel; messages of user space (udevd's) are dropped by their sender
 * Limits: UEVENT_MAX bytes a message, the kernel's own is 2 KiB of environment
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/list.h"

#define UEVENT_MAX 8192

struct event_base;
struct uevents;

/* All borrowed from the message, "" when it has no such key. */
struct uevent {
	const char *action;    /* "add", "remove", "change", ... */
	const char *devpath;   /* below /sys */
	const char *subsystem; /* "virtio-ports", "block", ... */
	const char *devname;   /* below /dev */
	const char *modalias;
};

/* ERR_INVALID when it is no such message. text is changed nowhere and need not end in NUL. */
int uevent_parse(const char *text, size_t len, struct uevent *ret, struct err *err);

struct uevent_watch {
	struct list node; /* private */
	void (*fn)(void *arg, const struct uevent *event);
	void *arg;
};

/*
 * Start to listen. What happened before is not told: add the watch first, then look
 * whether the device is there already.
 */
struct uevents *uevents_new(struct event_base *base, struct err *err);
void uevents_free(struct uevents *u);

/* Borrowed until removed; a watch may remove itself in fn. */
void uevents_add(struct uevents *u, struct uevent_watch *watch);
void uevents_remove(struct uevent_watch *watch);
