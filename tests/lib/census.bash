# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For bats files, to be sourced: a census before each test and after it. What a test leaves
# behind fails that test, by name.
#
#	setup() { census_save; }
#	teardown() { census_check; }

_census=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../census/census

census_save() {
	"$_census" save "$BATS_TEST_TMPDIR/census"
}

# census_check [SECONDS]: how long things may take to be gone
census_check() {
	"$_census" diff "$BATS_TEST_TMPDIR/census" "${1:-5}"
}
