"""The history of the development kit, commit by commit."""

from dataclasses import replace

from deploy.demo.code.writing import Plant
from deploy.demo.repositories.plain import plain
from deploy.demo.repositories.sdk_tree import MCU, sdk_tree
from deploy.demo.repositories.state import Commit, History, State, play

_PARITY_MASK = Plant("vm32p20_parity_mask", "width", "UART_CTRL", "PAR", 0x20)
_RELOAD_RESET = Plant("vm32p20_reload_reset", "reset", "TIM_ARR", None, 0xFFFFFFFF)
_LENGTH_CODE = Plant("vm32p20_length_code", "value", "UART_CTRL", "WLEN", 3, "7BIT")
_THRESHOLD_ADDRESS = Plant("vla3160_threshold_address", "address", "WAKE_THS", None, 0x1C)
_TIME_MASK = Plant("vlp2630_time_mask", "width", "CONFIG", "VBUS_CT", 0x0180)
_COPIED = (
    Plant("vlr2470_channel_mask", "width", "CHANNEL", "CH", 0x3F),
    Plant("vlr2470_power_code", "value", "TX_POWER", "PWR", 7, "8DBM"),
    Plant("vlr2470_pll_address", "address", "PLL_STATUS", None, 0x1F),
)
"""What was wrong in the driver library when its radio driver was copied."""

_REVERTED = "vm32p20: load the timer with its largest value at reset"


def _start(state: State) -> State:
    state = state.write("LICENSE", plain("licence_mit.txt")).write("README.md", plain("sdk_readme.md"))
    return state.follow(MCU, "A")


def _hal(state: State) -> State:
    return state.add("hal_ckc", "hal_uart").plant(_PARITY_MASK, _LENGTH_CODE)


def _zephyr(state: State) -> State:
    return state.add("zephyr", "zephyr_rtos").follow("vla3160", "A").plant(_THRESHOLD_ADDRESS)


def _linux(state: State) -> State:
    return state.add("linux", "linux_kernel").follow("vlp2630", "A").plant(_TIME_MASK)


COMMITS = (
    Commit("Device header and start-up code of the VM32P20", _start, always=True),
    Commit("hal: clock controller and UART", _hal, always=True, step=True),
    Commit("hal: GPIO ports", lambda s: s.add("hal_gpio")),
    Commit("hal: SPI and timers", lambda s: s.add("hal_spi", "hal_tim", "clear_sr"), always=True),
    Commit("Boards, device tree and interrupt tables", lambda s: s.add("device_tree", "arm_cortex_asm"), always=True),
    Commit("third_party: copy the VLR2470 driver", lambda s: s.add("vendored").plant(*_COPIED), always=True, step=True),
    Commit("Cryptography for the boot loader", lambda s: s.add("crypto")),
    Commit("usb: device stack", lambda s: s.add("crypto", "usb_stack"), always=True),
    Commit("zephyr: driver of the VLA3160 and samples", _zephyr, always=True, step=True),
    Commit(
        "uart: parity has two bits\n\nEven parity was sent as odd parity.",
        lambda s: s.mend("vm32p20_parity_mask"),
        always=True,
    ),
    Commit("linux: hwmon driver of the VLP2630", _linux, always=True),
    Commit(_REVERTED, lambda s: s.plant(_RELOAD_RESET)),
    Commit(f'Revert "{_REVERTED}"\n\nThe counter has 16 bits.', lambda s: s.mend("vm32p20_reload_reset")),
    Commit("Bluetooth and wireless LAN", lambda s: s.add("wireless_ble_wifi"), step=True),
    Commit("hal: headers to inc, sources to src", lambda s: replace(s, layout="src"), always=True),
    Commit("hwmon: vlp2630: conversion time has three bits", lambda s: s.mend("vlp2630_time_mask")),
    Commit(
        "Ports to STM32 and i.MX RT boards, wireless LAN",
        lambda s: s.add("stm32_hal", "nxp_imx", "wireless_ble_wifi"),
        always=True,
    ),
    Commit("Port to AURIX", lambda s: s.add("infineon_aurix")),
    Commit("Factory tuning values", lambda s: s.write("devices/vm32p20/tuning.c", plain("tuning.c")), always=True),
    Commit(
        "Register headers of the display and peripheral blocks, AURIX",
        lambda s: s.add("amd_gpu_registers", "register_defines", "infineon_aurix"),
        always=True,
        step=True,
    ),
    Commit("spi: the status register cannot be written", lambda s: s.drop("clear_sr"), always=True),
    Commit("Applications", lambda s: s.add("general"), always=True),
    Commit("Follow revision B of the reference manual", lambda s: s.follow(MCU, "B").plant(_RELOAD_RESET), always=True),
    Commit("Follow revision B of the VLA3160 datasheet", lambda s: s.follow("vla3160", "B")),
)


def sdk_history(*, seed: int, small: bool) -> History:
    """Return the history of the development kit."""
    return play(State(small=small), COMMITS, lambda state: sdk_tree(state, seed=seed), first_day=45.0)
