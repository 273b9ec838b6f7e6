/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ok.h - a call that has to succeed: OK(net_read(net, &state, e))
 *
 * e is the call's own struct err; a failure ends the test with its text. To be included after
 * cmocka.h.
 */
#include "lib/base/err.h"

#define OK(call)                                            \
	do {                                                \
		struct err err_ = ERR_INIT;                 \
		struct err *e = &err_;                      \
		if ((call) < 0)                             \
			fail_msg("%s: %s", #call, e->text); \
	} while (0)
