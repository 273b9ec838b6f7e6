# SPDX-License-Identifier: Apache-2.0
#
# The few words to remember; meson and ninja do the work (see CONTRIBUTING.md).
#
#	make			build into $(BUILD)
#	make demo		show it: a container in a virtual machine of its own
#	make check		every test; the last line is "N passed, N failed, N skipped"
#	make install		PREFIX=/usr/local, DESTDIR=
#	make bench, make fuzz, make golden, make clean

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/deps build
	meson setup --prefix=$(PREFIX) $(BUILD)

# Kernel and initrd of the guest, in $(BUILD)/guest
guest: all
	tools/deps run
	ninja -C $(BUILD) guest

demo: guest
	BUILD_DIR=$(abspath $(BUILD)) tools/demo

# STRICT=1: a skipped test is a failure
check: all
	tools/deps
	tests/run -C $(BUILD) $(if $(TOTAL),--total $(TOTAL))

bench: guest
	tools/deps
	BUILD_DIR=$(abspath $(BUILD)) tests/bench/run
	BUILD_DIR=$(abspath $(BUILD)) tests/bench/docker
	BUILD_DIR=$(abspath $(BUILD)) tests/bench/shim
	BUILD_DIR=$(abspath $(BUILD)) tests/bench/network
	BUILD_DIR=$(abspath $(BUILD)) tests/bench/loads

fuzz:
	tools/deps
	[ -f $(BUILD)-fuzz/build.ninja ] || CC=clang CXX=clang++ meson setup -Dfuzz=true $(BUILD)-fuzz
	ninja -C $(BUILD)-fuzz
	fuzz/run -C $(BUILD)-fuzz -t $(FUZZ_SECONDS)

# Write the golden files anew; the diff is reviewed like code.
golden: all
	KATA_GOLDEN_UPDATE=1 tests/run -C $(BUILD) --suite golden

install: guest
	tools/install -C $(BUILD) -p $(PREFIX) -d "$(DESTDIR)"

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz $(BUILD)-release

.PHONY: all guest demo check bench fuzz golden install clean
