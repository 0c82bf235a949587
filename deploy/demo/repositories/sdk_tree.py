"""The tree of the vendor's development kit: microcontroller, ports of the drivers, and code of every domain."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from deploy.demo.code.templates import render
from deploy.demo.code.writing import Plant, Writing, Written, operations
from deploy.demo.domains.origin import VELDRA
from deploy.demo.domains.shapes import SHAPES
from deploy.demo.domains.write import domain_files
from deploy.demo.model import Part, Procedure
from deploy.demo.repositories.drivers_tree import driver_files, part_at
from deploy.demo.repositories.plain import plain
from deploy.demo.repositories.state import State, Tree

MCU = "vm32p20"
_SMALL_BLOCKS = ("CKC", "UART", "SPI")
_VENDORED = State(parts={"vlr2470": "A"}, features=frozenset({"clear_quality", "burst_payload"}))
"""The driver library as it was when its radio driver was copied; the copy is never updated."""


def sdk_tree(state: State, *, seed: int) -> Tree:
    """Return the files that the writers make for a state."""
    files = list(_microcontroller(state))
    if "linux" in state.features:
        files.append(_file(state, "vlp2630", "vm32/kernel_power.c.j2", "linux/drivers/hwmon/vlp2630.c"))
    if "zephyr" in state.features:
        files.append(_file(state, "vla3160", "vm32/zephyr_accel.c.j2", "zephyr/drivers/sensor/vla3160/vla3160.c"))
        options = "zephyr/drivers/sensor/vla3160/Kconfig"
        files.append(_file(state, "vla3160", "vm32/zephyr_accel.kconfig.j2", options, role="support"))
    if "vendored" in state.features:
        copied = State(parts=_VENDORED.parts, features=_VENDORED.features, plants=state.plants)
        copies = driver_files(copied, "vlr2470", at="third_party/veldra-drivers/", role="support")
        files += [replace(file, copied=True) for file in copies]
        files.append(Written("third_party/veldra-drivers/vl_bus.h", render("drivers/vl_bus.h.j2").encode()))
    for domain in SHAPES:
        if domain in state.features:
            count = 1 if state.small else 3
            found = domain_files(VELDRA, domain, count, seed=seed, small=state.small)
            files += [Written(f"ports/{file.path}", file.data) for file in found]
    return {file.path: file for file in files}


@cache
def _mcu(revision: str, *, small: bool) -> Part:
    """Return the microcontroller as far as the kit covers it: a small one has fewer peripherals."""
    part = part_at(MCU, revision)
    return replace(part, blocks=tuple(b for b in part.blocks if b.name in _SMALL_BLOCKS)) if small else part


def _microcontroller(state: State) -> Iterator[Written]:
    part = _mcu(state.parts[MCU], small=state.small)
    yield _file(state, MCU, "vm32/device.h.j2", "devices/vm32p20/vm32p20.h")
    yield Written("hal/inc/vm32_hal_def.h" if state.layout == "src" else "hal/vm32_hal_def.h", plain("vm32_hal_def.h"))
    yield Written("startup/vm32p20.ld", plain("vm32p20.ld"), roles=((part.number, "support"),))
    instances = [name for block in part.blocks for name, _ in block.instances]
    startup = render("sdk/asm_startup.s.j2", o=VELDRA, interrupts=instances, pick=min, flip=bool)
    yield Written("startup/startup_vm32p20.s", startup.encode(), roles=((part.number, "support"),))
    for block in part.blocks:
        if f"hal_{block.name.lower()}" in state.features:
            name = f"vm32_hal_{block.name.lower()}"
            include, source = ("hal/inc", "hal/src") if state.layout == "src" else ("hal", "hal")
            yield _file(state, MCU, "vm32/hal.h.j2", f"{include}/{name}.h", block=block.name)
            yield _file(state, MCU, "vm32/hal.c.j2", f"{source}/{name}.c", block=block.name)


def _file(state: State, name: str, template: str, path: str, *, block: str = "", role: str = "primary") -> Written:
    plants = tuple(plant for plant in state.plants if plant.name.startswith(name))
    part = _mcu(state.parts[name], small=state.small) if name == MCU else part_at(name, state.parts[name])
    return _write(part, template, path, role, plants, state.features, block)


@cache
def _write(
    part: Part,
    template: str,
    path: str,
    role: str,
    plants: tuple[Plant, ...],
    features: frozenset[str],
    block: str,
) -> Written:
    writing = Writing(part, path, plants)
    values: dict[str, Any] = {
        "part": part,
        "w": writing,
        "p": part.number.lower(),
        "P": part.number,
        "registers": part.blocks[0].registers,
        "instances": [pair for one in part.blocks for pair in one.instances],
        "features": features,
        "procedures": [procedure for procedure in part.procedures if procedure.block == block],
        "pushes": _pushes,
        "returns": _returns,
    }
    if block:
        values["block"] = next(one for one in part.blocks if one.name == block)
    return writing.done(render(template, **values), role)


def _pushes(procedure: Procedure) -> bool:
    """Return whether a procedure sends a value of the caller's."""
    return any(operation.verb == "push" for operation in operations(procedure))


def _returns(procedure: Procedure) -> bool:
    """Return whether a procedure reads a register for the caller."""
    return any(operation.verb == "read" and operation.field is None for operation in operations(procedure))
