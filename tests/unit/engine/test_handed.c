/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/resource/network/handed.h"
#include "lib/base/mem.h"

/* A namespace with links 1, 2 and 5, of which each has one of everything. */
static struct net_state make_namespace(void)
{
	static const int indices[] = { 1, 2, 5 };
	struct net_state s = { .n_links = 3, .n_addresses = 3, .n_routes = 3, .n_neighbours = 3 };

	s.links = xcalloc(3, sizeof(*s.links));
	s.addresses = xcalloc(3, sizeof(*s.addresses));
	s.routes = xcalloc(3, sizeof(*s.routes));
	s.neighbours = xcalloc(3, sizeof(*s.neighbours));
	for (size_t i = 0; i < 3; i++) {
		s.links[i].index = s.addresses[i].link = s.routes[i].link = s.neighbours[i].link =
			indices[i];
		s.routes[i].metric = 100 + (uint32_t)indices[i];
	}
	return s;
}

/* Its driver let go of it. */
static void drop_link(struct net_state *s, size_t i)
{
	memmove(&s->links[i], &s->links[i + 1], (2 - i) * sizeof(*s->links));
	memmove(&s->addresses[i], &s->addresses[i + 1], (2 - i) * sizeof(*s->addresses));
	memmove(&s->routes[i], &s->routes[i + 1], (2 - i) * sizeof(*s->routes));
	memmove(&s->neighbours[i], &s->neighbours[i + 1], (2 - i) * sizeof(*s->neighbours));
	s->n_links = s->n_addresses = s->n_routes = s->n_neighbours = 2;
}

static void what_was_of_the_link_is_shown_again_in_its_place(void **state)
{
	struct net_state before = make_namespace(), after = make_namespace();
	struct handed *handed = handed_remember(&before, 2);

	(void)state;
	net_state_done(&before); /* it has its own */
	drop_link(&after, 1);
	handed_show(handed, &after);
	assert_int_equal(after.n_links, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(after.links[i].index, ((const int[]){ 1, 2, 5 })[i]);
	assert_int_equal(after.n_addresses, 3);
	assert_int_equal(after.addresses[2].link, 2);
	assert_int_equal(after.n_routes, 3);
	assert_int_equal(after.routes[2].metric, 102);
	assert_int_equal(after.n_neighbours, 3);
	assert_int_equal(after.neighbours[2].link, 2);
	net_state_done(&after);
	handed_free(handed);
}

static void a_link_that_is_there_is_not_shown_twice(void **state)
{
	struct net_state s = make_namespace();
	struct handed *handed = handed_remember(&s, 5);

	(void)state;
	handed_show(handed, &s);
	assert_int_equal(s.n_links, 3);
	assert_int_equal(s.n_routes, 3);
	net_state_done(&s);
	handed_free(handed);
}

static void the_last_and_the_only_link_can_be_shown(void **state)
{
	struct net_state s = make_namespace(), empty = { 0 };
	struct handed *handed = handed_remember(&s, 5);

	(void)state;
	drop_link(&s, 2);
	handed_show(handed, &s);
	assert_int_equal(s.links[2].index, 5);
	handed_show(handed, &empty);
	assert_int_equal(empty.n_links, 1);
	assert_int_equal(empty.n_addresses, 1);
	net_state_done(&s);
	net_state_done(&empty);
	handed_free(handed);
}

static void a_link_that_never_was_is_nothing(void **state)
{
	struct net_state s = make_namespace();
	struct handed *handed = handed_remember(&s, 4711);

	(void)state;
	handed_show(handed, &s);
	assert_int_equal(s.n_links, 3);
	net_state_done(&s);
	handed_free(handed);
	handed_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_of_the_link_is_shown_again_in_its_place),
		cmocka_unit_test(a_link_that_is_there_is_not_shown_twice),
		cmocka_unit_test(the_last_and_the_only_link_can_be_shown),
		cmocka_unit_test(a_link_that_never_was_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
