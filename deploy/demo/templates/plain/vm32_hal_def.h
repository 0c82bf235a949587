/* SPDX-License-Identifier: MIT */
/**
 * @file    vm32_hal_def.h
 * @brief   Types and macros that all HAL modules share
 */
#ifndef VM32_HAL_DEF_H
#define VM32_HAL_DEF_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    HAL_OK = 0x00U,
    HAL_ERROR = 0x01U,
    HAL_BUSY = 0x02U,
    HAL_TIMEOUT = 0x03U
} HAL_StatusTypeDef;

typedef enum {
    HAL_STATE_RESET = 0x00U,
    HAL_STATE_READY = 0x01U,
    HAL_STATE_BUSY = 0x02U,
    HAL_STATE_ERROR = 0x03U
} HAL_StateTypeDef;

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#define UNUSED(X) (void)(X)
#define SET_BIT(REG, BIT) ((REG) |= (BIT))
#define CLEAR_BIT(REG, BIT) ((REG) &= ~(BIT))
#define READ_BIT(REG, BIT) ((REG) & (BIT))
#define MODIFY_REG(REG, CLEARMASK, SETMASK) ((REG) = (((REG) & ~(CLEARMASK)) | (SETMASK)))

#endif /* VM32_HAL_DEF_H */
