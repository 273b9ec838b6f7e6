/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * keys.h - the rows of the table of keys
 *
 * The one owner of every fact about a key. To add a key: a member in config.h, a row in
 * keys.c, then `ninja -C build renew-docs`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/config/config.h"

enum config_type {
	CONFIG_BOOL,
	CONFIG_TRISTATE, /* a bool or "auto" */
	CONFIG_UINT,     /* uint32_t or uint64_t by size */
	CONFIG_FLOAT,
	CONFIG_STRING,
	CONFIG_LIST,
};

enum config_state {
	KEY_BUILT,
	KEY_IDLE,    /* no effect yet: a warning when it is set to something else */
	KEY_REFUSED, /* as KEY_IDLE, and unsafe to pass over: an error */
	KEY_OLD,     /* of an older release or another monitor: a warning */
	KEY_MOOT,    /* nothing to do here by design, and nobody needs to hear of it */
};

enum config_access {
	ANNOTATION_NONE,    /* there is no such annotation */
	ANNOTATION_OPEN,    /* for everybody: it touches nothing but the pod's own guest */
	ANNOTATION_ENABLED, /* when enable_annotations names it */
	ANNOTATION_NEVER,   /* it names a program: refused whatever enable_annotations says */
};

/* Rules for text from annotations, beyond: no control characters. annotation_text.c */
enum config_text {
	TEXT_ANY,
	TEXT_PATH,          /* absolute, no ".." */
	TEXT_WORDS,         /* what a kernel command line takes */
	TEXT_CPU_FEATURES,  /* name, +name, -name, name=word, separated by "," */
	TEXT_ACCELERATORS,  /* name=on, off, auto, ..., separated by "," */
	TEXT_VIRTIOFSD_ARG, /* options that change speed, not what is shared nor the sandbox */
	TEXT_MODULE,        /* a kernel module's name and parameters */
	TEXT_HASH,          /* sha512 in hex */
};

struct config_key {
	const char *section; /* a member of struct config: "hypervisor" */
	const char *name;
	enum config_type type;
	size_t offset; /* in struct config */
	size_t size;
	const char *def;     /* as text; lists: one line an element; NULL: "", false, 0, { NULL } */
	uint64_t min, max;   /* CONFIG_UINT; max 0: what the member can hold */
	bool clamp;          /* over max: taken as max */
	const char *choices; /* the closed set, separated by ","; NULL: any */
	const char *later;   /* those of them that are not built: ERR_UNIMPLEMENTED */
	bool annotation_only; /* not known in files */
	enum config_access access;
	const char *annotation; /* if not io.katacontainers.config.SECTION.NAME; see keys.c */
	const char *valid;      /* the list of globs that an annotation's value must match */
	const char *separator;  /* of a list in an annotation; NULL: a JSON array of strings */
	bool append;            /* an annotation adds to the file's value */
	enum config_text text;  /* what a string or an element of a list in an annotation may be */
	const char *since;      /* first Kata release; "own": ours */
	enum config_state state;
	const char *meaning;
};

extern const struct config_key config_keys[];
extern const size_t config_n_keys;

/* The TOML table of a section, "hypervisor" is [hypervisor.qemu], and back; NULL: no such. */
const char *config_section_table(const char *section);
const char *config_section_find(const char *table);

/* By section and name as in struct config; NULL when there is none. */
const struct config_key *config_key_find(const char *section, const char *name);

/* The whole name of the annotation into buf; "" when there is none. */
#define CONFIG_ANNOTATION_NAME_MAX 128
const char *config_key_annotation(const struct config_key *key,
				  char buf[static CONFIG_ANNOTATION_NAME_MAX]);

/* The member itself. */
void *config_at(struct config *config, const struct config_key *key);
