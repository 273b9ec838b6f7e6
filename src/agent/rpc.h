/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * rpc.h - the handlers behind service.h, one function a method
 *
 * Each gets its request under the name of the method and the struct agent, and ends the
 * call exactly once, at once or later.
 */
#include <protobuf-c/protobuf-c.h>

struct err;
struct ttrpc_call;

typedef void rpc_handler(struct ttrpc_call *call, const ProtobufCMessage *msg, void *arg);

/* rpc_health.c */
rpc_handler rpc_check, rpc_version;

/* rpc_sandbox.c */
rpc_handler rpc_create_sandbox, rpc_destroy_sandbox, rpc_get_oom_event;

/* rpc_container.c */
rpc_handler rpc_create_container, rpc_start_container, rpc_remove_container, rpc_update_container,
	rpc_pause_container, rpc_resume_container, rpc_stats_container;

/* rpc_process.c */
rpc_handler rpc_exec_process, rpc_signal_process, rpc_wait_process, rpc_list_processes,
	rpc_tty_win_resize;

/* rpc_stream.c */
rpc_handler rpc_write_stdin, rpc_close_stdin, rpc_read_stdout, rpc_read_stderr;

/* rpc_guest.c */
rpc_handler rpc_get_guest_details, rpc_online_cpu_mem, rpc_reseed_random_dev,
	rpc_set_guest_date_time, rpc_get_metrics;

/* rpc_network.c */
rpc_handler rpc_update_interface, rpc_update_routes, rpc_add_arp_neighbors, rpc_list_interfaces,
	rpc_list_routes;

/* rpc_copy.c */
rpc_handler rpc_copy_file;

/* rpc_iptables.c */
rpc_handler rpc_get_iptables, rpc_set_iptables;

/* rpc_resolver.c */
rpc_handler rpc_resolver_listen, rpc_resolver_next, rpc_resolver_answer;

/* Answer with Empty, or with err when it is set. */
void rpc_end(struct ttrpc_call *call, const struct err *err);
