/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pci.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SLOT_MAX     31
#define FUNCTION_MAX 7

static bool parse_step(const char *text, size_t len, unsigned int *ret_slot,
		       unsigned int *ret_function)
{
	char word[8], dot = '\0', end = '\0';
	unsigned int slot, function = 0;
	int n;

	if (len == 0 || len >= sizeof(word) || !strchr("0123456789abcdefABCDEF", text[0]))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	n = sscanf(word, "%2x%c%1u%c", &slot, &dot, &function, &end);
	if ((n != 1 && (n != 3 || dot != '.')) || slot > SLOT_MAX || function > FUNCTION_MAX)
		return false;
	*ret_slot = slot;
	*ret_function = function;
	return true;
}

int pci_path_parse(const char *text, struct pci_path *ret, struct err *err)
{
	struct pci_path path = { .n = 0 };

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, "/");

		if (path.n == PCI_PATH_MAX ||
		    !parse_step(at, len, &path.steps[path.n].slot, &path.steps[path.n].function))
			return err_set(err, ERR_INVALID, "'%.64s' is no PCI path", text);
		path.n++;
		at += len;
		if (!*at)
			break;
	}
	*ret = path;
	return 0;
}

/* The first entry of dir that fn takes, as a path; NULL: none. */
static char *find_entry(const char *dir, bool (*fn)(const char *name, const void *arg),
			const void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char *found = NULL;

	while (d && !found && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && fn(entry->d_name, arg))
			found = xasprintf("%s/%s", dir, entry->d_name);
	if (d)
		closedir(d);
	return found;
}

/* "0000:01:02.0" whatever the bus; arg is ":02.0" */
static bool is_device(const char *name, const void *arg)
{
	return strlen(name) == strlen("0000:01:02.0") && str_ends(name, arg);
}

static bool is_virtio(const char *name, const void *arg)
{
	(void)arg;
	return str_starts(name, "virtio");
}

static bool is_any(const char *name, const void *arg)
{
	(void)name;
	(void)arg;
	return true;
}

static char *find_device(const char *dir, const struct pci_path *path)
{
	char *at =
		xasprintf("%s/0000:00:%02x.%u", dir, path->steps[0].slot, path->steps[0].function);

	for (size_t i = 1; i < path->n && at; i++) {
		scoped_free char *bridge = at;
		char ending[16];

		(void)snprintf(ending, sizeof(ending), ":%02x.%u", path->steps[i].slot,
			       path->steps[i].function);
		at = find_entry(bridge, is_device, ending);
	}
	return at;
}

static int read_index(const char *interface)
{
	scoped_free char *path = xasprintf("%s/ifindex", interface);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* gone in between */
	unsigned long long index = 0;

	if (file_read(path, 32, &text, NULL, &ignored) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, INT_MAX, &index) ? (int)index : 0;
}

int pci_find_link(const char *dir, const struct pci_path *path)
{
	scoped_free char *device = find_device(dir, path);
	scoped_free char *virtio = device ? find_entry(device, is_virtio, NULL) : NULL;
	const char *parent = virtio ? virtio : device;
	scoped_free char *list = parent ? xasprintf("%s/net", parent) : NULL;
	scoped_free char *interface = list ? find_entry(list, is_any, NULL) : NULL;

	return interface ? read_index(interface) : 0;
}
