/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * qemu.h - QEMU as the monitor behind vmm.h
 *
 * How it works: we bind every socket in vm_dir, connect our ends, and hand the listening
 * ends to QEMU; its first words on QMP are the sign of life. QEMU is watched by pidfd, by
 * the QMP link and by QMP events; the first of them to speak makes `lost`.
 */
#include "engine/vmm/vmm.h"

/* vm is borrowed until qemu's vmm_free(); events are copied. */
struct vmm *qemu_new(struct event_base *base, const struct vm_config *vm,
		     const struct vmm_events *events, void *arg);
