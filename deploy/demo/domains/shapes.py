"""The kinds of file of each domain: template, path and the values only that template needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.demo.domains import constants
from deploy.demo.domains.draw import Draw

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of file; the path is a format string over the origin (o), the subject (s, S, SU) and its values."""

    template: str
    path: str
    values: Callable[[Draw], Values] = lambda draw: {}
    house_style: bool = False
    """Indentation and braces follow the house, not a project such as the kernel."""


def _aurix(draw: Draw) -> Values:
    module = draw.pick(("Adc", "Spi", "Pwm", "Lin", "Dma", "Timer"))
    return {"M": module, "m": module.lower()}


def _amd(draw: Draw) -> Values:
    blocks = [draw.block(f"{name}{draw.num(0, 3)}", draw.num(8, 14)) for name in ("grp", "pipe")[: draw.num(1, 2)]]
    return {"blocks": blocks, "v1": draw.num(1, 12), "v2": draw.num(0, 5), "v3": draw.num(0, 3), "idx": draw.num(0, 2)}


def _linux(draw: Draw) -> Values:
    return {"kind": draw.pick(("reset sequencer", "capture unit", "mailbox", "counter", "fan controller"))}


def _startup(draw: Draw) -> Values:
    names = [f"{subject.upper()}{draw.num(0, 3)}" for subject in draw.some(draw.origin.subjects, draw.num(8, 13))]
    return {"interrupts": [*names, *(f"EXTI{i}" for i in range(draw.num(3, 9)))]}


def _copy(draw: Draw) -> Values:
    return {"unroll": draw.num(2, 4), "words": draw.num(2, 4)}


def _soc(draw: Draw) -> Values:
    nodes: list[dict[str, Any]] = []
    for index in range(draw.num(7, 11)):
        kind, block = draw.pick(
            (("serial", draw.origin.uart), ("i2c", "i2c"), ("spi", "spi"), ("gpio", "gpio"), ("timer", "tim"),
             ("adc", "adc"), ("dma-controller", "dma"), ("watchdog", "wdt"))
        )  # fmt: skip
        label = f"{block}{sum(node['block'] == block for node in nodes)}"
        base = 0x40000000 + index * draw.pick((0x400, 0x800, 0x1000)) + draw.num(0, 0xF) * 0x10000
        size = draw.pick((0x400, 0x1000))
        nodes.append({"kind": kind, "block": block, "label": label, "base": base, "size": size, "irq": 3 + 2 * index})
    return {"nodes": nodes}


def _board(draw: Draw) -> Values:
    kinds = ("accelerometer", "power-monitor", "eeprom", "temperature-sensor", "codec", "fuel-gauge")
    devices = [
        {
            "label": f"dev{i}",
            "kind": kind,
            "chip": f"{draw.origin.p}{draw.num(1000, 9999)}",
            "address": draw.num(8, 0x77),
        }
        for i, kind in enumerate(draw.some(kinds, draw.num(2, 4)))
    ]
    return {"devices": devices, "board": f"{draw.origin.board} {draw.pick(('Mini', 'Pro', 'Eval', 'Lite', 'Plus'))}"}


def _hci(draw: Draw) -> Values:
    commands = (
        ("RESET", "HCI_OGF_CONTROLLER", 0x0003), ("SET_EVENT_MASK", "HCI_OGF_CONTROLLER", 0x0001),
        ("LE_SET_ADV_PARAM", "HCI_OGF_LE", 0x0006), ("LE_SET_ADV_DATA", "HCI_OGF_LE", 0x0008),
        ("LE_SET_SCAN_RSP_DATA", "HCI_OGF_LE", 0x0009), ("LE_SET_ADV_ENABLE", "HCI_OGF_LE", 0x000A),
        ("LE_SET_SCAN_PARAM", "HCI_OGF_LE", 0x000B), ("LE_SET_SCAN_ENABLE", "HCI_OGF_LE", 0x000C),
        ("LE_CREATE_CONN_CANCEL", "HCI_OGF_LE", 0x000E), ("READ_LOCAL_VERSION", "HCI_OGF_CONTROLLER", 0x0014),
    )  # fmt: skip
    return {"commands": draw.some(commands, draw.num(5, 8))}


def _gatt(draw: Draw) -> Values:
    place = draw.pick(draw.origin.places)
    suffixes = draw.some(("level", "limit", "rate", "state", "count", "mode"), draw.num(2, 4))
    return {"service": f"{place} service", "characteristics": [f"{place}_{suffix}" for suffix in suffixes]}


def _app(draw: Draw) -> Values:
    return {"m": f"{draw.pick(draw.origin.places)}_{draw.pick(('logger', 'guard', 'monitor', 'task'))}"}


def _kconfig(draw: Draw) -> Values:
    options = (
        ("BUFFER_SIZE", "int", "Size of the sample buffer in bytes"), ("LOW_POWER", "bool", "Start in low-power mode"),
        ("POLL_INTERVAL", "int", "Interval between two polls in milliseconds"), ("SHELL", "bool", "Shell commands"),
        ("RETRIES", "int", "Attempts before an error is reported"), ("DMA", "bool", "Transfer with DMA"),
        ("CRC_CHECK", "bool", "Check the CRC of each frame"), ("WATERMARK", "int", "Samples before an interrupt"),
    )  # fmt: skip
    part = f"{draw.origin.upper}{draw.num(1000, 9999)}"
    kind = draw.pick(("accelerometer", "power monitor", "pressure sensor", "radio", "light sensor"))
    return {"M": part, "title": f"{part} {kind}", "options": draw.some(options, draw.num(4, 7))}


def _zephyr(draw: Draw) -> Values:
    return {"api": draw.pick(("counter", "adc", "dma", "watchdog", "entropy"))}


def _aes(draw: Draw) -> Values:
    bits, rounds = draw.pick(((128, 10), (256, 14)))
    return {
        "bits": bits, "rounds": rounds, "inverse": draw.flip(), "ctr": draw.pick((0, 4, 8)),
        "sbox": constants.SBOX, "inv_sbox": constants.INVERSE_SBOX,
    }  # fmt: skip


def _sha(draw: Draw) -> Values:
    return {"k": constants.SHA256_K, "h0": constants.SHA256_H, "hmac": draw.flip()}


def _chacha(draw: Draw) -> Values:
    return {"rounds": draw.pick((8, 12, 20)), "nonce": draw.pick((8, 12))}


def _rsa(draw: Draw) -> Values:
    return {"bits": draw.pick((1024, 2048, 3072)), "exponent": draw.pick((3, 65537))}


def _descriptors(draw: Draw) -> Values:
    kind = draw.pick(("CDC", "HID", "MSC"))
    return {"kind": kind, "interfaces": [kind, f"{kind}_DATA"] if kind == "CDC" else [kind]}


def _wifi(draw: Draw) -> Values:
    return {"power": draw.num(14, 23)}


def _ring(draw: Draw) -> Values:
    return {"mode": draw.pick(("spsc", "modulo")), "item": draw.pick(("uint8_t", "uint16_t", "int32_t"))}


def _crc(draw: Draw) -> Values:
    width, polynomial = draw.pick(((16, 0x1021), (16, 0x8005), (32, 0x04C11DB7), (16, 0x3D65), (32, 0x1EDC6F41)))
    reflected = draw.flip()
    initial = draw.pick((0, 2**width - 1))
    return {
        "width": width, "polynomial": polynomial, "initial": initial, "reflected": reflected,
        "table": constants.crc_table(width, polynomial, reflected=reflected),
    }  # fmt: skip


def _scheduler(draw: Draw) -> Values:
    actions = draw.some(("sample", "report", "blink", "keys", "measure", "log"), draw.num(3, 5))
    tick = draw.pick((1, 2, 5, 10))
    return {"tasks": [(f"{draw.pick(draw.origin.places)}_{a}", tick * draw.num(2, 200)) for a in actions], "tick": tick}


def _control(draw: Draw) -> Values:
    return {
        "loop_name": f"{draw.pick(draw.origin.places)}_{draw.pick(('speed', 'level', 'heat', 'angle'))}",
        "anti_windup": draw.flip(), "bipolar": draw.flip(), "filter": draw.flip(),
    }  # fmt: skip


def _cli(draw: Draw) -> Values:
    words = (
        ("dump", "dump memory"), ("reset", "restart"), ("set", "set a value"), ("get", "show a value"),
        ("erase", "erase a page"), ("trace", "show the trace"), ("mode", "select the mode"), ("self", "self-test"),
    )  # fmt: skip
    return {"commands": draw.some(words, draw.num(4, 6))}


SHAPES: Mapping[str, tuple[Shape, ...]] = {
    "infineon_aurix": (
        Shape("aurix_module.c", "Libraries/iLLD/{o.camel}/Tricore/{S}/{M}/Ifx{S}_{M}.c", _aurix, True),
        Shape("aurix_main.c", "Projects/{o.board}_TC3xx/Cpu{n}_Main.c", house_style=True),
        Shape("aurix_regdef.h", "Libraries/Infra/Sfr/TC3xx/_Reg/Ifx{S}_regdef.h"),
    ),
    "amd_gpu_registers": (
        Shape("amd_offset.h", "drivers/gpu/drm/amd/include/asic_reg/{s}/{s}_{v1}_{v2}_{v3}_offset.h", _amd),
        Shape("amd_sh_mask.h", "drivers/gpu/drm/amd/include/asic_reg/{s}/{s}_{v1}_{v2}_{v3}_sh_mask.h", _amd),
    ),
    "linux_kernel": (
        Shape("linux_platform.c", "drivers/misc/{o.name}/{o.name}-{s}.c", _linux),
        Shape("linux_gpio.c", "drivers/gpio/gpio-{o.name}-{s}.c"),
        Shape("linux_netdev.c", "drivers/net/ethernet/{o.name}/{s}_main.c"),
    ),
    "stm32_hal": (
        Shape("stm32_main.c", "Projects/{o.board}-STM32F4/Examples/{s}/Src/main.c", house_style=True),
        Shape("stm32_msp.c", "Projects/{o.board}-STM32F4/Examples/{s}/Src/stm32f4xx_hal_msp.c", house_style=True),
        Shape("stm32_bsp.c", "Drivers/BSP/STM32-{o.board}/stm32_{o.p}_{s}_bsp.c", house_style=True),
    ),
    "nxp_imx": (
        Shape("nxp_fsl.c", "devices/MIMXRT10{n}{n}/drivers/fsl_{s}.c", house_style=True),
        Shape("nxp_board.c", "boards/evk_imxrt_{o.name}_{s}/board.c", house_style=True),
    ),
    "arm_cortex_asm": (
        Shape("asm_startup.s", "startup/{s}/startup_{o.chip}_{s}.s", _startup),
        Shape("asm_switch.S", "kernel/port_{s}/context_switch.S"),
        Shape("asm_copy.S", "lib/string_{s}/copy_{s}.S", _copy),
    ),
    "device_tree": (
        Shape("dt_soc.dtsi", "dts/{o.name}/{o.chip}-{s}.dtsi", _soc),
        Shape("dt_board.dts", "boards/{o.name}/{s}/{o.chip}_{s}.dts", _board),
    ),
    "wireless_ble_wifi": (
        Shape("ble_hci.c", "bluetooth/host_{s}/hci_core.c", _hci, True),
        Shape("ble_gatt.c", "bluetooth/services/{s}_gatt.c", _gatt, True),
        Shape("wifi_ieee80211.c", "drivers/net/wireless/{o.name}/{s}_cfg80211.c", _wifi),
    ),
    "zephyr_rtos": (
        Shape("zephyr_app.c", "samples/{s}_zephyr/src/main.c", _app),
        Shape("zephyr_kconfig", "drivers/sensor/{o.name}_{s}/Kconfig", _kconfig),
        Shape("zephyr_driver.c", "zephyr/drivers/{s}_{o.name}.c", _zephyr),
    ),
    "crypto": (
        Shape("crypto_aes.c", "crypto/{s}/aes.c", _aes, True),
        Shape("crypto_sha256.c", "crypto/{s}/sha256.c", _sha, True),
        Shape("crypto_chacha.c", "crypto/{s}/chacha.c", _chacha, True),
        Shape("crypto_rsa.c", "crypto/{s}/rsa.c", _rsa, True),
    ),
    "register_defines": (
        Shape("regs_posmsk.h", "include/{o.chip}/{s}_regs.h"),
        Shape("regs_shift.h", "soc/{o.chip}/register/{s}_reg.h"),
        Shape("regs_genmask.h", "include/hw/{o.p}_{s}.h"),
    ),
    "usb_stack": (
        Shape("usb_descriptors.c", "usb/{s}/usb_descriptors.c", _descriptors, True),
        Shape("usb_device.c", "usb/device_{s}/usbd_core.c", house_style=True),
        Shape("usb_gadget.c", "drivers/usb/gadget/function/f_{s}.c"),
    ),
    "general": (
        Shape("general_ring.c", "lib/{s}/ring.c", _ring, True),
        Shape("general_crc.c", "lib/{s}/checksum.c", _crc, True),
        Shape("general_scheduler.c", "app/{s}/scheduler.c", _scheduler, True),
        Shape("general_cli.c", "app/{s}/cli.c", _cli, True),
        Shape("general_control.cpp", "app/{s}/control.cpp", _control, True),
    ),
}
