/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * accel.h - KVM or emulation, decided by trying
 *
 * That /dev/kvm opens proves nothing: there are hosts where it opens, machines are made,
 * and a guest never leaves its first instructions or makes the kernel spin. So a helper
 * process (this program again, see kvm_probe_main()) runs a few guest instructions and is
 * killed when it takes too long. The verdict is kept until the next boot.
 */
#include <stdbool.h>

#include "engine/vmm/vm_config.h"
#include "lib/base/err.h"

struct accel_choice;
struct config;
struct event_base;

/*
 * warning is NULL, or one line for the log: why "auto" became TCG (only when the probe
 * was made now, not when its verdict was read back). err is not NULL when accel is
 * "kvm" and KVM does not work.
 */
typedef void accel_done(void *arg, enum vm_accel accel, const char *warning,
			const struct err *err);

/*
 * accel: "auto", "kvm" or "tcg". Calls back from the loop, once, within PROBE_MS. Freed by
 * accel_choice_free(), also to give up early (silent, kills the helper).
 */
#define ACCEL_PROBE_MS  2000u
#define ACCEL_CACHE_DIR "/run/kata-containers" /* the verdict is its file kvm-probe */
struct accel_choice *accel_choose(struct event_base *base, const char *accel,
				  const char *cache_dir, accel_done *done, void *arg);
void accel_choice_free(struct accel_choice *choice); /* NULL is fine */

/*
 * To be called first in main() by every program that uses accel_choose(): returns -1 when
 * this process is no probe, else its exit code.
 */
int kvm_probe_main(int argc, char **argv);
