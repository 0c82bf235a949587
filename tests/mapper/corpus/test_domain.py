"""The domain rules: one small text of each domain, and what must not be taken for it."""

import pytest

from mapper.corpus.domain import DOMAINS, domain_of

MASKS = "".join(f"#define ABC_CTRL_F{n}_MASK (0x{1 << n:X}U)\n#define ABC_CTRL_F{n}_SHIFT ({n}U)\n" for n in range(8))

TEXTS = [
    (
        "infineon_aurix",
        "src/pwm.c",
        '#include "IfxGtm_Tom_Pwm.h"\nvoid run(void) { IfxGtm_enable(&MODULE_GTM); IfxPort_set(); }\n',
    ),
    ("infineon_aurix", "Libraries/iLLD/TC37A/Tricore/Dma/IfxDma.c", "void f(void) {}\n"),
    ("amd_gpu_registers", "include/asic_reg/gc/gc_1_0_offset.h", "#define mmA 0x1\n"),
    (
        "amd_gpu_registers",
        "gc_sh_mask.h",
        "".join(f"#define CP_STAT__F{n}__SHIFT 0x{n}\n#define CP_STAT__F{n}_MASK 0x1L\n" for n in range(9))
        + "".join(f"#define mmCP_R{n} 0x{n}\n#define mmCP_R{n}_BASE_IDX 0\n" for n in range(9)),
    ),
    (
        "linux_kernel",
        "drivers/hwmon/abc.c",
        "#include <linux/module.h>\nstatic struct platform_driver d;\nmodule_platform_driver(d);\nMODULE_LICENSE();\n",
    ),
    (
        "linux_kernel",
        "net.c",
        "#include <linux/netdevice.h>\n#include <linux/pci.h>\nstatic const struct net_device_ops o;\n",
    ),
    (
        "stm32_hal",
        "Core/Src/main.c",
        '#include "stm32g0xx_hal.h"\nvoid f(void) { HAL_Init(); __HAL_RCC_GPIOA_CLK_ENABLE(); HAL_GPIO_Toggle(); }\n',
    ),
    ("stm32_hal", "Drivers/stm32g0xx_hal_cryp.c", "void f(void) { AES_Init(); sha256(); mbedtls_x(); }\n"),
    (
        "nxp_imx",
        "board/clock_config.c",
        '#include "fsl_clock.h"\nvoid f(void) { CLOCK_EnableClock(kCLOCK_PortA); LPUART_GetDefaultConfig(&c); }\n',
    ),
    (
        "arm_cortex_asm",
        "startup.s",
        ".syntax unified\n.cpu cortex-m4\n.thumb\nReset_Handler:\n  ldr r0, =_estack\n  bl main\n",
    ),
    ("device_tree", "boards/abc.dts", "/dts-v1/;\n/ { soc { uart@0 { }; }; };\n"),
    (
        "wireless_ble_wifi",
        "src/scan.c",
        "void f(void) { bt_enable(0); bt_le_scan_start(&p, cb); x = BT_GAP; hci_send(HCI_RESET); bt_gatt_write(c); }\n",
    ),
    ("wireless_ble_wifi", "drivers/net/wireless/abc/main.c", '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n'),
    (
        "zephyr_rtos",
        "src/main.c",
        "#include <zephyr/kernel.h>\nK_SEM_DEFINE(s, 0, 1);\nvoid f(void) { k_sem_take(&s, K_FOREVER); }\n",
    ),
    (
        "zephyr_rtos",
        "drivers/sensor/abc/Kconfig",
        "config ABC\n\tbool\n\tdepends on DT_HAS_ACME_ABC_ENABLED\n\tselect I2C\n",
    ),
    (
        "crypto",
        "src/cipher.c",
        "static const uint8_t sbox[256];\nvoid aes_encrypt(void) { sha256_update(ciphertext, plaintext, hmac_key); }\n",
    ),
    ("crypto", "wolfcrypt/src/kdf.c", "void f(void) {}\n"),
    ("register_defines", "abc_regs.h", "#ifndef H\n#define H\n" + MASKS + "#endif\n"),
    (
        "usb_stack",
        "src/device.c",
        "void f(void) { tud_task(); tud_cdc_write(b, 1); tusb_init(); if (r->bmRequestType == USB_REQ_GET) {} }\n",
    ),
    ("general", "src/sensor.c", "#define ABC_REG_ID 0x10\nint abc_read(int r) { return bus_read(r) & 0x0F; }\n"),
    ("general", "start.S", ".globl _start\n_start:\n  la sp, stack\n  jal main\n"),
    ("general", "src/table.c", "static const int a[] = {1, 2, 3};\n"),
]


@pytest.mark.parametrize(("domain", "path", "text"), TEXTS)
def test_text_falls_in_its_domain(domain: str, path: str, text: str) -> None:
    """No text is taken for one of another domain."""
    assert domain_of(path, text) == domain


def test_every_domain_has_a_text() -> None:
    """The confusion test covers all 13 domains of the benchmark."""
    assert len(DOMAINS) == 13
    assert {domain for domain, _, _ in TEXTS} == set(DOMAINS)


def test_empty_file_is_general() -> None:
    """A file that shows nothing is general."""
    assert domain_of("a.c", "") == "general"
