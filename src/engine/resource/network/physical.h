/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * physical.h - a PCI device taken from its driver for the VM, and given back
 *
 * sysfs is where it is mounted ("/sys"), a parameter for tests.
 *
 * Spec:   kernel Documentation/ABI/testing/sysfs-bus-pci: driver_override, unbind, drivers_probe;
 *         Documentation/driver-api/vfio.rst
 * Blocks: for as long as a driver takes to let go of its device, or to take it; vfio-pci lets go
 *         when no monitor has the device any more
 */
#include <stdbool.h>

#include "lib/base/err.h"

#define PHYSICAL_DRIVER_MAX 32 /* bytes with NUL */

/* "0000:00:05.0", and nothing else: it becomes part of a path. */
bool physical_is_address(const char *pci);
/* The name of a driver's directory. */
bool physical_is_driver(const char *driver);

/* ret is "" for a device that no driver has. ERR_NOT_FOUND: no such device. */
int physical_driver(const char *sysfs, const char *pci, char ret[static PHYSICAL_DRIVER_MAX],
		    struct err *err);
/* Give it to vfio-pci, whose module has to be loaded. The link in the namespace is gone then. */
int physical_take(const char *sysfs, const char *pci, struct err *err);
/*
 * Back to its driver, "" for none. A device that is gone, that its driver has already, or that
 * somebody gave to a third one, is left alone.
 */
int physical_give_back(const char *sysfs, const char *pci, const char *driver, struct err *err);
