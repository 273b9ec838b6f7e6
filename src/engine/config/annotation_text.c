/* SPDX-License-Identifier: Apache-2.0 */
/*
 * annotation_text.c - what a text from an annotation may be
 *
 * Each rule is a list of what is allowed, as an anchored expression: a new option of QEMU
 * or virtiofsd is refused until somebody has looked at it.
 */
#include "engine/config/annotation_text.h"

#include <assert.h>
#include <regex.h>
#include <string.h>

#include "lib/base/defs.h"
#include "lib/base/str.h"

#define KERNEL_PARAMS_MAX 2048 /* bytes; COMMAND_LINE_SIZE of x86 and arm64 */
#define PATH_TEXT_MAX     1024

static bool matches(const char *expression, const char *text)
{
	regex_t re;
	bool found;

	if (regcomp(&re, expression, REG_EXTENDED | REG_NOSUB) != 0)
		assert(!"one of our own expressions is wrong");
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

int annotation_check_plain(const char *text, struct err *err)
{
	if (strlen(text) > CONFIG_ANNOTATION_MAX)
		return err_set(err, ERR_EXHAUSTED, "the value is over %u bytes",
			       CONFIG_ANNOTATION_MAX);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return err_set(err, ERR_INVALID, "the value has a control character in it");
	return 0;
}

static bool is_path(const char *text)
{
	return text[0] == '/' && strlen(text) <= PATH_TEXT_MAX && !strstr(text, "/../") &&
	       !str_ends(text, "/..");
}

/* An open quote would swallow what comes behind. */
static bool is_words(const char *text)
{
	size_t n_quotes = 0;

	for (const char *at = text; *at; at++) {
		if (*at == '"')
			n_quotes++;
		if ((unsigned char)*at > 0x7e)
			return false;
	}
	return n_quotes % 2 == 0 && strlen(text) <= KERNEL_PARAMS_MAX;
}

#define CPU_FEATURE "([+-][A-Za-z0-9._-]+|[A-Za-z0-9._-]+(=[A-Za-z0-9._-]+)?)"
/* Some machine properties take file names ("dumpdtb", "firmware"): so only switches. */
#define ACCELERATOR "[A-Za-z0-9_-]+=(on|off|auto|split|broken|workaround|fixed)"

static bool is_comma_list(const char *element, const char *text)
{
	scoped_free char *expression = NULL;
	struct str out = { 0 };

	str_addf(&out, "^(%s(,%s)*)?$", element, element);
	expression = str_take(&out);
	return matches(expression, text);
}

static const char *what(enum config_text text)
{
	switch (text) {
	case TEXT_ANY:
		return "text";
	case TEXT_PATH:
		return "an absolute path without '..'";
	case TEXT_WORDS:
		return "kernel parameters of at most 2048 plain characters with closed quotes";
	case TEXT_CPU_FEATURES:
		return "CPU features as in 'pmu=off,-avx512f'";
	case TEXT_ACCELERATORS:
		return "switches as in 'usb=off,hmat=on'";
	case TEXT_VIRTIOFSD_ARG:
		return "options that an annotation may set";
	case TEXT_MODULE:
		return "a module name and parameters as in 'e1000e EEE=1'";
	case TEXT_HASH:
		return "a sha512 in hexadecimal";
	}
	return "";
}

static bool is_allowed(enum config_text rule, const char *text)
{
	switch (rule) {
	case TEXT_ANY:
		return true;
	case TEXT_PATH:
		return is_path(text);
	case TEXT_WORDS:
		return is_words(text);
	case TEXT_CPU_FEATURES:
		return is_comma_list(CPU_FEATURE, text);
	case TEXT_ACCELERATORS:
		return is_comma_list(ACCELERATOR, text);
	case TEXT_VIRTIOFSD_ARG:
		return matches("^--(thread-pool-size=[0-9]{1,4}"
			       "|announce-submounts|readdirplus|no-readdirplus"
			       "|writeback|allow-direct-io"
			       "|cache=(never|auto|always|metadata)"
			       "|inode-file-handles=(never|prefer|mandatory))$",
			       text);
	case TEXT_MODULE:
		return matches("^[A-Za-z0-9_][A-Za-z0-9_-]*( +[A-Za-z0-9_.-]+(=[^ ]*)?)* *$", text);
	case TEXT_HASH:
		return matches("^[0-9a-fA-F]{128}$", text);
	}
	return false;
}

int annotation_check_text(const struct config_key *key, const char *text, struct err *err)
{
	if (annotation_check_plain(text, err) < 0)
		return -1;
	if (!is_allowed(key->text, text))
		return err_set(err, ERR_INVALID, "the value must be %s", what(key->text));
	return 0;
}

/* The C virtiofsd's spelling: "-o", then the word. */
static bool is_virtiofsd_word(const char *text)
{
	return text && matches("^(announce_submounts|no_announce_submounts|readdirplus"
			       "|no_readdirplus|writeback|no_writeback"
			       "|cache=(never|none|auto|always))$",
			       text);
}

int annotation_check_list(const struct config_key *key, char *const *list, struct err *err)
{
	for (char *const *at = list; at && *at; at++) {
		if (annotation_check_plain(*at, err) < 0)
			return -1;
		if (key->text == TEXT_VIRTIOFSD_ARG && strcmp(*at, "-o") == 0 &&
		    is_virtiofsd_word(at[1])) {
			at++;
			continue;
		}
		if (annotation_check_text(key, *at, err) < 0)
			return err_wrap(err, "element %zu", (size_t)(at - list) + 1);
	}
	return 0;
}
