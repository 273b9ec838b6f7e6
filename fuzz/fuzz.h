/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fuzz.h - what a fuzz target is
 *
 * libFuzzer's interface: run once over some bytes, return 0, crash when something is wrong.
 * What must hold beyond "does not crash" is checked with fuzz_assert().
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_assert(condition)            \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)
