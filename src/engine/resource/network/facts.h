/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * facts.h - what plan.h asks of this host beyond its links
 *
 * Source: linux/ethtool.h, struct ethtool_drvinfo: bus_info of a PCI device is its address
 */
#include "engine/resource/network/plan.h"

extern const struct network_facts network_host_facts;
