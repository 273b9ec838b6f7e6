/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * modules.h - load the kernel modules that this VM has devices for, and no others
 *
 * The initrd carries uncompressed modules below /lib/modules/<release>/ and one list of
 * them, /lib/modules/kata.order, made when the initrd is built. The agent compares the
 * device names that the kernel shows in /sys/bus/{pci,virtio}/devices/X/modalias with the
 * list, and gives what matches to finit_module(), what it depends on first. There is no
 * modprobe, no udev and no index file to search.
 *
 * kata.order is text, one module a line, fields separated by one or more blanks:
 *
 *	PATH ALIASES [DEPENDENCY...]
 *
 *	kernel/drivers/virtio/virtio_pci.ko pci:v00001AF4d*sv*sd*bc*sc*i*
 *kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
 *	kernel/drivers/virtio/virtio.ko -
 *	kernel/fs/overlayfs/overlay.ko fs-overlay
 *	kernel/net/9p/9pnet_virtio.ko virtio:d00000009v* kernel/net/9p/9pnet.ko
 *	kernel/drivers/char/virtio_console.ko virtio:d00000003v*
 *
 * PATH is relative to /lib/modules/<release>/ and ends in ".ko"; no "..", no leading "/".
 * ALIASES are shell patterns (those of modules.alias) joined by "|"; "-" when there is none;
 * "*" alone means: load at boot, whatever the devices. Aliases of file systems ("fs-9p")
 * serve loading on demand, when the file system is mounted.
 * DEPENDENCY... is every module that must be in the kernel before, the whole closure, in
 * the order to load them, each with a line of its own. (modules.dep has it in reverse.)
 * Order of lines: modules that match at the same time are loaded in the order of the file,
 * so what the agent's channel needs (virtio_pci, virtio_console, vsock) comes first.
 * A line that starts with "#" is a comment. Modules that are built in are not listed.
 *
 * Limits: MODULES_TEXT_MAX bytes, MODULES_MAX lines
 * Trust:  the image's; a broken line is an error that names it
 * Blocks: on reading the module and its init function
 */
#include <stddef.h>

#include "lib/base/err.h"

#define MODULES_TEXT_MAX (1u << 20)
#define MODULES_MAX      1024
#define MODULES_LIST     "/lib/modules/kata.order"

struct modules;

/* Text of kata.order; copied. Owned by the caller; NULL on failure. */
struct modules *modules_parse(const char *text, struct err *err);

/* The list of this initrd. ERR_NOT_FOUND when there is none: then everything is built in. */
struct modules *modules_open(struct err *err);
void modules_free(struct modules *m);

/*
 * What has to be loaded for a device or file system called alias, in load order, without
 * what modules_load_*() loaded already: paths, borrowed until modules_free(); the vector
 * itself is owned by the caller. An alias that nothing matches gives an empty vector.
 */
const char **modules_want(const struct modules *m, const char *alias, size_t *ret_n);

/* Load for an alias, or by a module's name ("virtio-rng" and "virtio_rng" are the same). */
int modules_load_alias(struct modules *m, const char *alias, struct err *err);
/* parameters as insmod takes them, NULL: none. ERR_NOT_FOUND when the list has no such module. */
int modules_load_name(struct modules *m, const char *name, const char *parameters, struct err *err);

/*
 * Load for everything the buses show, and again while loading makes new devices appear.
 * One module that fails does not stop the others; the first failure is reported.
 */
int modules_load_devices(struct modules *m, struct err *err);
