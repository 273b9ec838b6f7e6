/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/netstat.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static uint64_t read_counter(int dir_fd, const char *interface, const char *counter)
{
	scoped_free char *path = xasprintf("%s/statistics/%s", interface, counter);
	scoped_free char *text = NULL;
	struct err ignored = ERR_INIT; /* gone in between */
	unsigned long long n = 0;

	if (file_read_at(dir_fd, path, 64, &text, NULL, &ignored) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	(void)parse_u64(text, UINT64_MAX, &n);
	return n;
}

static Grpc__NetworkStats *read_interface(int dir_fd, const char *name)
{
	Grpc__NetworkStats *s = xnew(Grpc__NetworkStats);

	grpc__network_stats__init(s);
	s->name = xstrdup(name);
	s->rx_bytes = read_counter(dir_fd, name, "rx_bytes");
	s->rx_packets = read_counter(dir_fd, name, "rx_packets");
	s->rx_errors = read_counter(dir_fd, name, "rx_errors");
	s->rx_dropped = read_counter(dir_fd, name, "rx_dropped");
	s->tx_bytes = read_counter(dir_fd, name, "tx_bytes");
	s->tx_packets = read_counter(dir_fd, name, "tx_packets");
	s->tx_errors = read_counter(dir_fd, name, "tx_errors");
	s->tx_dropped = read_counter(dir_fd, name, "tx_dropped");
	return s;
}

Grpc__NetworkStats **netstat_read(size_t *ret_n)
{
	Grpc__NetworkStats **list = xcalloc(NETSTAT_MAX, sizeof(*list));
	DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;
	size_t n = 0;

	while (dir && n < NETSTAT_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lo") != 0)
			list[n++] = read_interface(dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	*ret_n = n;
	return list;
}
