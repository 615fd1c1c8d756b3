/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The load and store decoder: words that GNU as made of the mnemonics beside them, with
 * what each must do worked out from the mnemonic; instructions that are no load or store of
 * ours; forms that the manual calls UNPREDICTABLE; and every word of a large sample, for
 * sane fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inst.h"

#define TEST_PC 0x80008004u

struct good {
	const char *text;
	uint32_t insn;
	unsigned int len;
	struct {
		unsigned int size;
		bool write, sign_extend, pair;
		unsigned int rt, rt2, rn;
		bool writeback;
		uint32_t wb_value, address;
	} want;
};

struct bad {
	const char *text;
	uint32_t insn;
	unsigned int len;
};

/* clang-format off */
static const uint32_t regs[15] = {0x01000000, 0x00000024, 0x03000222, 0x80000013, 0x05000444, 0x06000555, 0x07000666, 0x08000777, 0x09000888, 0x0a000999, 0x0b000aaa, 0x0c000bbb, 0x0d000ccc, 0x0e00ff00, 0x0f000eee};

static const struct good good_arm[] = {
	{ "ldr r2, [r4]", 0xe5942000, 4, { 4, false, false, false, 2, 0, 4, false, 0x05000444, 0x05000444 } },
	{ "ldr r2, [r4, #4095]", 0xe5942fff, 4, { 4, false, false, false, 2, 0, 4, false, 0x05001443, 0x05001443 } },
	{ "ldr r2, [r4, #-4095]", 0xe5142fff, 4, { 4, false, false, false, 2, 0, 4, false, 0x04fff445, 0x04fff445 } },
	{ "ldr r2, [r4, #16]!", 0xe5b42010, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000454, 0x05000454 } },
	{ "ldr r2, [r4, #-16]!", 0xe5342010, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000434, 0x05000434 } },
	{ "ldr r2, [r4], #32", 0xe4942020, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000464, 0x05000444 } },
	{ "ldr r2, [r4], #-32", 0xe4142020, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000424, 0x05000444 } },
	{ "ldr r2, [pc, #64]", 0xe59f2040, 4, { 4, false, false, false, 2, 0, 15, false, 0x8000804c, 0x8000804c } },
	{ "ldr sp, [r4, #4]", 0xe594d004, 4, { 4, false, false, false, 13, 0, 4, false, 0x05000448, 0x05000448 } },
	{ "ldr lr, [sp], #4", 0xe49de004, 4, { 4, false, false, false, 14, 0, 13, true, 0x0e00ff04, 0x0e00ff00 } },
	{ "ldr r0, [r4, r1]", 0xe7940001, 4, { 4, false, false, false, 0, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldr r0, [r4, -r1]", 0xe7140001, 4, { 4, false, false, false, 0, 0, 4, false, 0x05000420, 0x05000420 } },
	{ "ldr r0, [r4, r1, lsl #2]", 0xe7940101, 4, { 4, false, false, false, 0, 0, 4, false, 0x050004d4, 0x050004d4 } },
	{ "ldr r0, [r4, r3, lsr #3]", 0xe79401a3, 4, { 4, false, false, false, 0, 0, 4, false, 0x15000446, 0x15000446 } },
	{ "ldr r0, [r4, r3, lsr #32]", 0xe7940023, 4, { 4, false, false, false, 0, 0, 4, false, 0x05000444, 0x05000444 } },
	{ "ldr r0, [r4, r3, asr #4]", 0xe7940243, 4, { 4, false, false, false, 0, 0, 4, false, 0xfd000445, 0xfd000445 } },
	{ "ldr r0, [r4, r3, asr #32]", 0xe7940043, 4, { 4, false, false, false, 0, 0, 4, false, 0x05000443, 0x05000443 } },
	{ "ldr r0, [r4, r3, ror #5]", 0xe79402e3, 4, { 4, false, false, false, 0, 0, 4, false, 0xa1000444, 0xa1000444 } },
	{ "ldr r0, [r4, r3, rrx]", 0xe7940063, 4, { 4, false, false, false, 0, 0, 4, false, 0xc500044d, 0xc500044d } },
	{ "ldr r0, [r4, -r3, lsl #31]!", 0xe7340f83, 4, { 4, false, false, false, 0, 0, 4, true, 0x85000444, 0x85000444 } },
	{ "ldr r0, [r4], r3, lsl #1", 0xe6940083, 4, { 4, false, false, false, 0, 0, 4, true, 0x0500046a, 0x05000444 } },
	{ "ldr r0, [r4], -r1", 0xe6140001, 4, { 4, false, false, false, 0, 0, 4, true, 0x05000420, 0x05000444 } },
	{ "ldrt r2, [r4]", 0xe4b42000, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000444, 0x05000444 } },
	{ "ldrt r2, [r4], #8", 0xe4b42008, 4, { 4, false, false, false, 2, 0, 4, true, 0x0500044c, 0x05000444 } },
	{ "ldrt r2, [r4], -r1, lsl #2", 0xe6342101, 4, { 4, false, false, false, 2, 0, 4, true, 0x050003b4, 0x05000444 } },
	{ "ldrb r5, [r6]", 0xe5d65000, 4, { 1, false, false, false, 5, 0, 6, false, 0x07000666, 0x07000666 } },
	{ "ldrb r5, [r6, #1]!", 0xe5f65001, 4, { 1, false, false, false, 5, 0, 6, true, 0x07000667, 0x07000667 } },
	{ "ldrb r5, [r6], #-1", 0xe4565001, 4, { 1, false, false, false, 5, 0, 6, true, 0x07000665, 0x07000666 } },
	{ "ldrb r5, [r6, r1]", 0xe7d65001, 4, { 1, false, false, false, 5, 0, 6, false, 0x0700068a, 0x0700068a } },
	{ "ldrb r5, [pc, #-8]", 0xe55f5008, 4, { 1, false, false, false, 5, 0, 15, false, 0x80008004, 0x80008004 } },
	{ "ldrbt r5, [r6], #3", 0xe4f65003, 4, { 1, false, false, false, 5, 0, 6, true, 0x07000669, 0x07000666 } },
	{ "ldrbt r5, [r6], r1", 0xe6f65001, 4, { 1, false, false, false, 5, 0, 6, true, 0x0700068a, 0x07000666 } },
	{ "ldrh r7, [r8]", 0xe1d870b0, 4, { 2, false, false, false, 7, 0, 8, false, 0x09000888, 0x09000888 } },
	{ "ldrh r7, [r8, #255]", 0xe1d87fbf, 4, { 2, false, false, false, 7, 0, 8, false, 0x09000987, 0x09000987 } },
	{ "ldrh r7, [r8, #-254]!", 0xe1787fbe, 4, { 2, false, false, false, 7, 0, 8, true, 0x0900078a, 0x0900078a } },
	{ "ldrh r7, [r8], #2", 0xe0d870b2, 4, { 2, false, false, false, 7, 0, 8, true, 0x0900088a, 0x09000888 } },
	{ "ldrh r7, [r8, r1]", 0xe19870b1, 4, { 2, false, false, false, 7, 0, 8, false, 0x090008ac, 0x090008ac } },
	{ "ldrh r7, [r8, -r1]!", 0xe13870b1, 4, { 2, false, false, false, 7, 0, 8, true, 0x09000864, 0x09000864 } },
	{ "ldrh r7, [r8], r1", 0xe09870b1, 4, { 2, false, false, false, 7, 0, 8, true, 0x090008ac, 0x09000888 } },
	{ "ldrh r7, [pc, #18]", 0xe1df71b2, 4, { 2, false, false, false, 7, 0, 15, false, 0x8000801e, 0x8000801e } },
	{ "ldrht r7, [r8], #6", 0xe0f870b6, 4, { 2, false, false, false, 7, 0, 8, true, 0x0900088e, 0x09000888 } },
	{ "ldrht r7, [r8], -r1", 0xe03870b1, 4, { 2, false, false, false, 7, 0, 8, true, 0x09000864, 0x09000888 } },
	{ "ldrsb r9, [r10]", 0xe1da90d0, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b000aaa, 0x0b000aaa } },
	{ "ldrsb r9, [r10, #-17]", 0xe15a91d1, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b000a99, 0x0b000a99 } },
	{ "ldrsb r9, [r10, #1]!", 0xe1fa90d1, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000aab, 0x0b000aab } },
	{ "ldrsb r9, [r10], r1", 0xe09a90d1, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000ace, 0x0b000aaa } },
	{ "ldrsb r9, [r10, r1]", 0xe19a90d1, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b000ace, 0x0b000ace } },
	{ "ldrsb r9, [pc, #20]", 0xe1df91d4, 4, { 1, false, true, false, 9, 0, 15, false, 0x80008020, 0x80008020 } },
	{ "ldrsbt r9, [r10], #1", 0xe0fa90d1, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000aab, 0x0b000aaa } },
	{ "ldrsbt r9, [r10], r1", 0xe0ba90d1, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000ace, 0x0b000aaa } },
	{ "ldrsh r11, [r12]", 0xe1dcb0f0, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000ccc, 0x0d000ccc } },
	{ "ldrsh r11, [r12, #200]", 0xe1dcbcf8, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000d94, 0x0d000d94 } },
	{ "ldrsh r11, [r12, #-2]!", 0xe17cb0f2, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cca, 0x0d000cca } },
	{ "ldrsh r11, [r12], #2", 0xe0dcb0f2, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cce, 0x0d000ccc } },
	{ "ldrsh r11, [r12, -r1]", 0xe11cb0f1, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000ca8, 0x0d000ca8 } },
	{ "ldrsh r11, [pc, #-4]", 0xe15fb0f4, 4, { 2, false, true, false, 11, 0, 15, false, 0x80008008, 0x80008008 } },
	{ "ldrsht r11, [r12], #-2", 0xe07cb0f2, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cca, 0x0d000ccc } },
	{ "ldrsht r11, [r12], r1", 0xe0bcb0f1, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cf0, 0x0d000ccc } },
	{ "str r2, [r4]", 0xe5842000, 4, { 4, true, false, false, 2, 0, 4, false, 0x05000444, 0x05000444 } },
	{ "str r2, [r4, #8]!", 0xe5a42008, 4, { 4, true, false, false, 2, 0, 4, true, 0x0500044c, 0x0500044c } },
	{ "str r2, [r4], #-8", 0xe4042008, 4, { 4, true, false, false, 2, 0, 4, true, 0x0500043c, 0x05000444 } },
	{ "str r2, [r4, r1, lsl #3]", 0xe7842181, 4, { 4, true, false, false, 2, 0, 4, false, 0x05000564, 0x05000564 } },
	{ "str r2, [r4, -r1]!", 0xe7242001, 4, { 4, true, false, false, 2, 0, 4, true, 0x05000420, 0x05000420 } },
	{ "str r2, [r4], r3, ror #8", 0xe6842463, 4, { 4, true, false, false, 2, 0, 4, true, 0x18800444, 0x05000444 } },
	{ "str lr, [sp, #-4]!", 0xe52de004, 4, { 4, true, false, false, 14, 0, 13, true, 0x0e00fefc, 0x0e00fefc } },
	{ "str r2, [pc, #16]", 0xe58f2010, 4, { 4, true, false, false, 2, 0, 15, false, 0x8000801c, 0x8000801c } },
	{ "strt r2, [r4], #4", 0xe4a42004, 4, { 4, true, false, false, 2, 0, 4, true, 0x05000448, 0x05000444 } },
	{ "strt r2, [r4], r1", 0xe6a42001, 4, { 4, true, false, false, 2, 0, 4, true, 0x05000468, 0x05000444 } },
	{ "strb r5, [r6, #9]", 0xe5c65009, 4, { 1, true, false, false, 5, 0, 6, false, 0x0700066f, 0x0700066f } },
	{ "strb r5, [r6, #9]!", 0xe5e65009, 4, { 1, true, false, false, 5, 0, 6, true, 0x0700066f, 0x0700066f } },
	{ "strb r5, [r6], r1", 0xe6c65001, 4, { 1, true, false, false, 5, 0, 6, true, 0x0700068a, 0x07000666 } },
	{ "strb r5, [r6, r3, asr #1]", 0xe7c650c3, 4, { 1, true, false, false, 5, 0, 6, false, 0xc700066f, 0xc700066f } },
	{ "strbt r5, [r6], #1", 0xe4e65001, 4, { 1, true, false, false, 5, 0, 6, true, 0x07000667, 0x07000666 } },
	{ "strbt r5, [r6], -r1", 0xe6665001, 4, { 1, true, false, false, 5, 0, 6, true, 0x07000642, 0x07000666 } },
	{ "strh r7, [r8, #32]", 0xe1c872b0, 4, { 2, true, false, false, 7, 0, 8, false, 0x090008a8, 0x090008a8 } },
	{ "strh r7, [r8, #-32]!", 0xe16872b0, 4, { 2, true, false, false, 7, 0, 8, true, 0x09000868, 0x09000868 } },
	{ "strh r7, [r8], #2", 0xe0c870b2, 4, { 2, true, false, false, 7, 0, 8, true, 0x0900088a, 0x09000888 } },
	{ "strh r7, [r8, r1]!", 0xe1a870b1, 4, { 2, true, false, false, 7, 0, 8, true, 0x090008ac, 0x090008ac } },
	{ "strh r7, [r8], -r1", 0xe00870b1, 4, { 2, true, false, false, 7, 0, 8, true, 0x09000864, 0x09000888 } },
	{ "strht r7, [r8], #2", 0xe0e870b2, 4, { 2, true, false, false, 7, 0, 8, true, 0x0900088a, 0x09000888 } },
	{ "strht r7, [r8], r1", 0xe0a870b1, 4, { 2, true, false, false, 7, 0, 8, true, 0x090008ac, 0x09000888 } },
	{ "ldrd r2, r3, [r4]", 0xe1c420d0, 4, { 8, false, false, true, 2, 3, 4, false, 0x05000444, 0x05000444 } },
	{ "ldrd r2, r3, [r4, #8]!", 0xe1e420d8, 4, { 8, false, false, true, 2, 3, 4, true, 0x0500044c, 0x0500044c } },
	{ "ldrd r2, r3, [r4], #-8", 0xe04420d8, 4, { 8, false, false, true, 2, 3, 4, true, 0x0500043c, 0x05000444 } },
	{ "ldrd r6, r7, [r4, r1]", 0xe18460d1, 4, { 8, false, false, true, 6, 7, 4, false, 0x05000468, 0x05000468 } },
	{ "ldrd r6, r7, [r4, -r1]!", 0xe12460d1, 4, { 8, false, false, true, 6, 7, 4, true, 0x05000420, 0x05000420 } },
	{ "ldrd r6, r7, [r4], r1", 0xe08460d1, 4, { 8, false, false, true, 6, 7, 4, true, 0x05000468, 0x05000444 } },
	{ "ldrd r0, r1, [pc, #24]", 0xe1cf01d8, 4, { 8, false, false, true, 0, 1, 15, false, 0x80008024, 0x80008024 } },
	{ "ldrd r12, sp, [r4, #8]", 0xe1c4c0d8, 4, { 8, false, false, true, 12, 13, 4, false, 0x0500044c, 0x0500044c } },
	{ "strd r2, r3, [r4, #255]", 0xe1c42fff, 4, { 8, true, false, true, 2, 3, 4, false, 0x05000543, 0x05000543 } },
	{ "strd r2, r3, [r4, #-240]!", 0xe1642ff0, 4, { 8, true, false, true, 2, 3, 4, true, 0x05000354, 0x05000354 } },
	{ "strd r2, r3, [r4], #16", 0xe0c421f0, 4, { 8, true, false, true, 2, 3, 4, true, 0x05000454, 0x05000444 } },
	{ "strd r2, r3, [r4, r1]", 0xe18420f1, 4, { 8, true, false, true, 2, 3, 4, false, 0x05000468, 0x05000468 } },
	{ "strd r2, r3, [r4], -r1", 0xe00420f1, 4, { 8, true, false, true, 2, 3, 4, true, 0x05000420, 0x05000444 } },
	{ "strd r0, r1, [r2, r1]", 0xe18200f1, 4, { 8, true, false, true, 0, 1, 2, false, 0x03000246, 0x03000246 } },
	{ "ldreq r2, [r4, #4]", 0x05942004, 4, { 4, false, false, false, 2, 0, 4, false, 0x05000448, 0x05000448 } },
	{ "ldrdne r2, r3, [r4]", 0x11c420d0, 4, { 8, false, false, true, 2, 3, 4, false, 0x05000444, 0x05000444 } },
	{ "strhlt r7, [r8, #2]", 0xb1c870b2, 4, { 2, true, false, false, 7, 0, 8, false, 0x0900088a, 0x0900088a } },
};

static const struct good good_thumb[] = {
	{ "ldr.n r2, [r4]", 0x6822, 2, { 4, false, false, false, 2, 0, 4, false, 0x05000444, 0x05000444 } },
	{ "ldr.n r2, [r4, #124]", 0x6fe2, 2, { 4, false, false, false, 2, 0, 4, false, 0x050004c0, 0x050004c0 } },
	{ "ldr.n r2, [r4, r1]", 0x5862, 2, { 4, false, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldr.n r2, [sp, #1020]", 0x9aff, 2, { 4, false, false, false, 2, 0, 13, false, 0x0e0102fc, 0x0e0102fc } },
	{ "ldr.n r5, [pc, #8]", 0x4d02, 2, { 4, false, false, false, 5, 0, 15, false, 0x80008010, 0x80008010 } },
	{ "ldrb.n r2, [r4, #31]", 0x7fe2, 2, { 1, false, false, false, 2, 0, 4, false, 0x05000463, 0x05000463 } },
	{ "ldrb.n r2, [r4, r1]", 0x5c62, 2, { 1, false, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldrh.n r2, [r4, #62]", 0x8fe2, 2, { 2, false, false, false, 2, 0, 4, false, 0x05000482, 0x05000482 } },
	{ "ldrh.n r2, [r4, r1]", 0x5a62, 2, { 2, false, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldrsb r2, [r4, r1]", 0x5662, 2, { 1, false, true, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldrsh r2, [r4, r1]", 0x5e62, 2, { 2, false, true, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "str.n r2, [r4, #4]", 0x6062, 2, { 4, true, false, false, 2, 0, 4, false, 0x05000448, 0x05000448 } },
	{ "str.n r2, [r4, r1]", 0x5062, 2, { 4, true, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "str.n r7, [sp, #16]", 0x9704, 2, { 4, true, false, false, 7, 0, 13, false, 0x0e00ff10, 0x0e00ff10 } },
	{ "strb.n r2, [r4, #1]", 0x7062, 2, { 1, true, false, false, 2, 0, 4, false, 0x05000445, 0x05000445 } },
	{ "strb.n r2, [r4, r1]", 0x5462, 2, { 1, true, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "strh.n r2, [r4, #2]", 0x8062, 2, { 2, true, false, false, 2, 0, 4, false, 0x05000446, 0x05000446 } },
	{ "strh.n r2, [r4, r1]", 0x5262, 2, { 2, true, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldr.w r2, [r4, #4095]", 0xf8d42fff, 4, { 4, false, false, false, 2, 0, 4, false, 0x05001443, 0x05001443 } },
	{ "ldr.w r2, [r4, #-255]", 0xf8542cff, 4, { 4, false, false, false, 2, 0, 4, false, 0x05000345, 0x05000345 } },
	{ "ldr.w r2, [r4, #255]!", 0xf8542fff, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000543, 0x05000543 } },
	{ "ldr.w r2, [r4, #-4]!", 0xf8542d04, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000440, 0x05000440 } },
	{ "ldr.w r2, [r4], #4", 0xf8542b04, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000448, 0x05000444 } },
	{ "ldr.w r2, [r4], #-255", 0xf85429ff, 4, { 4, false, false, false, 2, 0, 4, true, 0x05000345, 0x05000444 } },
	{ "ldr.w r2, [r4, r1]", 0xf8542001, 4, { 4, false, false, false, 2, 0, 4, false, 0x05000468, 0x05000468 } },
	{ "ldr.w r2, [r4, r3, lsl #3]", 0xf8542033, 4, { 4, false, false, false, 2, 0, 4, false, 0x050004dc, 0x050004dc } },
	{ "ldr.w r2, [pc, #4000]", 0xf8df2fa0, 4, { 4, false, false, false, 2, 0, 15, false, 0x80008fa8, 0x80008fa8 } },
	{ "ldr.w r2, [pc, #-4000]", 0xf85f2fa0, 4, { 4, false, false, false, 2, 0, 15, false, 0x80007068, 0x80007068 } },
	{ "ldr.w sp, [r4, #4]", 0xf8d4d004, 4, { 4, false, false, false, 13, 0, 4, false, 0x05000448, 0x05000448 } },
	{ "ldrt r2, [r4, #255]", 0xf8542eff, 4, { 4, false, false, false, 2, 0, 4, false, 0x05000543, 0x05000543 } },
	{ "ldrb.w r5, [r6, #4000]", 0xf8965fa0, 4, { 1, false, false, false, 5, 0, 6, false, 0x07001606, 0x07001606 } },
	{ "ldrb.w r5, [r6, #-9]", 0xf8165c09, 4, { 1, false, false, false, 5, 0, 6, false, 0x0700065d, 0x0700065d } },
	{ "ldrb.w r5, [r6, #1]!", 0xf8165f01, 4, { 1, false, false, false, 5, 0, 6, true, 0x07000667, 0x07000667 } },
	{ "ldrb.w r5, [r6], #-1", 0xf8165901, 4, { 1, false, false, false, 5, 0, 6, true, 0x07000665, 0x07000666 } },
	{ "ldrb.w r5, [r6, r1, lsl #1]", 0xf8165011, 4, { 1, false, false, false, 5, 0, 6, false, 0x070006ae, 0x070006ae } },
	{ "ldrb.w r5, [pc, #100]", 0xf89f5064, 4, { 1, false, false, false, 5, 0, 15, false, 0x8000806c, 0x8000806c } },
	{ "ldrbt r5, [r6, #3]", 0xf8165e03, 4, { 1, false, false, false, 5, 0, 6, false, 0x07000669, 0x07000669 } },
	{ "ldrh.w r7, [r8, #4094]", 0xf8b87ffe, 4, { 2, false, false, false, 7, 0, 8, false, 0x09001886, 0x09001886 } },
	{ "ldrh.w r7, [r8, #-2]", 0xf8387c02, 4, { 2, false, false, false, 7, 0, 8, false, 0x09000886, 0x09000886 } },
	{ "ldrh.w r7, [r8, #2]!", 0xf8387f02, 4, { 2, false, false, false, 7, 0, 8, true, 0x0900088a, 0x0900088a } },
	{ "ldrh.w r7, [r8], #2", 0xf8387b02, 4, { 2, false, false, false, 7, 0, 8, true, 0x0900088a, 0x09000888 } },
	{ "ldrh.w r7, [r8, r1, lsl #1]", 0xf8387011, 4, { 2, false, false, false, 7, 0, 8, false, 0x090008d0, 0x090008d0 } },
	{ "ldrh.w r7, [pc, #-100]", 0xf83f7064, 4, { 2, false, false, false, 7, 0, 15, false, 0x80007fa4, 0x80007fa4 } },
	{ "ldrht r7, [r8, #2]", 0xf8387e02, 4, { 2, false, false, false, 7, 0, 8, false, 0x0900088a, 0x0900088a } },
	{ "ldrsb.w r9, [r10, #4095]", 0xf99a9fff, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b001aa9, 0x0b001aa9 } },
	{ "ldrsb.w r9, [r10, #-255]", 0xf91a9cff, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b0009ab, 0x0b0009ab } },
	{ "ldrsb.w r9, [r10, #1]!", 0xf91a9f01, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000aab, 0x0b000aab } },
	{ "ldrsb.w r9, [r10], #1", 0xf91a9b01, 4, { 1, false, true, false, 9, 0, 10, true, 0x0b000aab, 0x0b000aaa } },
	{ "ldrsb.w r9, [r10, r1]", 0xf91a9001, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b000ace, 0x0b000ace } },
	{ "ldrsb.w r9, [pc, #12]", 0xf99f900c, 4, { 1, false, true, false, 9, 0, 15, false, 0x80008014, 0x80008014 } },
	{ "ldrsb.w r9, [pc, #-12]", 0xf91f900c, 4, { 1, false, true, false, 9, 0, 15, false, 0x80007ffc, 0x80007ffc } },
	{ "ldrsbt r9, [r10, #1]", 0xf91a9e01, 4, { 1, false, true, false, 9, 0, 10, false, 0x0b000aab, 0x0b000aab } },
	{ "ldrsh.w r11, [r12, #4094]", 0xf9bcbffe, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d001cca, 0x0d001cca } },
	{ "ldrsh.w r11, [r12, #-2]", 0xf93cbc02, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000cca, 0x0d000cca } },
	{ "ldrsh.w r11, [r12, #-2]!", 0xf93cbd02, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cca, 0x0d000cca } },
	{ "ldrsh.w r11, [r12], #2", 0xf93cbb02, 4, { 2, false, true, false, 11, 0, 12, true, 0x0d000cce, 0x0d000ccc } },
	{ "ldrsh.w r11, [r12, r1, lsl #2]", 0xf93cb021, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000d5c, 0x0d000d5c } },
	{ "ldrsh.w r11, [pc, #16]", 0xf9bfb010, 4, { 2, false, true, false, 11, 0, 15, false, 0x80008018, 0x80008018 } },
	{ "ldrsht r11, [r12, #2]", 0xf93cbe02, 4, { 2, false, true, false, 11, 0, 12, false, 0x0d000cce, 0x0d000cce } },
	{ "str.w r2, [r4, #4095]", 0xf8c42fff, 4, { 4, true, false, false, 2, 0, 4, false, 0x05001443, 0x05001443 } },
	{ "str.w r2, [r4, #-1]", 0xf8442c01, 4, { 4, true, false, false, 2, 0, 4, false, 0x05000443, 0x05000443 } },
	{ "str.w r2, [r4, #4]!", 0xf8442f04, 4, { 4, true, false, false, 2, 0, 4, true, 0x05000448, 0x05000448 } },
	{ "str.w r2, [r4], #-4", 0xf8442904, 4, { 4, true, false, false, 2, 0, 4, true, 0x05000440, 0x05000444 } },
	{ "str.w r2, [r4, r1, lsl #2]", 0xf8442021, 4, { 4, true, false, false, 2, 0, 4, false, 0x050004d4, 0x050004d4 } },
	{ "str.w sp, [r4]", 0xf8c4d000, 4, { 4, true, false, false, 13, 0, 4, false, 0x05000444, 0x05000444 } },
	{ "strt r2, [r4, #4]", 0xf8442e04, 4, { 4, true, false, false, 2, 0, 4, false, 0x05000448, 0x05000448 } },
	{ "strb.w r5, [r6, #4095]", 0xf8865fff, 4, { 1, true, false, false, 5, 0, 6, false, 0x07001665, 0x07001665 } },
	{ "strb.w r5, [r6, #-1]", 0xf8065c01, 4, { 1, true, false, false, 5, 0, 6, false, 0x07000665, 0x07000665 } },
	{ "strb.w r5, [r6, #1]!", 0xf8065f01, 4, { 1, true, false, false, 5, 0, 6, true, 0x07000667, 0x07000667 } },
	{ "strb.w r5, [r6], #1", 0xf8065b01, 4, { 1, true, false, false, 5, 0, 6, true, 0x07000667, 0x07000666 } },
	{ "strb.w r5, [r6, r3]", 0xf8065003, 4, { 1, true, false, false, 5, 0, 6, false, 0x87000679, 0x87000679 } },
	{ "strbt r5, [r6]", 0xf8065e00, 4, { 1, true, false, false, 5, 0, 6, false, 0x07000666, 0x07000666 } },
	{ "strh.w r7, [r8, #4094]", 0xf8a87ffe, 4, { 2, true, false, false, 7, 0, 8, false, 0x09001886, 0x09001886 } },
	{ "strh.w r7, [r8, #-2]!", 0xf8287d02, 4, { 2, true, false, false, 7, 0, 8, true, 0x09000886, 0x09000886 } },
	{ "strh.w r7, [r8], #2", 0xf8287b02, 4, { 2, true, false, false, 7, 0, 8, true, 0x0900088a, 0x09000888 } },
	{ "strh.w r7, [r8, r1, lsl #1]", 0xf8287011, 4, { 2, true, false, false, 7, 0, 8, false, 0x090008d0, 0x090008d0 } },
	{ "strht r7, [r8, #254]", 0xf8287efe, 4, { 2, true, false, false, 7, 0, 8, false, 0x09000986, 0x09000986 } },
	{ "ldrd r2, r5, [r4]", 0xe9d42500, 4, { 8, false, false, true, 2, 5, 4, false, 0x05000444, 0x05000444 } },
	{ "ldrd r2, r5, [r4, #1020]", 0xe9d425ff, 4, { 8, false, false, true, 2, 5, 4, false, 0x05000840, 0x05000840 } },
	{ "ldrd r2, r5, [r4, #-1020]!", 0xe97425ff, 4, { 8, false, false, true, 2, 5, 4, true, 0x05000048, 0x05000048 } },
	{ "ldrd r2, r5, [r4], #8", 0xe8f42502, 4, { 8, false, false, true, 2, 5, 4, true, 0x0500044c, 0x05000444 } },
	{ "ldrd r5, r2, [r4], #-8", 0xe8745202, 4, { 8, false, false, true, 5, 2, 4, true, 0x0500043c, 0x05000444 } },
	{ "ldrd r2, r5, [pc, #64]", 0xe9df2510, 4, { 8, false, false, true, 2, 5, 15, false, 0x80008048, 0x80008048 } },
	{ "strd r2, r5, [r4, #8]", 0xe9c42502, 4, { 8, true, false, true, 2, 5, 4, false, 0x0500044c, 0x0500044c } },
	{ "strd r2, r5, [r4, #-8]!", 0xe9642502, 4, { 8, true, false, true, 2, 5, 4, true, 0x0500043c, 0x0500043c } },
	{ "strd r2, r5, [r4], #16", 0xe8e42504, 4, { 8, true, false, true, 2, 5, 4, true, 0x05000454, 0x05000444 } },
	{ "strd r2, r2, [r4]", 0xe9c42200, 4, { 8, true, false, true, 2, 2, 4, false, 0x05000444, 0x05000444 } },
};

static const struct bad bad_arm[] = {
	{ "ldm r4, {r0, r1}", 0xe8940003, 4 },
	{ "ldmia r4!, {r0-r3}", 0xe8b4000f, 4 },
	{ "stm r4, {r0, r1}", 0xe8840003, 4 },
	{ "push {r4, lr}", 0xe92d4010, 4 },
	{ "pop {r4, pc}", 0xe8bd8010, 4 },
	{ "swp r0, r1, [r2]", 0xe1020091, 4 },
	{ "swpb r0, r1, [r2]", 0xe1420091, 4 },
	{ "ldrex r0, [r1]", 0xe1910f9f, 4 },
	{ "strex r0, r2, [r1]", 0xe1810f92, 4 },
	{ "ldrexd r2, r3, [r1]", 0xe1b12f9f, 4 },
	{ "ldrexb r0, [r1]", 0xe1d10f9f, 4 },
	{ "strexh r0, r2, [r1]", 0xe1e10f92, 4 },
	{ "ldr pc, [r4]", 0xe594f000, 4 },
	{ "ldr pc, [r4, r1]", 0xe794f001, 4 },
	{ "vldr d0, [r4]", 0xed940b00, 4 },
	{ "vstr s0, [r4]", 0xed840a00, 4 },
	{ "vldmia r4, {d0-d3}", 0xec940b08, 4 },
	{ "vld1.8 {d0}, [r4]", 0xf424070f, 4 },
	{ "vst1.32 {d0}, [r4]", 0xf404078f, 4 },
	{ "ldc p14, c5, [r4]", 0xed945e00, 4 },
	{ "mrc p15, 0, r0, c0, c0, 0", 0xee100f10, 4 },
	{ "pld [r4]", 0xf5d4f000, 4 },
	{ "pldw [r4]", 0xf594f000, 4 },
	{ "pli [r4]", 0xf4d4f000, 4 },
	{ "mul r0, r1, r2", 0xe0000291, 4 },
	{ "smlal r0, r1, r2, r3", 0xe0e10392, 4 },
	{ "add r0, r1, r2", 0xe0810002, 4 },
	{ "b .", 0xeafffffe, 4 },
	{ "svc #0", 0xef000000, 4 },
	{ "hvc #0", 0xe1400070, 4 },
	{ "rfeia r4", 0xf8940a00, 4 },
	{ "srsia sp, #19", 0xf8cd0513, 4 },
	{ "clrex", 0xf57ff01f, 4 },
	{ "ssat r0, #1, r1", 0xe6a00011, 4 },
	{ "sdiv r0, r1, r2", 0xe710f211, 4 },
	{ "nop", 0xe320f000, 4 },
};

static const struct bad bad_thumb[] = {
	{ "ldm r4!, {r0, r1}", 0xcc03, 2 },
	{ "ldm.w r4, {r0, r8}", 0xe8940101, 4 },
	{ "stm.w r4!, {r0, r8}", 0xe8a40101, 4 },
	{ "push {r4, lr}", 0xb510, 2 },
	{ "pop {r4, pc}", 0xbd10, 2 },
	{ "ldrex r0, [r1]", 0xe8510f00, 4 },
	{ "strex r0, r2, [r1]", 0xe8412000, 4 },
	{ "ldrexd r2, r3, [r1]", 0xe8d1237f, 4 },
	{ "strexd r0, r2, r3, [r1]", 0xe8c12370, 4 },
	{ "ldrexb r0, [r1]", 0xe8d10f4f, 4 },
	{ "tbb [r4, r1]", 0xe8d4f001, 4 },
	{ "tbh [r4, r1, lsl #1]", 0xe8d4f011, 4 },
	{ "ldr.w pc, [r4]", 0xf8d4f000, 4 },
	{ "vldr d0, [r4]", 0xed940b00, 4 },
	{ "vld1.8 {d0}, [r4]", 0xf924070f, 4 },
	{ "vst1.32 {d0}, [r4]", 0xf904078f, 4 },
	{ "vst1.8 {d0[1]}, [r4]", 0xf984002f, 4 },
	{ "vld1.8 {d0[1]}, [r4]", 0xf9a4002f, 4 },
	{ "pld [r4]", 0xf894f000, 4 },
	{ "pld [pc, #4]", 0xf89ff004, 4 },
	{ "pli [r4, #-4]", 0xf914fc04, 4 },
	{ "adds r0, r1, r2", 0x1888, 2 },
	{ "nop", 0xbf00, 2 },
	{ "nop.w", 0xf3af8000, 4 },
	{ "b .", 0xe7fe, 2 },
	{ "bl .", 0xf7fffffe, 4 },
	{ "svc #0", 0xdf00, 2 },
	{ "hvc #0", 0xf7e08000, 4 },
	{ "rfeia r4", 0xe994c000, 4 },
	{ "srsia sp, #19", 0xe98dc013, 4 },
	{ "cbz r0, .+4", 0xb100, 2 },
	{ "sdiv r0, r1, r2", 0xfb91f0f2, 4 },
	{ "it eq", 0xbf08, 2 },
	{ "moveq r0, #1", 0x2001, 2 },
};

/* What as refuses to make: the rule is in the comment. */
static const struct bad unpredictable_arm[] = {
	{ "ldr r4, [r4], #4: n == t", 0xe4944004, 4 },
	{ "ldr r4, [r4, #4]!: n == t", 0xe5b44004, 4 },
	{ "ldr r2, [pc], #4: n == 15", 0xe49f2004, 4 },
	{ "ldr r2, [r4, pc]: m == 15", 0xe794200f, 4 },
	{ "str r2, [pc, #4]!: n == 15", 0xe5af2004, 4 },
	{ "str r4, [r4], #4: n == t", 0xe4844004, 4 },
	{ "str pc, [r4]", 0xe584f000, 4 },
	{ "ldrb pc, [r4]: t == 15", 0xe5d4f000, 4 },
	{ "strh pc, [r4]: t == 15", 0xe1c4f0b0, 4 },
	{ "ldrh r7, [r8, pc]: m == 15", 0xe19870bf, 4 },
	{ "ldrd r3, [r4]: Rt is odd", 0xe1c430d0, 4 },
	{ "ldrd lr, pc, [r4]: t2 == 15", 0xe1c4e0d0, 4 },
	{ "ldrd r4, r5, [r4], #8: n == t", 0xe0c440d8, 4 },
	{ "ldrd r4, r5, [r5, #8]!: n == t2", 0xe1e540d8, 4 },
	{ "ldrd r2, r3, [r4, r2]: m == t", 0xe18420d2, 4 },
	{ "ldrd r2, r3, [r4, r3]: m == t2", 0xe18420d3, 4 },
	{ "ldrd r2, r3, [r4], #8 with W", 0xe0e420d8, 4 },
	{ "strd r2, r3, [r3], #8: n == t2", 0xe0c320f8, 4 },
	{ "strd r2, r3, [r4, pc]: m == 15", 0xe18420ff, 4 },
	{ "ldr r2, [r4] with condition 15", 0xf5942000, 4 },
	{ "ldrh r7, [r8, r1] with bits [11:8]", 0xe19871b1, 4 },
};

static const struct bad unpredictable_thumb[] = {
	{ "ldr r4, [r4], #4: n == t", 0xf8544b04, 4 },
	{ "ldr r2, [r4] with P = 0, W = 0", 0xf8542804, 4 },
	{ "ldr r2, [r4, r1] with bits [10:6]", 0xf8542041, 4 },
	{ "ldr r2, [r4, sp]: m == 13", 0xf854200d, 4 },
	{ "ldr r2, [r4, pc]: m == 15", 0xf854200f, 4 },
	{ "ldrb sp, [r4]: t == 13", 0xf894d000, 4 },
	{ "ldrsh sp, [r4]: t == 13", 0xf9b4d000, 4 },
	{ "str pc, [r4]: t == 15", 0xf8c4f000, 4 },
	{ "str r2, [pc, #4]: n == 15", 0xf8cf2004, 4 },
	{ "strb r2, [pc, #-4]", 0xf80f2c04, 4 },
	{ "ldr with sign", 0xf9542c04, 4 },
	{ "size 3", 0xf8742c04, 4 },
	{ "ldrd r2, r2, [r4]: t == t2", 0xe9d42200, 4 },
	{ "ldrd sp, r2, [r4]: t == 13", 0xe9d4d200, 4 },
	{ "ldrd r2, pc, [r4]: t2 == 15", 0xe9d42f00, 4 },
	{ "ldrd r4, r5, [r4], #8: n == t", 0xe8f44502, 4 },
	{ "ldrd r2, r5, [pc, #8]!: W", 0xe9ff2502, 4 },
	{ "strd r2, r5, [pc, #8]: n == 15", 0xe9cf2502, 4 },
	{ "strd r2, r5, [r5, #8]!: n == t2", 0xe9e52502, 4 },
	{ "a word for a halfword", 0x00016800, 2 },
	{ "no length", 0x6800, 3 },
};
/* clang-format on */

static struct inst_state
state(bool thumb)
{
	/* in Thumb state two bytes on, which Align(PC,4) takes off again */
	struct inst_state s = { .thumb = thumb, .carry = true, .pc = TEST_PC + (thumb ? 2 : 0) };

	memcpy(s.r, regs, sizeof(regs));
	return s;
}

static void
expect(const char *text, const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		fail_msg("%s: %s is %#x, not %#x", text, what, got, want);
}

static void
check_good(const struct good *g, bool thumb)
{
	struct inst_state s = state(thumb);
	struct inst_access a;

	expect(g->text, "decoded", inst_decode(g->insn, g->len, &s, &a), true);
	expect(g->text, "size", a.size, g->want.size);
	expect(g->text, "write", a.write, g->want.write);
	expect(g->text, "sign_extend", a.sign_extend, g->want.sign_extend);
	expect(g->text, "pair", a.pair, g->want.pair);
	expect(g->text, "rt", a.rt, g->want.rt);
	expect(g->text, "rt2", a.pair ? a.rt2 : 0, g->want.rt2);
	expect(g->text, "rn", a.rn, g->want.rn);
	expect(g->text, "writeback", a.writeback, g->want.writeback);
	if (a.writeback)
		expect(g->text, "wb_value", a.wb_value, g->want.wb_value);
	expect(g->text, "address", a.address, g->want.address);
}

static void
check_bad(const struct bad *b, bool thumb)
{
	struct inst_state s = state(thumb);
	struct inst_access a;

	expect(b->text, "decoded", inst_decode(b->insn, b->len, &s, &a), false);
}

static void
test_arm(void **unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < NELEM(good_arm); i++)
		check_good(&good_arm[i], false);
}

static void
test_thumb(void **unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < NELEM(good_thumb); i++) {
		check_good(&good_thumb[i], true);
		assert_int_equal(inst_thumb_is_wide(
				     (uint16_t)(good_thumb[i].len == 4 ? good_thumb[i].insn >> 16 :
									 good_thumb[i].insn)),
		    good_thumb[i].len == 4);
	}
}

static void
test_refused(void **unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < NELEM(bad_arm); i++)
		check_bad(&bad_arm[i], false);
	for (i = 0; i < NELEM(bad_thumb); i++)
		check_bad(&bad_thumb[i], true);
	for (i = 0; i < NELEM(unpredictable_arm); i++)
		check_bad(&unpredictable_arm[i], false);
	for (i = 0; i < NELEM(unpredictable_thumb); i++)
		check_bad(&unpredictable_thumb[i], true);
}

/* A carry of 0 shifts in a 0. */
static void
test_rrx(void **unused)
{
	struct inst_state s = state(false);
	struct inst_access a;

	(void)unused;
	s.carry = false;
	assert_true(inst_decode(0xe7940063, 4, &s, &a)); /* ldr r0, [r4, r3, rrx] */
	assert_int_equal(a.address, regs[4] + (regs[3] >> 1));
}

static void
check_sane(uint32_t insn, unsigned int len, bool thumb)
{
	struct inst_state s = state(thumb);
	struct inst_access a;

	if (!inst_decode(insn, len, &s, &a))
		return;
	assert_true(a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8);
	assert_true(a.pair == (a.size == 8));
	assert_true(a.rt < 15 && a.rn < 16 && (!a.pair || a.rt2 < 15));
	assert_false(a.writeback && (a.rn == 15 || a.rn == a.rt || (a.pair && a.rn == a.rt2)));
	assert_false(a.pair && !a.write && a.rt == a.rt2);
	assert_false(a.sign_extend && (a.write || a.size > 2));
}

static void
test_sample(void **unused)
{
	uint32_t x = 12345;
	unsigned int i;

	(void)unused;
	for (i = 0; i < 0x10000; i++)
		check_sane(i, 2, true);
	for (i = 0; i < 300000; i++) {
		x = x * 1664525 + 1013904223;
		check_sane(x, 4, false);
		check_sane(x | 0xe8000000, 4, true);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_thumb),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_rrx),
		cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
