/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/physical.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define VFIO "vfio-pci"

bool physical_is_address(const char *pci)
{
	static const char shape[] = "xxxx:xx:xx.o";
	size_t i;

	for (i = 0; shape[i]; i++) {
		if (shape[i] == 'x'   ? !strchr("0123456789abcdef", pci[i]) || !pci[i]
		    : shape[i] == 'o' ? pci[i] < '0' || pci[i] > '7'
				      : pci[i] != shape[i])
			return false;
	}
	return pci[i] == '\0';
}

bool physical_is_driver(const char *driver)
{
	size_t len = strlen(driver);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)driver[i]) && !strchr("_-+", driver[i]))
			return false;
	return len > 0 && len < PHYSICAL_DRIVER_MAX;
}

static char *device_path(const char *sysfs, const char *pci, const char *file)
{
	return xasprintf("%s/bus/pci/devices/%s%s", sysfs, pci, file);
}

int physical_driver(const char *sysfs, const char *pci, char ret[static PHYSICAL_DRIVER_MAX],
		    struct err *err)
{
	scoped_free char *device = device_path(sysfs, pci, "");
	scoped_free char *link = device_path(sysfs, pci, "/driver");
	char target[PATH_MAX];
	const char *name;
	struct stat st;
	ssize_t n;

	if (stat(device, &st) < 0)
		return err_sys(err, errno, "find '%s'", device);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0 && errno != ENOENT)
		return err_sys(err, errno, "read '%s'", link);
	target[MAX(n, 0)] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (n > 0 && !physical_is_driver(name))
		return err_set(err, ERR_UNIMPLEMENTED, "read '%s': '%.64s' is no name of a driver",
			       link, name);
	(void)strcpy(ret, name);
	return 0;
}

static int poke_device(const char *sysfs, const char *pci, const char *file, const char *text,
		       struct err *err)
{
	scoped_free char *path = device_path(sysfs, pci, file);

	return file_poke(path, text, err);
}

/* Let whichever driver wants it have it; driver_override says which one that is. */
static int probe(const char *sysfs, const char *pci, struct err *err)
{
	scoped_free char *path = xasprintf("%s/bus/pci/drivers_probe", sysfs);

	return file_poke(path, pci, err);
}

int physical_take(const char *sysfs, const char *pci, struct err *err)
{
	char driver[PHYSICAL_DRIVER_MAX];

	if (physical_driver(sysfs, pci, driver, err) < 0)
		return -1;
	if (strcmp(driver, VFIO) == 0)
		return 0;
	if (poke_device(sysfs, pci, "/driver_override", VFIO, err) < 0 ||
	    (driver[0] && poke_device(sysfs, pci, "/driver/unbind", pci, err) < 0) ||
	    probe(sysfs, pci, err) < 0 || physical_driver(sysfs, pci, driver, err) < 0)
		return -1;
	if (strcmp(driver, VFIO) != 0)
		return err_set(err, ERR_UNAVAILABLE,
			       "give PCI device '%s' to '" VFIO "': is the module loaded?", pci);
	return 0;
}

int physical_give_back(const char *sysfs, const char *pci, const char *driver, struct err *err)
{
	char now[PHYSICAL_DRIVER_MAX];
	struct err why = ERR_INIT;
	scoped_free char *bind = NULL;

	if (physical_driver(sysfs, pci, now, &why) < 0) {
		if (why.code == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	/* It was vfio-pci's before us. */
	if (strcmp(driver, VFIO) == 0 || (now[0] && strcmp(now, VFIO) != 0))
		return 0;
	/* An empty line takes the override off. */
	if (poke_device(sysfs, pci, "/driver_override", "\n", err) < 0 ||
	    (now[0] && poke_device(sysfs, pci, "/driver/unbind", pci, err) < 0))
		return -1;
	if (!driver[0])
		return 0;
	bind = xasprintf("%s/bus/pci/drivers/%s/bind", sysfs, driver);
	return file_poke(bind, pci, err);
}
