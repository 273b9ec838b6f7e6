/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of a process: real FIFOs, files and loggers on one side, an agent that the test
 * plays on the other.
 */
#include "fake_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/stdio/logger.h"
#include "engine/stdio/process_io.h"
#include "lib/base/clock.h"
#include "lib/base/defs.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/stdio/streams.h"

#define TICK_MS 100

struct world {
	struct fake_agent agent;
	struct ttrpc_client *client;
	struct loggers loggers;
	struct process_io *io;
	unsigned int n_warnings;
	struct err warning, opened;
	bool is_open, empty;
	char in[96], out[96], errors[96];
};

static void on_warning(void *arg, const struct err *err)
{
	struct world *w = arg;

	w->n_warnings++;
	w->warning = *err;
}

static void on_close(void *arg, const struct err *why)
{
	struct world *w = arg;

	(void)why;
	ttrpc_client_free(take_ptr(&w->client));
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);
	struct err err = ERR_INIT;

	fake_agent_setup(&w->agent);
	w->client = ttrpc_client_new(w->agent.base, unix_connect(w->agent.path, &err), on_close, w);
	loggers_init(&w->loggers, w->agent.base, NULL);
	snprintf(w->in, sizeof(w->in), "%s/in", w->agent.dir);
	snprintf(w->out, sizeof(w->out), "%s/out", w->agent.dir);
	snprintf(w->errors, sizeof(w->errors), "%s/err", w->agent.dir);
	assert_int_equal(mkfifo(w->in, 0600), 0);
	assert_int_equal(mkfifo(w->out, 0600), 0);
	assert_int_equal(mkfifo(w->errors, 0600), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	process_io_free(w->io);
	loggers_done(&w->loggers);
	ttrpc_client_free(w->client);
	fake_agent_teardown(&w->agent);
	free(w);
	return 0;
}

/* --- one process --- */

static int open_io(struct world *w, const struct stdio_request *req, struct err *err)
{
	const struct process_io_env env = { .base = w->agent.base,
					    .loggers = &w->loggers,
					    .id = "c1",
					    .tick_ms = TICK_MS,
					    .warning = on_warning,
					    .arg = w };

	w->io = process_io_new(&env, req, err);
	return w->io ? 0 : -1;
}

static void on_progress(void *arg)
{
	(void)arg;
}

static void start(struct world *w)
{
	const struct stdio_peer peer = { .client = &w->client,
					 .container_id = "c1",
					 .exec_id = "c1" };

	process_io_start(w->io, &peer, on_progress, w);
}

static void run(struct world *w, const struct stdio_request *req)
{
	struct err err = ERR_INIT;

	if (open_io(w, req, &err) < 0)
		fail_msg("%s", err.text);
	start(w);
}

static void end_streams(struct world *w)
{
	fake_eof(&w->agent, 0);
	fake_eof(&w->agent, 1);
	process_io_exited(w->io);
}

static void say(struct world *w, const char *text)
{
	fake_say(&w->agent, 0, text, strlen(text));
}

static bool is_drained(void *arg)
{
	return process_io_is_drained(((struct world *)arg)->io);
}

static void expect_drained(struct world *w)
{
	turn_until(w->agent.base, is_drained, w);
}

static bool is_input_closed(void *arg)
{
	return ((struct world *)arg)->agent.in_closed;
}

/* --- clients --- */

static int open_client(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct reader {
	struct world *w;
	int fd;
	struct str text;
	size_t want;
	bool ended;
};

static bool has_read(void *arg)
{
	struct reader *r = arg;
	char buf[65536];
	ssize_t n = read(r->fd, buf, sizeof(buf));

	if (n > 0)
		str_add_n(&r->text, buf, (size_t)n);
	r->ended = n == 0;
	return r->text.len >= r->want && (r->want != SIZE_MAX || r->ended);
}

/* Exactly this is there to be read. */
static void expect_text(struct world *w, int fd, const char *text)
{
	struct reader r = { .w = w, .fd = fd, .want = strlen(text) };

	turn_until(w->agent.base, has_read, &r);
	assert_string_equal(str_get(&r.text), text);
	str_done(&r.text);
}

static bool has_ended(void *arg)
{
	struct reader *r = arg;

	return has_read(r) || r->ended;
}

/* This, and the end. */
static void expect_rest(struct world *w, int fd, const char *text)
{
	struct reader r = { .w = w, .fd = fd, .want = SIZE_MAX };

	turn_until(w->agent.base, has_ended, &r);
	assert_string_equal(str_get(&r.text), text);
	str_done(&r.text);
}

static bool is_file(void *arg)
{
	struct reader *r = arg;
	struct err err = ERR_INIT;
	scoped_free char *text = NULL;
	size_t len;

	return file_read((const char *)r->w, 65536, &text, &len, &err) == 0 && len >= r->want;
}

/* A file comes to hold this. */
static void expect_file(struct world *w, const char *path, const char *text)
{
	struct reader r = { .w = (void *)(uintptr_t)path, .want = strlen(text) };
	struct err err = ERR_INIT;
	scoped_free char *got = NULL;
	size_t len;

	turn_until(w->agent.base, is_file, &r);
	assert_int_equal(file_read(path, 65536, &got, &len, &err), 0);
	assert_string_equal(got, text);
}

/* --- output --- */

static void a_reader_gets_both_streams_and_their_ends(void **state)
{
	struct world *w = *state;
	scoped_fd int out = open_client(w->out, O_RDONLY);
	scoped_fd int errors = open_client(w->errors, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out, .err = w->errors });
	say(w, "hello");
	fake_say(&w->agent, 1, "oh", 2);
	expect_text(w, out, "hello");
	end_streams(w);
	expect_drained(w);
	expect_rest(w, out, "");
	expect_rest(w, errors, "oh");
	assert_int_equal(w->n_warnings, 0);
}

static void a_stream_ends_for_its_reader_when_the_process_closes_it(void **state)
{
	struct world *w = *state;
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out, .err = w->errors });
	say(w, "bye");
	fake_eof(&w->agent, 0);
	expect_rest(w, out, "bye");
	assert_false(process_io_is_drained(w->io));
}

static void a_late_reader_gets_what_is_in_the_fifo_and_its_end(void **state)
{
	struct world *w = *state;
	scoped_fd int out = -1;

	run(w, &(struct stdio_request){ .out = w->out });
	say(w, "hello");
	end_streams(w);
	expect_drained(w);
	settle(w->agent.base);
	out = open_client(w->out, O_RDONLY);
	expect_rest(w, out, "hello");
}

static void a_client_may_go_and_come_again(void **state)
{
	struct world *w = *state;
	int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out });
	say(w, "one");
	expect_text(w, out, "one");
	close(out);
	say(w, "two");
	settle(w->agent.base);
	out = open_client(w->out, O_RDONLY);
	expect_text(w, out, "two");
	say(w, "three");
	end_streams(w);
	expect_rest(w, out, "three");
	close(out);
}

#define MUCH (10u << 20)

static char *make_much(void)
{
	char *much = xcalloc(MUCH, 1);

	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)('a' + i * 7 % 23 + i / 4096 % 3);
	return much;
}

/* Four megabytes is all that is taken of a stream after the exit, so the exit comes in between. */
static void a_slow_reader_gets_ten_megabytes(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	scoped_fd int out = open_client(w->out, O_RDONLY);
	struct reader r = { .w = w, .fd = out, .want = MUCH - (2u << 20) };

	run(w, &(struct stdio_request){ .out = w->out });
	fake_say(&w->agent, 0, much, MUCH);
	turn_until(w->agent.base, has_read, &r);
	end_streams(w);
	for (int i = 0; i < 10; i++) { /* it reads nothing */
		settle(w->agent.base);
		assert_false(process_io_is_drained(w->io));
	}
	r.want = MUCH;
	turn_until(w->agent.base, has_read, &r);
	expect_drained(w);
	assert_int_equal(r.text.len, MUCH);
	assert_memory_equal(r.text.data, much, MUCH);
	assert_int_equal(w->n_warnings, 0);
	str_done(&r.text);
}

static void a_reader_that_stands_still_is_not_waited_for_after_a_kill(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out });
	fake_say(&w->agent, 0, much, 200000);
	wait_until_full(w->agent.base, out);
	process_io_killed(w->io);
	end_streams(w);
	expect_drained(w);
	assert_int_equal(w->n_warnings, 1);
}

/* More than a FIFO holds, and nobody there. */
static void a_fifo_that_nobody_has_open_is_given_up(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	uint64_t before = clock_mono_ns();

	run(w, &(struct stdio_request){ .out = w->out });
	fake_say(&w->agent, 0, much, 1u << 20);
	end_streams(w);
	expect_drained(w);
	assert_true(clock_mono_ns() - before > 3 * TICK_MS * NS_PER_MS);
	assert_int_equal(w->n_warnings, 1);
	assert_non_null(strstr(w->warning.text, w->out));
}

static void one_fifo_may_serve_both_streams(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out, .err = w->out });
	say(w, "out ");
	expect_text(w, out, "out ");
	fake_eof(&w->agent, 0);
	fake_say(&w->agent, 1, "err", 3);
	expect_text(w, out, "err");
	close_fd(&out);
	fake_say(&w->agent, 1, much, 1u << 20);
	end_streams(w);
	assert_false(process_io_is_drained(w->io));
	expect_drained(w); /* our own readers do not count */
	assert_int_equal(w->n_warnings, 1);
}

static bool is_all_said(void *arg)
{
	struct world *w = arg;

	return w->agent.out[0].at == w->agent.out[0].len;
}

static void output_without_a_place_does_not_stop_the_process(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();

	run(w, &(struct stdio_request){ .terminal = false });
	fake_say(&w->agent, 0, much, 1u << 20);
	turn_until(w->agent.base, is_all_said, w);
	end_streams(w);
	expect_drained(w);
}

/* A child that was left behind holds the streams open. */
static void an_exit_does_not_wait_for_streams_that_stay_open(void **state)
{
	struct world *w = *state;
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out });
	say(w, "one");
	process_io_exited(w->io);
	settle(w->agent.base);
	assert_false(process_io_is_drained(w->io));
	expect_drained(w);
	expect_rest(w, out, "one");
}

static void what_is_no_fifo_is_refused_by_name(void **state)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
	} rows[] = {
		{ "dir", "it is a directory, not a FIFO", ERR_INVALID },
		{ "file", "it is a regular file, not a FIFO", ERR_INVALID },
		{ "nothing", "No such file", ERR_NOT_FOUND },
	};
	struct world *w = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/dir", w->agent.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/file", w->agent.dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_INIT;

		snprintf(path, sizeof(path), "%s/%s", w->agent.dir, rows[i].name);
		assert_int_equal(open_io(w, &(struct stdio_request){ .in = path }, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_non_null(strstr(err.text, rows[i].text));
		assert_non_null(strstr(err.text, path));
		assert_int_equal(open_io(w, &(struct stdio_request){ .err = path }, &err), -1);
	}
}

/* --- input --- */

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static bool has_input(void *arg)
{
	struct reader *r = arg;

	return r->w->agent.in.len >= r->want;
}

static void expect_input(struct world *w, const char *text)
{
	struct reader r = { .w = w, .want = strlen(text) };

	turn_until(w->agent.base, has_input, &r);
	assert_string_equal(str_get(&w->agent.in), text);
}

static void input_ends_only_after_close_io_and_the_last_client(void **state)
{
	struct world *w = *state;
	int client;

	run(w, &(struct stdio_request){ .in = w->in });
	settle(w->agent.base);
	assert_false(w->agent.in_closed); /* nobody was there yet */
	client = open_client(w->in, O_WRONLY);
	put(client, "one ");
	close(client);
	expect_input(w, "one ");
	client = open_client(w->in, O_WRONLY);
	process_io_close_stdin(w->io);
	process_io_close_stdin(w->io);
	settle(w->agent.base);
	assert_false(w->agent.in_closed);
	put(client, "two");
	close(client);
	turn_until(w->agent.base, is_input_closed, w);
	expect_input(w, "one two");
}

static void close_io_before_the_start_is_kept(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;
	int client;

	assert_int_equal(open_io(w, &(struct stdio_request){ .in = w->in }, &err), 0);
	client = open_client(w->in, O_WRONLY);
	put(client, "all");
	close(client);
	process_io_close_stdin(w->io);
	start(w);
	turn_until(w->agent.base, is_input_closed, w);
	expect_input(w, "all");
}

static void a_process_that_does_not_read_stops_its_client(void **state)
{
	struct world *w = *state;
	scoped_fd int client = -1;
	char block[4096] = { 0 };
	size_t total = 0;

	w->agent.deaf = true;
	run(w, &(struct stdio_request){ .in = w->in });
	client = open_client(w->in, O_WRONLY);
	for (int i = 0; i < 20; i++) {
		while (write(client, block, sizeof(block)) > 0)
			total += sizeof(block);
		settle(w->agent.base);
	}
	assert_in_range(total, STDIO_CHUNK, 3 * STDIO_CHUNK);
}

static void without_a_stdin_the_process_sees_its_end(void **state)
{
	struct world *w = *state;

	run(w, &(struct stdio_request){ .out = w->out });
	turn_until(w->agent.base, is_input_closed, w);
}

static void a_terminal_without_a_stdin_stays_open_until_close_io(void **state)
{
	struct world *w = *state;

	run(w, &(struct stdio_request){ .terminal = true, .out = w->out });
	settle(w->agent.base);
	assert_false(w->agent.in_closed);
	process_io_close_stdin(w->io);
	turn_until(w->agent.base, is_input_closed, w);
}

static void an_input_is_nothing_but_a_fifo(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	assert_int_equal(open_io(w, &(struct stdio_request){ .in = "file:///x" }, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "file:///x"));
}

/* --- files --- */

static void a_file_is_made_with_its_directories_and_appended_to(void **state)
{
	struct world *w = *state;
	char path[160], uri[200];

	snprintf(path, sizeof(path), "%s/a/b c/log", w->agent.dir);
	snprintf(uri, sizeof(uri), "file://%s/a/b%%20c/log", w->agent.dir);
	for (int i = 0; i < 2; i++) {
		run(w, &(struct stdio_request){ .out = uri, .err = uri });
		say(w, "line\n");
		expect_file(w, path, i == 0 ? "line\n" : "line\noh\nline\n");
		fake_say(&w->agent, 1, "oh\n", i == 0 ? 3 : 0);
		end_streams(w);
		expect_drained(w);
		process_io_free(take_ptr(&w->io));
		w->agent.out[0].eof = w->agent.out[1].eof = false;
	}
	expect_file(w, path, "line\noh\nline\n");
}

/* --- loggers --- */

static void on_opened(void *arg, const struct err *err)
{
	struct world *w = arg;

	assert_false(w->is_open);
	w->is_open = true;
	if (err)
		w->opened = *err;
}

static bool is_open(void *arg)
{
	return ((struct world *)arg)->is_open;
}

static void on_empty(void *arg)
{
	((struct world *)arg)->empty = true;
}

static bool is_empty(void *arg)
{
	return ((struct world *)arg)->empty;
}

/* A shell script as a logger: its URI, owned by the caller. */
static char *make_logger(struct world *w, const char *script)
{
	scoped_free char *path = xasprintf("%s/logger", w->agent.dir);
	scoped_free char *text =
		xasprintf("#!/bin/sh\nPATH=/usr/bin:/bin\ndir=%s\n%s", w->agent.dir, script);
	struct err err = ERR_INIT;

	assert_int_equal(file_replace(path, text, strlen(text), 0700, &err), 0);
	return xasprintf("binary://%s?key=a+value&empty", path);
}

static void open_logger(struct world *w, const char *uri, bool terminal)
{
	const struct stdio_request req = {
		.terminal = terminal, .out = uri, .err = uri, .namespace = "k8s.io"
	};
	struct err err = ERR_INIT;

	assert_int_equal(open_io(w, &req, &err), 0);
	assert_true(process_io_is_opening(w->io));
	process_io_on_opened(w->io, on_opened, w);
	turn_until(w->agent.base, is_open, w);
}

/* The process is deleted; the logger ends, in its own time. */
static void expect_no_logger(struct world *w)
{
	process_io_free(take_ptr(&w->io));
	if (loggers_wait(&w->loggers, on_empty, w))
		turn_until(w->agent.base, is_empty, w);
}

static void one_logger_gets_both_streams_its_arguments_and_names(void **state)
{
	struct world *w = *state;
	scoped_free char *path = xasprintf("%s/log", w->agent.dir);
	scoped_free char *uri = make_logger(
		w, "exec 5>&-\n{ echo \"$# $1,$2,$3,$4 $CONTAINER_ID $CONTAINER_NAMESPACE\";"
		   "cat <&3; cat <&4; echo end; } >>$dir/part\nmv $dir/part $dir/log\n");

	open_logger(w, uri, false);
	assert_int_equal(w->opened.code, ERR_OK);
	start(w);
	say(w, "out\n");
	fake_say(&w->agent, 1, "err\n", 4);
	end_streams(w);
	expect_drained(w);
	expect_no_logger(w);
	expect_file(w, path, "4 key,a value,empty, c1 k8s.io\nout\nerr\nend\n");
	assert_int_equal(w->n_warnings, 0);
}

static void a_logger_is_ready_by_a_byte_too(void **state)
{
	struct world *w = *state;
	scoped_free char *uri = make_logger(w, "echo >&5\ncat <&3 >$dir/log\n");

	open_logger(w, uri, false);
	assert_int_equal(w->opened.code, ERR_OK);
	assert_false(process_io_is_opening(w->io));
	expect_no_logger(w);
}

static void a_logger_that_is_never_ready_is_not_waited_for(void **state)
{
	struct world *w = *state;
	scoped_free char *uri = make_logger(w, "exec cat <&3 >/dev/null\n");

	w->loggers.ready_ms = 300;
	open_logger(w, uri, false);
	assert_int_equal(w->opened.code, ERR_TIMEOUT);
	assert_non_null(strstr(w->opened.text, "not ready within 300 ms"));
	expect_no_logger(w);
}

static void a_logger_that_cannot_be_run_is_told(void **state)
{
	struct world *w = *state;
	struct err err = ERR_INIT;

	assert_int_equal(
		open_io(w, &(struct stdio_request){ .out = "binary:///nonexistent" }, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "start logger '/nonexistent'"));
	assert_false(loggers_wait(&w->loggers, on_empty, w));
}

static bool is_warned(void *arg)
{
	return ((struct world *)arg)->n_warnings > 0;
}

static void a_logger_that_dies_is_told_and_stops_nothing(void **state)
{
	struct world *w = *state;
	scoped_free char *uri = make_logger(w, "echo >&5; exit 3\n");

	open_logger(w, uri, false);
	assert_int_equal(w->opened.code, ERR_OK);
	start(w);
	turn_until(w->agent.base, is_warned, w);
	assert_non_null(strstr(w->warning.text, "exited with status 3"));
	say(w, "lost");
	end_streams(w);
	expect_drained(w);
	expect_no_logger(w);
}

/* What it left behind holds the pipe that would tell. */
static void a_logger_that_dies_before_it_is_ready_is_told(void **state)
{
	struct world *w = *state;
	scoped_free char *uri = make_logger(w, "sleep 1 & exit 3\n");

	open_logger(w, uri, false);
	assert_int_equal(w->opened.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(w->opened.text, "exited with status 3"));
	expect_no_logger(w);
}

static void a_logger_that_stays_is_asked_and_then_killed(void **state)
{
	struct world *w = *state;
	scoped_free char *log = xasprintf("%s/log", w->agent.dir);
	scoped_free char *uri =
		make_logger(w, "trap 'echo asked >>$dir/log' TERM\nexec 5>&-\n"
			       "read end <&3; echo end >>$dir/log\nwhile :; do sleep 0.05; done\n");

	w->loggers.eof_ms = 1000;
	w->loggers.term_ms = 300;
	open_logger(w, uri, false);
	start(w);
	end_streams(w);
	expect_drained(w);
	expect_no_logger(w);
	expect_file(w, log, "end\nasked\n");
}

static void with_a_terminal_a_logger_has_one_stream(void **state)
{
	struct world *w = *state;
	scoped_free char *log = xasprintf("%s/log", w->agent.dir);
	scoped_free char *uri = make_logger(w, "exec 5>&-\ncat <&4 >$dir/4; cat <&3 >$dir/log\n");

	open_logger(w, uri, true);
	start(w);
	say(w, "tty");
	end_streams(w);
	expect_drained(w);
	expect_no_logger(w);
	expect_file(w, log, "tty");
}

/* --- the machine is lost --- */

static void what_was_read_is_written_when_the_machine_is_lost(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	scoped_fd int out = open_client(w->out, O_RDONLY);
	struct reader r = { .w = w, .fd = out, .want = SIZE_MAX };

	run(w, &(struct stdio_request){ .out = w->out });
	fake_say(&w->agent, 0, much, 200000);
	wait_until_full(w->agent.base, out);
	fake_die(&w->agent);
	process_io_lost(w->io);
	assert_false(process_io_is_drained(w->io));
	turn_until(w->agent.base, has_ended, &r);
	assert_int_equal(r.text.len, 200000);
	assert_memory_equal(r.text.data, much, 200000);
	expect_drained(w);
	assert_int_equal(w->n_warnings, 0);
	str_done(&r.text);
}

static void a_slow_reader_is_not_waited_for_when_the_machine_is_lost(void **state)
{
	struct world *w = *state;
	scoped_free char *much = make_much();
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .out = w->out });
	fake_say(&w->agent, 0, much, 200000);
	wait_until_full(w->agent.base, out);
	process_io_lost(w->io);
	process_io_exited(w->io);
	expect_drained(w);
	assert_int_equal(w->n_warnings, 1);
}

static void a_connection_that_closes_ends_the_streams(void **state)
{
	struct world *w = *state;
	scoped_fd int out = open_client(w->out, O_RDONLY);

	run(w, &(struct stdio_request){ .in = w->in, .out = w->out });
	say(w, "last words");
	expect_text(w, out, "last words");
	fake_die(&w->agent);
	expect_rest(w, out, "");
	process_io_exited(w->io);
	expect_drained(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reader_gets_both_streams_and_their_ends),
		TEST(a_stream_ends_for_its_reader_when_the_process_closes_it),
		TEST(a_late_reader_gets_what_is_in_the_fifo_and_its_end),
		TEST(a_client_may_go_and_come_again),
		TEST(a_slow_reader_gets_ten_megabytes),
		TEST(a_reader_that_stands_still_is_not_waited_for_after_a_kill),
		TEST(a_fifo_that_nobody_has_open_is_given_up),
		TEST(one_fifo_may_serve_both_streams),
		TEST(output_without_a_place_does_not_stop_the_process),
		TEST(an_exit_does_not_wait_for_streams_that_stay_open),
		TEST(what_is_no_fifo_is_refused_by_name),
		TEST(input_ends_only_after_close_io_and_the_last_client),
		TEST(close_io_before_the_start_is_kept),
		TEST(a_process_that_does_not_read_stops_its_client),
		TEST(without_a_stdin_the_process_sees_its_end),
		TEST(a_terminal_without_a_stdin_stays_open_until_close_io),
		TEST(an_input_is_nothing_but_a_fifo),
		TEST(a_file_is_made_with_its_directories_and_appended_to),
		TEST(one_logger_gets_both_streams_its_arguments_and_names),
		TEST(a_logger_is_ready_by_a_byte_too),
		TEST(a_logger_that_is_never_ready_is_not_waited_for),
		TEST(a_logger_that_cannot_be_run_is_told),
		TEST(a_logger_that_dies_is_told_and_stops_nothing),
		TEST(a_logger_that_dies_before_it_is_ready_is_told),
		TEST(a_logger_that_stays_is_asked_and_then_killed),
		TEST(with_a_terminal_a_logger_has_one_stream),
		TEST(what_was_read_is_written_when_the_machine_is_lost),
		TEST(a_slow_reader_is_not_waited_for_when_the_machine_is_lost),
		TEST(a_connection_that_closes_ends_the_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
