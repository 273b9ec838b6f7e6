/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/integration/network/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/mem.h"

#define FRAME_MAX  70000
/* What a tap has unless it is told otherwise: without the number of buffers. */
#define HEADER_LEN sizeof(struct virtio_net_hdr)

void wire_isolate(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail_msg("own namespaces: %s", strerror(errno));
}

void run(const char *fmt, ...)
{
	scoped_free char *command = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	command = xvasprintf(fmt, ap);
	va_end(ap);
	r = system(command);
	if (r != 0)
		fail_msg("%s: exit status %d", command, r);
}

int count_lines(const char *command, const char *word)
{
	FILE *out = popen(command, "re");
	char line[4096];
	int n = 0;

	assert_non_null(out);
	while (fgets(line, sizeof(line), out))
		n += strstr(line, word) != NULL;
	assert_int_equal(pclose(out), 0);
	return n;
}

int wire_open(const char *link)
{
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(WIRE_TYPE),
					.sll_ifindex = (int)if_nametoindex(link) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(WIRE_TYPE));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const void *)&at, sizeof(at)), 0);
	return fd;
}

/* The text, over and over. */
static size_t make_frame(uint8_t *data, const char *text, size_t len, int vlan)
{
	const uint16_t type = htons(WIRE_TYPE), tag = htons(ETH_P_8021Q),
		       id = htons((uint16_t)vlan);
	size_t at = 2 * ETH_ALEN;

	assert_true(len >= ETH_ZLEN && len <= FRAME_MAX);
	memset(data, 0xff, ETH_ALEN);
	memcpy(data + ETH_ALEN, (uint8_t[]){ 2, 0, 0, 0, 0, 9 }, ETH_ALEN);
	if (vlan >= 0) {
		memcpy(data + at, &tag, 2);
		memcpy(data + at + 2, &id, 2);
		at += 4;
	}
	memcpy(data + at, &type, 2);
	for (size_t i = at + 2; i < len; i++)
		data[i] = (uint8_t)text[(i - at - 2) % (strlen(text) + 1)];
	return len;
}

static bool is_frame(const uint8_t *data, ssize_t len, const char *text, int *ret_vlan)
{
	size_t at = 2 * ETH_ALEN;
	uint16_t type, id;
	int vlan = -1;

	if (len < ETH_ZLEN)
		return false;
	memcpy(&type, data + at, 2);
	if (ntohs(type) == ETH_P_8021Q) {
		memcpy(&id, data + at + 2, 2);
		vlan = ntohs(id) & 0xfff;
		at += 4;
		memcpy(&type, data + at, 2);
	}
	if (ntohs(type) != WIRE_TYPE ||
	    strncmp((const char *)data + at + 2, text, strlen(text) + 1) != 0)
		return false;
	if (ret_vlan)
		*ret_vlan = vlan;
	return true;
}

static bool receive(int fd, const char *text, int timeout_ms, size_t skip, int *ret_vlan)
{
	uint64_t until = clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	static uint8_t data[FRAME_MAX];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_mono_ns();
		ssize_t n;

		if (now >= until || poll(&p, 1, (int)((until - now) / NS_PER_MS) + 1) <= 0)
			return false;
		n = read(fd, data, sizeof(data));
		assert_true(n >= 0);
		if (is_frame(data + skip, n - (ssize_t)skip, text, ret_vlan))
			return true;
	}
}

void wire_send(int fd, const char *text, size_t len, int vlan)
{
	static uint8_t data[FRAME_MAX];

	assert_int_equal(write(fd, data, make_frame(data, text, len, vlan)), len);
}

bool wire_receive(int fd, const char *text, int timeout_ms)
{
	return receive(fd, text, timeout_ms, 0, NULL);
}

void tap_send(int fd, const char *text, size_t len)
{
	static uint8_t data[HEADER_LEN + FRAME_MAX];
	size_t n = HEADER_LEN + make_frame(data + HEADER_LEN, text, len, -1);

	assert_int_equal(write(fd, data, n), n);
}

bool tap_receive(int fd, const char *text, int timeout_ms, int *ret_vlan)
{
	return receive(fd, text, timeout_ms, HEADER_LEN, ret_vlan);
}
