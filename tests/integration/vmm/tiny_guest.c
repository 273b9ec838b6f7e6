/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny_guest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LOAD_AT  0x100000u
#define MAGIC    0x1badb002u /* multiboot 1 */
#define HAS_ADDR 0x00010000u
#define COM1     0x3f8

struct image {
	uint8_t bytes[1024];
	size_t len;
};

static void put(struct image *img, const void *data, size_t len)
{
	memcpy(img->bytes + img->len, data, len);
	img->len += len;
}

static void put_u32(struct image *img, uint32_t v)
{
	put(img, &v, sizeof(v));
}

#define CODE(img, ...) \
	put((img), (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void put_header(struct image *img)
{
	put_u32(img, MAGIC);
	put_u32(img, HAS_ADDR);
	put_u32(img, 0u - MAGIC - HAS_ADDR);
	put_u32(img, LOAD_AT);      /* where this header lies */
	put_u32(img, LOAD_AT);      /* load the file from here on */
	put_u32(img, 0);            /* to its end */
	put_u32(img, 0);            /* no bss */
	put_u32(img, LOAD_AT + 32); /* entry: right behind */
}

/* mov dx, COM1; then mov al, c; out dx, al for each. */
static void put_print(struct image *img, const char *text)
{
	CODE(img, 0x66, 0xba, COM1 & 0xff, COM1 >> 8);
	for (; *text; text++)
		CODE(img, 0xb0, (uint8_t)*text, 0xee);
}

static void put_halt(struct image *img)
{
	CODE(img, 0xfa, 0xf4, 0xeb, 0xfd); /* cli; hlt; jmp back to hlt */
}

static void put_reset(struct image *img)
{
	CODE(img, 0xb0, 0xfe, 0xe6, 0x64); /* mov al, 0xfe; out 0x64, al */
}

static void put_poweroff(struct image *img)
{
	/* mov dx, 0x604 (PM1a control as SeaBIOS sets it up); mov ax, 0x2000 (S5); out dx, ax */
	CODE(img, 0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef);
}

int tiny_guest_write(const char *path, enum tiny_guest which)
{
	struct image img = { .len = 0 };
	FILE *f = fopen(path, "we");
	size_t n;

	if (!f)
		return -1;
	put_header(&img);
	switch (which) {
	case TINY_IDLE:
		put_print(&img, TINY_HELLO "\n");
		break;
	case TINY_RESET:
		put_print(&img, TINY_PANIC "\n");
		put_reset(&img);
		break;
	case TINY_POWEROFF:
		put_poweroff(&img);
		break;
	}
	put_halt(&img);
	n = fwrite(img.bytes, 1, img.len, f);
	return fclose(f) == 0 && n == img.len ? 0 : -1;
}
