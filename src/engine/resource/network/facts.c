/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resource/network/facts.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/defs.h"

/* "0000:00:05.0" */
static bool is_pci_address(const char *text)
{
	unsigned int domain, bus, slot, function;
	int end = 0;

	return sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) == 4 &&
	       end == 12 && !text[end];
}

static bool pci_address(void *arg, const char *link, char ret[static 16])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (char *)&info };
	scoped_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)arg;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return false;
	info.bus_info[sizeof(info.bus_info) - 1] = '\0';
	if (!is_pci_address(info.bus_info))
		return false;
	memcpy(ret, info.bus_info, strlen(info.bus_info) + 1);
	return true;
}

static bool is_socket(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

const struct network_facts network_host_facts = { .pci_address = pci_address,
						  .is_socket = is_socket };
