/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pci.h - where the host has plugged a device
 *
 * A PCI path is the slot on the root bus, then the slot behind each bridge on the way, in hex and
 * with a function if that is not 0: "02/01", "05", "02/01.1". Bus numbers are the guest's own
 * choice, so that the host cannot know them.
 *
 * Source: Kata Containers' Interface.devicePath
 */
#include <stddef.h>

#include "lib/base/err.h"

#define PCI_PATH_MAX    8 /* bridges on the way, and the device */
#define PCI_DEVICES_DIR "/sys/bus/pci/devices"

struct pci_path {
	struct {
		unsigned int slot, function;
	} steps[PCI_PATH_MAX];
	size_t n; /* 0: none */
};

int pci_path_parse(const char *text, struct pci_path *ret, struct err *err);

/*
 * The index of the network interface of the device at path, 0 as long as there is none. dir is
 * PCI_DEVICES_DIR.
 */
int pci_find_link(const char *dir, const struct pci_path *path);
