/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/nic_args.h"

#include <ctype.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PCI_MAX         12u /* "0000:00:05.0" */
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Fit to be put between quotes in JSON. */
static bool is_plain(const char *text, size_t max)
{
	size_t len = text ? strnlen(text, max + 1) : 0;

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-._:/+=@,", text[i]))
			return false;
	return len > 0 && len <= max;
}

/* What QEMU takes for an id. */
static bool is_id(const char *text)
{
	return is_plain(text, NIC_ID_MAX) && isalpha((unsigned char)*text) &&
	       strcspn(text, ":/+=@,") == strlen(text);
}

static int check_backend(const struct vm_nic *nic, struct err *err)
{
	bool ok = false;

	switch (nic->backend) {
	case VM_NIC_TAP:
		ok = nic->queues == nic->n_fds &&
		     (nic->n_vhost_fds == 0 || nic->n_vhost_fds == nic->n_fds);
		break;
	case VM_NIC_VHOST_USER:
		if (!is_plain(nic->socket, SOCKET_PATH_MAX) || *nic->socket != '/')
			return err_set(err, ERR_INVALID, "no proper path of a socket");
		ok = nic->n_fds == 0 && nic->n_vhost_fds == 0;
		break;
	case VM_NIC_VFIO:
		if (nic->n_fds == 0 && nic->n_vhost_fds == 0 && is_plain(nic->pci, PCI_MAX))
			return 0;
		return err_set(err, ERR_INVALID, "no proper PCI address");
	}
	if (!ok)
		return err_set(err, ERR_INVALID, "%zu and %zu descriptors for %u queues",
			       nic->n_fds, nic->n_vhost_fds, nic->queues);
	if (nic->queues == 0 || nic->queues > VM_NIC_QUEUES_MAX)
		return err_set(err, ERR_INVALID, "%u queues; 1 to %d are possible", nic->queues,
			       VM_NIC_QUEUES_MAX);
	return 0;
}

int nic_args_check(const struct vm_nic *nic, struct err *err)
{
	if (!is_id(nic->id))
		return err_set(err, ERR_INVALID, "not a name that QEMU takes");
	if (nic->slot == 0 || nic->slot > VM_NIC_SLOTS)
		return err_set(err, ERR_INVALID, "slot %u; 1 to %d are possible", nic->slot,
			       VM_NIC_SLOTS);
	return check_backend(nic, err);
}

char *nic_args_chardev(const struct vm_nic *nic)
{
	if (nic->backend != VM_NIC_VHOST_USER)
		return NULL;
	return xasprintf(
		"{\"id\":\"char-%s\",\"backend\":{\"type\":\"socket\",\"data\":{\"server\":false,"
		"\"addr\":{\"type\":\"unix\",\"data\":{\"path\":\"%s\"}}}}}",
		nic->id, nic->socket);
}

static char *tap_args(const struct vm_nic *nic)
{
	struct str out = { 0 };

	str_addf(&out, "{\"type\":\"tap\",\"id\":\"be-%s\",\"fds\":\"", nic->id);
	for (size_t i = 0; i < nic->n_fds; i++)
		str_addf(&out, "%s" NIC_QUEUE_NAME, i ? ":" : "", nic->slot, i);
	if (nic->n_vhost_fds)
		str_add(&out, "\",\"vhost\":true,\"vhostfds\":\"");
	for (size_t i = 0; i < nic->n_vhost_fds; i++)
		str_addf(&out, "%s" NIC_VHOST_NAME, i ? ":" : "", nic->slot, i);
	str_add(&out, "\"}");
	return str_take(&out);
}

char *nic_args_netdev(const struct vm_nic *nic)
{
	switch (nic->backend) {
	case VM_NIC_TAP:
		return tap_args(nic);
	case VM_NIC_VHOST_USER:
		return xasprintf(
			"{\"type\":\"vhost-user\",\"id\":\"be-%s\",\"chardev\":\"char-%s\","
			"\"queues\":%u}",
			nic->id, nic->id, nic->queues);
	case VM_NIC_VFIO:
		break;
	}
	return NULL;
}

char *nic_args_device(const struct vm_nic *nic)
{
	const uint8_t *mac = nic->mac;
	struct str out = { 0 };

	str_addf(&out, "{\"id\":\"%s\",\"bus\":\"pci-bridge-0\",\"addr\":\"%x\",", nic->id,
		 nic->slot);
	if (nic->backend == VM_NIC_VFIO) {
		str_addf(&out, "\"driver\":\"vfio-pci\",\"host\":\"%s\"}", nic->pci);
		return str_take(&out);
	}
	/* The guest does not boot from it: the option ROM would only be in the way. */
	str_addf(&out,
		 "\"driver\":\"virtio-net-pci\",\"netdev\":\"be-%s\",\"romfile\":\"\","
		 "\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"",
		 nic->id, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	/* A vector a queue and direction, one for changes, one for the control queue. */
	if (nic->queues > 1)
		str_addf(&out, ",\"mq\":true,\"vectors\":%u", 2 * nic->queues + 2);
	str_add(&out, "}");
	return str_take(&out);
}
