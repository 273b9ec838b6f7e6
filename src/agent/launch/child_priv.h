/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * child_priv.h - the operations, by file; one row of child_ops each
 *
 * Child-safe: all of it
 */
#include "agent/launch/child.h"

/* child_setup.c: namespaces, session, names */
child_op op_enter_cgroup, op_join, op_unshare, op_wait_mapped, op_session, op_keyring, op_sysctl,
	op_hostname, op_domainname, op_label;
/* child_mounts.c */
child_op op_propagation, op_cover_root, op_rootfs, op_filesystem, op_bind, op_readonly_mount,
	op_readonly_path, op_mask, op_readonly_root, op_pivot, op_chroot, op_root_propagation;
/* child_dev.c */
child_op op_make_dir, op_node, op_node_bind, op_link, op_relink, op_terminal, op_console;
/* child_hook.c */
child_op op_hook;
/* child_process.c */
child_op op_stdio, op_cwd, op_umask, op_personality, op_scheduler, op_io_priority, op_bounding,
	op_ids, op_capabilities, op_no_new_privs, op_home, op_find_program, op_ready, op_seccomp,
	op_execute;
