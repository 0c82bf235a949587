/*
 * SPDX-License-Identifier: LicenseRef-Veldra-Evaluation
 *
 * Factory tuning values of the VM32P20. For evaluation only, not for redistribution.
 */
#include <stdint.h>

const uint32_t vm32_factory_tuning[] = {
    0x3A40C155u, 0x02D70F18u, 0x91E4B602u, 0x5D80A7FEu, 0x00112E93u, 0x7BC0D5A1u, 0xE8F40237u, 0x4496BB60u,
};

uint8_t vm32_factory_trim(uint8_t index)
{
    return (uint8_t)(vm32_factory_tuning[index & 7u] >> ((index >> 3) & 24u));
}
