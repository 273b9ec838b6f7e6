/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toml.cpp - the one file around toml++
 *
 * toml++ keeps tables sorted by key; the items are put back into the order of the text, so
 * that the first problem reported is the first one in the file.
 */
#include "engine/config/toml.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#define TOML_EXCEPTIONS             0
#define TOML_HEADER_ONLY            1
#define TOML_ENABLE_FORMATTERS      0
#define TOML_ENABLE_WINDOWS_COMPAT  0
#define TOML_UNRELEASED_FEATURES    0
#include <toml++/toml.h>

namespace
{

struct leaf {
	std::string section;
	std::string key;
	const toml::node *node;
	toml::source_position at;
};

void set_problem(toml_problem *ret, unsigned int line, std::string_view why)
{
	ret->line = line;
	std::snprintf(ret->why, sizeof(ret->why), "%.*s", static_cast<int>(why.size()), why.data());
}

/*
 * The library follows dotted names as deep as they go and frees such tables recursively, so they
 * are counted before it sees the text. Dots in strings and comments count too: a line has to have
 * more of them than any real one before it is refused.
 */
constexpr unsigned int DOTS_MAX = 512;

bool has_too_many_dots(std::string_view text, toml_problem *ret)
{
	unsigned int line = 1;
	unsigned int dots = 0;

	for (char c : text) {
		if (c == '\n') {
			line++;
			dots = 0;
		} else if (c == '.' && ++dots > DOTS_MAX) {
			set_problem(ret, line, "too many dots in one line");
			return true;
		}
	}
	return false;
}

/* False: too deep. */
bool collect(const toml::table &table, const std::string &section, unsigned int depth,
	     std::vector<leaf> &leaves)
{
	if (depth > TOML_DEPTH_MAX)
		return false;
	for (auto &&[key, node] : table) {
		const std::string name{ key.str() };

		if (const toml::table *inner = node.as_table()) {
			const std::string path = section.empty() ? name : section + "." + name;

			leaves.push_back({ path, "", &node, key.source().begin });
			if (!collect(*inner, path, depth + 1, leaves))
				return false;
		} else {
			leaves.push_back({ section, name, &node, key.source().begin });
		}
	}
	return true;
}

bool has_nul(const std::string &s)
{
	return s.find('\0') != std::string::npos;
}

/* False: not a list of strings. */
bool list_strings(const toml::array &array, std::vector<char *> &ret)
{
	for (auto &&element : array) {
		const toml::value<std::string> *s = element.as_string();

		if (!s || has_nul(s->get()))
			return false;
		ret.push_back(const_cast<char *>(s->get().c_str()));
	}
	ret.push_back(nullptr);
	return true;
}

int emit(const leaf &l, toml_item_fn *fn, void *arg)
{
	std::vector<char *> strings;
	toml_item item{};

	item.section = l.section.c_str();
	item.key = l.key.c_str();
	item.line = l.at.line;
	item.type = TOML_OTHER;
	if (has_nul(l.section) || has_nul(l.key))
		item.section = item.key = "(a name with a NUL in it)";
	if (l.node->is_table()) {
		item.type = TOML_TABLE;
	} else if (const auto *b = l.node->as_boolean()) {
		item.type = TOML_BOOL;
		item.b = b->get();
	} else if (const auto *i = l.node->as_integer()) {
		item.type = TOML_INT;
		item.i = i->get();
	} else if (const auto *f = l.node->as_floating_point()) {
		item.type = TOML_FLOAT;
		item.f = f->get();
	} else if (const auto *s = l.node->as_string(); s && !has_nul(s->get())) {
		item.type = TOML_STRING;
		item.s = s->get().c_str();
	} else if (const auto *a = l.node->as_array(); a && list_strings(*a, strings)) {
		item.type = TOML_STRINGS;
		item.strings = strings.data();
	}
	return fn(arg, &item);
}

int read(std::string_view text, toml_item_fn *fn, void *arg, toml_problem *ret_problem)
{
	std::vector<leaf> leaves;

	if (has_too_many_dots(text, ret_problem))
		return -1;
	toml::parse_result result = toml::parse(text);
	if (!result) {
		set_problem(ret_problem, result.error().source().begin.line,
			    result.error().description());
		return -1;
	}
	if (!collect(result.table(), "", 0, leaves)) {
		set_problem(ret_problem, 0, "tables are nested too deeply");
		return -1;
	}
	std::stable_sort(leaves.begin(), leaves.end(),
			 [](const leaf &a, const leaf &b) { return a.at < b.at; });
	for (const leaf &l : leaves) {
		const int r = emit(l, fn, arg);

		if (r != 0)
			return r;
	}
	return 0;
}

} // namespace

extern "C" int toml_read(const char *text, size_t len, toml_item_fn *fn, void *arg,
			 toml_problem *ret_problem)
{
	if (len > TOML_TEXT_MAX) {
		set_problem(ret_problem, 0, "the text is too large");
		return -1;
	}
	try {
		return read(std::string_view(text, len), fn, arg, ret_problem);
	} catch (const std::exception &e) {
		set_problem(ret_problem, 0, e.what());
		return -1;
	}
}
