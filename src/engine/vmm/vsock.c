/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/vmm/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "lib/base/defs.h"

#define VHOST_VSOCK "/dev/vhost-vsock"
#define TRIES       64

/* Below 3 are the kernel's own addresses, the last is "any". */
static uint64_t random_cid(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return n > VMADDR_CID_HOST && n < VMADDR_CID_ANY ? n : VMADDR_CID_HOST + 1;
}

int vsock_open(uint32_t *ret_cid, struct err *err)
{
	scoped_fd int fd = open(VHOST_VSOCK, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return err_set(err, ERR_NOT_FOUND, "open '" VHOST_VSOCK "': no such device");
	if (fd < 0)
		return err_sys(err, errno, "open '" VHOST_VSOCK "'");
	for (int i = 0; i < TRIES; i++) {
		uint64_t cid = random_cid();

		if (ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0) {
			*ret_cid = (uint32_t)cid;
			return take_fd(&fd);
		}
		if (errno != EADDRINUSE)
			return err_sys(err, errno, "reserve context id %u", (unsigned int)cid);
	}
	return err_set(err, ERR_EXHAUSTED, "reserve a context id: every one of %d was taken", TRIES);
}
