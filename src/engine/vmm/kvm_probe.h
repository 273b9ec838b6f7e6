/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kvm_probe.h - how accel.c calls the probe (kvm_probe_main() is in accel.h)
 *
 * Exit status 0: KVM works; 1: it does not, and standard output has one line why.
 */
#define KVM_PROBE_ARG "--kvm-probe"
