/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * service.h - the services of the agent as tables
 *
 * Methods of the protocol that have no row answer ERR_UNIMPLEMENTED by their name, which
 * is the ttrpc server's doing.
 */
#include <stddef.h>

struct agent;
struct ttrpc_service;

/* Of the agent: lives as long as it does. */
const struct ttrpc_service *agent_services(struct agent *agent, size_t *ret_n);
