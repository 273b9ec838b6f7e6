/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_copy.c - CopyFile: a file of the host into the guest, in pieces
 *
 * For VMs without a shared file system. Everything stays below /run/kata-containers: the
 * way is walked without following any link, and links themselves are not made
 * (CVE-2026-41326). A file appears under its name when its last piece is in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.pb-c.h"
#include "agent/check.h"
#include "agent/place.h"
#include "agent/rpc.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/ttrpc/server.h"

#define COPY_SIZE_MAX (INT64_C(1) << 40) /* bytes; the tmpfs below is full long before */

static int check_copy(const Grpc__CopyFileRequest *req, struct err *err)
{
	mode_t type = req->file_mode & S_IFMT;

	if (check_path_below("path", req->path, STORAGE_ROOT, err) < 0)
		return -1;
	if (type == S_IFLNK)
		return err_set(err, ERR_UNIMPLEMENTED, "copying symbolic links is not built");
	if (type != 0 && type != S_IFREG && type != S_IFDIR)
		return err_set(err, ERR_INVALID, "file type 0%o cannot be copied", type);
	if (req->file_size < 0 || req->file_size > COPY_SIZE_MAX || req->offset < 0 ||
	    req->offset > req->file_size ||
	    (uint64_t)(req->file_size - req->offset) < req->data.len)
		return err_set(err, ERR_INVALID,
			       "%zu bytes at %lld do not fit a file of %lld bytes", req->data.len,
			       (long long)req->offset, (long long)req->file_size);
	return 0;
}

static int set_owner(int fd, const Grpc__CopyFileRequest *req, mode_t mode, struct err *err)
{
	if (fchown(fd, (uid_t)req->uid, (gid_t)req->gid) < 0 || fchmod(fd, mode & 07777) < 0)
		return err_sys(err, errno, "set owner and mode");
	return 0;
}

static int copy_dir(int dir_fd, const char *name, const Grpc__CopyFileRequest *req, struct err *err)
{
	scoped_fd int fd = -1;

	if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make directory");
	fd = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, err);
	return fd < 0 ? -1 : set_owner(fd, req, req->file_mode, err);
}

static int copy_piece(int dir_fd, const char *name, const Grpc__CopyFileRequest *req,
		      struct err *err)
{
	scoped_free char *part = xasprintf(".%.200s.part", name);
	int create = req->offset == 0 ? O_CREAT | O_TRUNC : 0;
	scoped_fd int fd =
		open_beneath(dir_fd, part, O_WRONLY | O_CLOEXEC | O_NONBLOCK | create, 0600, err);
	struct stat st;
	size_t done = 0;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "no regular file is there");
	while (done < req->data.len) {
		ssize_t n = pwrite(fd, req->data.data + done, req->data.len - done,
				   req->offset + (off_t)done);

		if (n < 0)
			return err_sys(err, errno, "write");
		done += (size_t)n;
	}
	if (req->offset + (int64_t)req->data.len < req->file_size)
		return 0;
	if (set_owner(fd, req, req->file_mode, err) < 0)
		return -1;
	if (renameat(dir_fd, part, dir_fd, name) < 0)
		return err_sys(err, errno, "put in place");
	return 0;
}

static int copy(const Grpc__CopyFileRequest *req, struct err *err)
{
	scoped_free char *dir = NULL;
	scoped_fd int dir_fd = -1;
	size_t len = strlen(req->path);
	char *name;

	while (len > 1 && req->path[len - 1] == '/')
		len--;
	dir = xstrndup(req->path, len);
	name = strrchr(dir, '/');
	*name++ = '\0';
	dir_fd = place_make_dir(dir, req->dir_mode ? req->dir_mode & 07777 : 0755, err);
	if (dir_fd < 0)
		return -1;
	if ((req->file_mode & S_IFMT) == S_IFDIR)
		return copy_dir(dir_fd, name, req, err);
	return copy_piece(dir_fd, name, req, err);
}

void rpc_copy_file(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg)
{
	const Grpc__CopyFileRequest *req = (const Grpc__CopyFileRequest *)msg;
	struct err err = ERR_INIT;

	(void)arg;
	if (check_copy(req, &err) < 0 || copy(req, &err) < 0)
		err_wrap(&err, "copy file '%.100s'", req->path);
	rpc_end(call, &err);
}
