/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * interrupt.h - Ctrl-C during a long operation undoes it
 *
 * A VM that boots is in a session of its own and would outlive us. So `create`, `run` and
 * `exec` ask to hear of SIGINT, SIGTERM, SIGHUP and SIGQUIT, look for them wherever they
 * wait, and undo what was done.
 */
#include "lib/base/err.h"

/* From here on the four signals are read from interrupt_fd() instead of ending us. */
int interrupt_catch(struct err *err);
/* Readable when there is one; -1 when they are not caught. */
int interrupt_fd(void);
/* Takes the signal: ERR_CANCELLED "interrupted by SIGINT". 0 when there is none. */
int interrupt_check(struct err *err);
/* Forget: during the undo, which has deadlines of its own. The signals stay blocked. */
void interrupt_ignore(void);
