/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * annotation_text.h - what a text from an annotation may be
 *
 * Trust: the sender is whoever may start a pod; an administrator named the key in
 *        enable_annotations, and that must not hand over more than the key's own meaning
 * Source: CVE-2020-27151, GHSA-rr59-xxvx-96qr
 *
 * Pure functions.
 */
#include "engine/config/keys.h"

/* No control character, and not over CONFIG_ANNOTATION_MAX bytes: for every value. */
int annotation_check_plain(const char *text, struct err *err);

/* By the row's `text`. The errors do not repeat the text. */
int annotation_check_text(const struct config_key *key, const char *text, struct err *err);
int annotation_check_list(const struct config_key *key, char *const *list, struct err *err);
