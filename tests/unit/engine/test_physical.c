/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PCI device's way to vfio-pci and back, in a tree that looks like sysfs. Nothing in it happens
 * by itself, so "driver" points from the start to where the step under test leads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/resource/network/physical.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

#define PCI "0000:00:05.0"

static char *root;

static char *path_of(const char *name)
{
	return xasprintf("%s/bus/pci/%s", root, name);
}

static void put(const char *name)
{
	scoped_free char *path = path_of(name);
	struct err err = ERR_INIT;

	if (file_replace(path, "", 0, 0600, &err) < 0)
		fail_msg("%s", err.text);
}

static void make_dir(const char *name)
{
	scoped_free char *path = path_of(name);
	struct err err = ERR_INIT;

	if (dir_make(path, 0700, &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_written(const char *name, const char *text)
{
	scoped_free char *path = path_of(name), *found = NULL;
	struct err err = ERR_INIT;

	if (file_read(path, 256, &found, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(found, text);
}

static void set_driver(const char *driver)
{
	scoped_free char *target = xasprintf("../../drivers/%s", driver);
	scoped_free char *link = path_of("devices/" PCI "/driver");

	(void)unlink(link);
	if (driver[0])
		assert_int_equal(symlink(target, link), 0);
}

static int set_up(void **state)
{
	char dir[] = "/tmp/physical-XXXXXX";

	(void)state;
	root = mkdtemp(dir) ? xstrdup(dir) : NULL;
	assert_non_null(root);
	make_dir("devices/" PCI);
	make_dir("drivers/vfio-pci");
	make_dir("drivers/e1000e");
	put("drivers_probe");
	put("devices/" PCI "/driver_override");
	put("drivers/vfio-pci/unbind");
	put("drivers/e1000e/unbind");
	put("drivers/e1000e/bind");
	return 0;
}

static int tear_down(void **state)
{
	struct err err = ERR_INIT;
	int r = dir_remove(root, &err);

	(void)state;
	free(root);
	return r;
}

static void the_driver_is_known_by_its_link(void **state)
{
	char driver[PHYSICAL_DRIVER_MAX] = "x";
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(physical_driver(root, PCI, driver, &err), 0);
	assert_string_equal(driver, "");
	set_driver("e1000e");
	assert_int_equal(physical_driver(root, PCI, driver, &err), 0);
	assert_string_equal(driver, "e1000e");
	assert_int_equal(physical_driver(root, "0000:00:06.0", driver, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

/* Nobody answers here, as on a host without the module. */
static void a_device_that_vfio_does_not_take_is_an_error_that_says_why(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	set_driver("e1000e");
	assert_int_equal(physical_take(root, PCI, &err), -1);
	assert_string_equal(err.text,
			    "give PCI device '" PCI "' to 'vfio-pci': is the module loaded?");
	assert_written("devices/" PCI "/driver_override", "vfio-pci");
	assert_written("drivers/e1000e/unbind", PCI);
	assert_written("drivers_probe", PCI);
}

static void a_device_that_vfio_has_is_taken_as_it_is(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	set_driver("vfio-pci");
	assert_int_equal(physical_take(root, PCI, &err), 0);
	assert_written("devices/" PCI "/driver_override", "");
	assert_written("drivers_probe", "");
}

static void a_device_goes_back_to_its_driver(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	set_driver("vfio-pci");
	assert_int_equal(physical_give_back(root, PCI, "e1000e", &err), 0);
	assert_written("devices/" PCI "/driver_override", "\n");
	assert_written("drivers/vfio-pci/unbind", PCI);
	assert_written("drivers/e1000e/bind", PCI);
}

/* Killed between taking it from its driver and giving it to vfio-pci. */
static void a_device_that_nobody_has_goes_back_as_well(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(physical_give_back(root, PCI, "e1000e", &err), 0);
	assert_written("drivers/vfio-pci/unbind", "");
	assert_written("drivers/e1000e/bind", PCI);
}

static void a_device_that_had_no_driver_gets_none(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	set_driver("vfio-pci");
	assert_int_equal(physical_give_back(root, PCI, "", &err), 0);
	assert_written("drivers/vfio-pci/unbind", PCI);
	assert_written("drivers/e1000e/bind", "");
}

static void what_is_in_order_already_is_left_alone(void **state)
{
	static const struct {
		const char *now, *before;
	} table[] = {
		{ "e1000e", "e1000e" },     /* given back already */
		{ "ixgbe", "e1000e" },      /* somebody gave it to a third one */
		{ "vfio-pci", "vfio-pci" }, /* it was never anybody else's */
	};
	struct err err = ERR_INIT;

	(void)state;
	make_dir("drivers/ixgbe");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		set_driver(table[i].now);
		assert_int_equal(physical_give_back(root, PCI, table[i].before, &err), 0);
		assert_written("devices/" PCI "/driver_override", "");
		assert_written("drivers/vfio-pci/unbind", "");
		assert_written("drivers/e1000e/bind", "");
	}
	assert_int_equal(physical_give_back(root, "0000:00:06.0", "e1000e", &err), 0); /* gone */
}

static void only_addresses_and_names_become_part_of_a_path(void **state)
{
	static const char *const good[] = { "0000:00:05.0", "ffff:ff:1f.7" };
	static const char *const bad[] = { "",
					   "0000:00:05.8",
					   "0000:00:05",
					   "00:05.0",
					   "0000:00:05.0/",
					   "0000:00:0G.0",
					   "../../../..x",
					   "0000:00:05.00" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(physical_is_address(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(physical_is_address(bad[i]));
	assert_true(physical_is_driver("vfio-pci"));
	assert_true(physical_is_driver("mlx5_core"));
	assert_false(physical_is_driver(""));
	assert_false(physical_is_driver(".."));
	assert_false(physical_is_driver("a/b"));
	assert_false(physical_is_driver("a-name-that-is-longer-than-any-driver-has"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_driver_is_known_by_its_link),
		TEST(a_device_that_vfio_does_not_take_is_an_error_that_says_why),
		TEST(a_device_that_vfio_has_is_taken_as_it_is),
		TEST(a_device_goes_back_to_its_driver),
		TEST(a_device_that_nobody_has_goes_back_as_well),
		TEST(a_device_that_had_no_driver_gets_none),
		TEST(what_is_in_order_already_is_left_alone),
		cmocka_unit_test(only_addresses_and_names_become_part_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
