/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * signals.h - a clean start for a program that is about to be executed
 *
 * Source: rt_sigaction(2); the kernel's struct sigaction of x86 and arm64
 * Child-safe: yes
 */

/*
 * Default action for every signal, none blocked. Also for the two that libc keeps for itself and whose
 * sigaction() it refuses: ignored by somebody further up, they would stay so for ever.
 */
void signals_reset(void);
