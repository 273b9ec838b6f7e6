/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/modules.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MODALIAS_MAX 4096 /* bytes; the kernel's are below 512 */
#define ROUNDS_MAX   8    /* bus on bus on bus: pci, virtio, scsi is three */

struct module {
	char *path;
	char *aliases; /* joined by "|" */
	char **deps;   /* NULL: none */
	bool loaded;
};

struct modules {
	struct module *all;
	size_t n;
	char release[_UTSNAME_RELEASE_LENGTH];
};

static bool is_path_fine(const char *path)
{
	return *path != '/' && !strstr(path, "..") && str_ends(path, ".ko");
}

static struct module *find_path(const struct modules *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->all[i].path, path) == 0)
			return &m->all[i];
	return NULL;
}

/* A path from the list itself, or one that check_deps() saw. */
static struct module *get_path(const struct modules *m, const char *path)
{
	struct module *mod = find_path(m, path);

	assert(mod);
	return mod;
}

/* Module names know no difference between '-' and '_'. */
static bool is_name_of(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');
	size_t len = strlen(name);

	base = base ? base + 1 : path;
	if (strlen(base) != len + strlen(".ko"))
		return false;
	for (size_t i = 0; i < len; i++) {
		char a = base[i] == '-' ? '_' : base[i];
		char b = name[i] == '-' ? '_' : name[i];

		if (a != b)
			return false;
	}
	return true;
}

static int parse_line(struct modules *m, char *line, size_t number, struct err *err)
{
	char *save = NULL;
	char *path = strtok_r(line, " \t\r", &save);
	char *aliases;
	struct module *mod;

	if (!path || *path == '#')
		return 0;
	aliases = strtok_r(NULL, " \t\r", &save);
	if (!aliases)
		return err_set(err, ERR_INVALID, "line %zu: no aliases after '%s'", number, path);
	if (!is_path_fine(path))
		return err_set(err, ERR_INVALID, "line %zu: '%s' is no module path", number, path);
	if (m->n == MODULES_MAX)
		return err_set(err, ERR_EXHAUSTED, "line %zu: more than %d modules", number,
			       MODULES_MAX);
	m->all = xrealloc(m->all, m->n + 1, sizeof(*m->all));
	mod = &m->all[m->n++];
	*mod = (struct module){ .path = xstrdup(path), .aliases = xstrdup(aliases) };
	for (char *dep; (dep = strtok_r(NULL, " \t\r", &save));)
		strv_add(&mod->deps, dep);
	return 0;
}

/* A dependency without a line could be anything; better known when the image is tried first. */
static int check_deps(const struct modules *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++)
		for (char **dep = m->all[i].deps; dep && *dep; dep++)
			if (!find_path(m, *dep))
				return err_set(err, ERR_INVALID,
					       "'%s' needs '%s', which is not listed",
					       m->all[i].path, *dep);
	return 0;
}

struct modules *modules_parse(const char *text, struct err *err)
{
	struct modules *m = xnew(struct modules);
	scoped_free char *copy = NULL;
	struct utsname name;
	char *save = NULL;
	size_t number = 0;
	int r = 0;

	if (uname(&name) == 0)
		snprintf(m->release, sizeof(m->release), "%s", name.release);
	if (strlen(text) > MODULES_TEXT_MAX) {
		err_set(err, ERR_EXHAUSTED, "list of modules is over %u bytes", MODULES_TEXT_MAX);
		modules_free(m);
		return NULL;
	}
	copy = xstrdup(text);
	for (char *line = strtok_r(copy, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save))
		r = parse_line(m, line, ++number, err);
	if (r == 0)
		r = check_deps(m, err);
	if (r < 0) {
		modules_free(m);
		return NULL;
	}
	return m;
}

struct modules *modules_open(struct err *err)
{
	scoped_free char *text = NULL;
	struct modules *m;

	if (file_read(MODULES_LIST, MODULES_TEXT_MAX, &text, NULL, err) < 0)
		return NULL;
	m = modules_parse(text, err);
	if (!m)
		err_wrap(err, "read '%s'", MODULES_LIST);
	return m;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->all[i].path);
		free(m->all[i].aliases);
		strv_free(m->all[i].deps);
	}
	free(m->all);
	free(m);
}

static bool has_alias(const struct module *mod, const char *alias)
{
	scoped_free char *patterns = xstrdup(mod->aliases);
	char *save = NULL;

	for (char *p = strtok_r(patterns, "|", &save); p; p = strtok_r(NULL, "|", &save))
		if (strcmp(p, "-") != 0 && fnmatch(p, alias, 0) == 0)
			return true;
	return false;
}

static void want_path(const char **list, size_t *n, const struct module *mod)
{
	if (mod->loaded)
		return;
	for (size_t i = 0; i < *n; i++)
		if (list[i] == mod->path)
			return;
	list[(*n)++] = mod->path;
}

static void want_module(const struct modules *m, const char **list, size_t *n,
			const struct module *mod)
{
	if (mod->loaded)
		return;
	for (char **dep = mod->deps; dep && *dep; dep++)
		want_path(list, n, get_path(m, *dep));
	want_path(list, n, mod);
}

const char **modules_want(const struct modules *m, const char *alias, size_t *ret_n)
{
	const char **list = xcalloc(m->n + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		if (has_alias(&m->all[i], alias))
			want_module(m, list, &n, &m->all[i]);
	*ret_n = n;
	return list;
}

static int load_path(struct modules *m, const char *path, const char *parameters, struct err *err)
{
	scoped_free char *full = xasprintf("/lib/modules/%s/%s", m->release, path);
	scoped_fd int fd = open(full, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open kernel module '%s'", full);
	if (syscall(SYS_finit_module, fd, parameters ? parameters : "", 0) < 0 && errno != EEXIST)
		return err_sys(err, errno, "load kernel module '%s'", path);
	get_path(m, path)->loaded = true;
	return 0;
}

static int load_list(struct modules *m, const char **list, size_t n, const char *parameters,
		     struct err *err)
{
	/* The last one is what was asked for; the others are what it stands on. */
	for (size_t i = 0; i < n; i++)
		if (load_path(m, list[i], i + 1 == n ? parameters : NULL, err) < 0)
			return -1;
	return 0;
}

int modules_load_alias(struct modules *m, const char *alias, struct err *err)
{
	size_t n;
	scoped_free const char **list = modules_want(m, alias, &n);

	return load_list(m, list, n, NULL, err);
}

int modules_load_name(struct modules *m, const char *name, const char *parameters, struct err *err)
{
	scoped_free const char **list = xcalloc(m->n + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (!is_name_of(m->all[i].path, name))
			continue;
		want_module(m, list, &n, &m->all[i]);
		return load_list(m, list, n, parameters, err);
	}
	return err_set(err, ERR_NOT_FOUND, "kernel module '%s' is not in the guest image", name);
}

/* The modalias of every device of a bus, one a line, into text. */
static void read_bus(const char *bus, struct str *text)
{
	scoped_free char *path = xasprintf("/sys/bus/%s/devices", bus);
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return; /* a bus whose driver is not loaded yet */
	while ((entry = readdir(dir))) {
		scoped_free char *alias = NULL, *file = NULL;
		struct err ignored = ERR_INIT; /* unplugged in between */

		if (entry->d_name[0] == '.')
			continue;
		file = xasprintf("%s/modalias", entry->d_name);
		if (file_read_at(dirfd(dir), file, MODALIAS_MAX, &alias, NULL, &ignored) == 0)
			str_add(text, alias);
	}
	closedir(dir);
}

/* Lines of the file first: they are in the order in which to load. */
static size_t load_round(struct modules *m, const char *devices, struct err *err)
{
	scoped_free char *aliases = xstrdup(devices);
	size_t n_loaded = 0;
	char **lines = NULL;
	char *save = NULL;

	for (char *a = strtok_r(aliases, "\n", &save); a; a = strtok_r(NULL, "\n", &save))
		strv_add(&lines, a);
	for (size_t i = 0; i < m->n; i++) {
		struct module *mod = &m->all[i];
		bool wanted = strcmp(mod->aliases, "*") == 0;

		for (char **a = lines; !mod->loaded && !wanted && a && *a; a++)
			wanted = has_alias(mod, *a);
		if (!wanted || mod->loaded)
			continue;

		scoped_free const char **list = xcalloc(m->n + 1, sizeof(*list));
		struct err failed = ERR_INIT;
		size_t n = 0;

		want_module(m, list, &n, mod);
		if (load_list(m, list, n, NULL, &failed) == 0) {
			n_loaded++;
			continue;
		}
		mod->loaded = true; /* once is enough */
		err_keep_first(err, &failed);
	}
	strv_free(lines);
	return n_loaded;
}

int modules_load_devices(struct modules *m, struct err *err)
{
	static const char *const buses[] = { "pci", "virtio" };
	struct err first = ERR_INIT;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct str devices = { 0 };
		size_t n;

		for (size_t i = 0; i < ARRAY_LEN(buses); i++)
			read_bus(buses[i], &devices);
		n = load_round(m, str_get(&devices), &first);
		str_done(&devices);
		if (n == 0)
			break;
	}
	if (first.code == ERR_OK)
		return 0;
	*err = first;
	return -1;
}
