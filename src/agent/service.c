/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service.h"

#include "agent.pb-c.h"
#include "agent/rpc.h"
#include "health.pb-c.h"
#include "lib/base/defs.h"
#include "lib/ttrpc/server.h"
#include "resolver.pb-c.h"

static const struct ttrpc_method health_methods[] = {
	{ "Check", rpc_check },
	{ "Version", rpc_version },
};

static const struct ttrpc_method agent_methods[] = {
	{ "CreateContainer", rpc_create_container },
	{ "StartContainer", rpc_start_container },
	{ "RemoveContainer", rpc_remove_container },
	{ "ExecProcess", rpc_exec_process },
	{ "SignalProcess", rpc_signal_process },
	{ "WaitProcess", rpc_wait_process },
	{ "ListProcesses", rpc_list_processes },
	{ "UpdateContainer", rpc_update_container },
	{ "StatsContainer", rpc_stats_container },
	{ "PauseContainer", rpc_pause_container },
	{ "ResumeContainer", rpc_resume_container },
	{ "WriteStdin", rpc_write_stdin },
	{ "ReadStdout", rpc_read_stdout },
	{ "ReadStderr", rpc_read_stderr },
	{ "CloseStdin", rpc_close_stdin },
	{ "TtyWinResize", rpc_tty_win_resize },
	{ "UpdateInterface", rpc_update_interface },
	{ "UpdateRoutes", rpc_update_routes },
	{ "AddARPNeighbors", rpc_add_arp_neighbors },
	{ "ListInterfaces", rpc_list_interfaces },
	{ "ListRoutes", rpc_list_routes },
	{ "GetIPTables", rpc_get_iptables },
	{ "SetIPTables", rpc_set_iptables },
	{ "GetMetrics", rpc_get_metrics },
	{ "CreateSandbox", rpc_create_sandbox },
	{ "DestroySandbox", rpc_destroy_sandbox },
	{ "OnlineCPUMem", rpc_online_cpu_mem },
	{ "ReseedRandomDev", rpc_reseed_random_dev },
	{ "GetGuestDetails", rpc_get_guest_details },
	{ "SetGuestDateTime", rpc_set_guest_date_time },
	{ "CopyFile", rpc_copy_file },
	{ "GetOOMEvent", rpc_get_oom_event },
};

static const struct ttrpc_method resolver_methods[] = {
	{ "Listen", rpc_resolver_listen },
	{ "Next", rpc_resolver_next },
	{ "Answer", rpc_resolver_answer },
};

const struct ttrpc_service *agent_services(struct agent *agent, size_t *ret_n)
{
	static struct ttrpc_service services[3];

	services[0] = (struct ttrpc_service){
		.desc = &grpc__agent_service__descriptor,
		.methods = agent_methods,
		.n_methods = ARRAY_LEN(agent_methods),
		.arg = agent,
	};
	services[1] = (struct ttrpc_service){
		.desc = &grpc__health__descriptor,
		.methods = health_methods,
		.n_methods = ARRAY_LEN(health_methods),
		.arg = agent,
	};
	services[2] = (struct ttrpc_service){
		.desc = &kata__guest__resolver__descriptor,
		.methods = resolver_methods,
		.n_methods = ARRAY_LEN(resolver_methods),
		.arg = agent,
	};
	*ret_n = ARRAY_LEN(services);
	return services;
}
