# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests with real guests share. Sourced by each setup().

# meson tells where things are; by hand, the default build folder of this tree is taken.
SOURCE_DIR=${SOURCE_DIR:-$(readlink -f "$BATS_TEST_DIRNAME/../..")}
BUILD_DIR=${BUILD_DIR:-$SOURCE_DIR/build}
