/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bit-banged two-wire bus for boards without a controller. The board supplies the pin functions.
 */
#include <stddef.h>
#include <stdint.h>

extern void board_scl(int level);
extern void board_sda(int level);
extern int board_sda_read(void);
extern void board_half_period(void);

static void bb_start(void)
{
    board_sda(1);
    board_scl(1);
    board_half_period();
    board_sda(0);
    board_half_period();
    board_scl(0);
}

static void bb_stop(void)
{
    board_sda(0);
    board_scl(1);
    board_half_period();
    board_sda(1);
    board_half_period();
}

static int bb_write_byte(uint8_t byte)
{
    int bit;
    int nack;

    for (bit = 7; bit >= 0; bit--) {
        board_sda((byte >> bit) & 1);
        board_half_period();
        board_scl(1);
        board_half_period();
        board_scl(0);
    }
    board_sda(1);
    board_scl(1);
    board_half_period();
    nack = board_sda_read();
    board_scl(0);
    return nack;
}

static uint8_t bb_read_byte(int last)
{
    uint8_t byte = 0;
    int bit;

    for (bit = 7; bit >= 0; bit--) {
        board_scl(1);
        board_half_period();
        byte = (uint8_t)(byte << 1 | (board_sda_read() & 1));
        board_scl(0);
        board_half_period();
    }
    board_sda(last ? 1 : 0);
    board_scl(1);
    board_half_period();
    board_scl(0);
    board_sda(1);
    return byte;
}

int bitbang_write(uint8_t address, uint8_t reg, const uint8_t *data, size_t length)
{
    int nack;

    bb_start();
    nack = bb_write_byte((uint8_t)(address << 1));
    nack |= bb_write_byte(reg);
    while (length-- > 0) {
        nack |= bb_write_byte(*data++);
    }
    bb_stop();
    return nack;
}

int bitbang_read(uint8_t address, uint8_t reg, uint8_t *data, size_t length)
{
    int nack;

    bb_start();
    nack = bb_write_byte((uint8_t)(address << 1));
    nack |= bb_write_byte(reg);
    bb_start();
    nack |= bb_write_byte((uint8_t)(address << 1 | 1));
    while (length-- > 0) {
        *data++ = bb_read_byte(length == 0);
    }
    bb_stop();
    return nack;
}
