"""Repositories to measure on, generated: the demo's drivers between drivers of parts that no datasheet is about."""

import random
from collections.abc import Iterator
from pathlib import Path

from deploy.demo.parts import NAMES, device
from deploy.demo.repositories.drivers import drivers_history
from deploy.demo.repositories.history import Snapshot
from deploy.demo.sheets import write_sheet

AUTHOR = "Vendor <vendor@sheetstream.example>"
REGISTERS = ("CTRL", "STATUS", "CONFIG", "DATA", "INT_MASK", "INT_FLAG", "TIMER", "LIMIT", "GAIN", "OFFSET")
DAY_SHARE = 0.01  # between two commits

Tree = dict[str, bytes]


def write_sheets(folder: Path) -> list[Path]:
    """Write the newest datasheets of the demo's parts and return the PDF files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in NAMES:
        part, changes = device(name)
        paths.append(folder / f"{name}_datasheet.pdf")
        write_sheet(part, paths[-1], history=changes)
    return paths


def driver_tree(num_others: int = 0, *, mark: str = "") -> Tree:
    """Return the demo's drivers and two files for each of other parts; mark makes the drivers' files its own."""
    tree = {path: written.data for path, written in drivers_history(small=False).trees[-1].items()}
    if mark:
        tree = {path: data + f"/* {mark} */\n".encode() if _is_c(path) else data for path, data in tree.items()}
    for number in range(num_others):
        tree |= _other_driver(number)
    return tree


def small_commits(tree: Tree, count: int, *, seed: int = 1) -> Iterator[tuple[str, Tree]]:
    """Yield commits as message and tree: a number in a driver's header, a line of its source, one in another driver."""
    choose = random.Random(seed)  # nothing secret: the same commits in every run
    linked = sorted(path for path in tree if _is_c(path) and path.startswith("src/") and "common" not in path)
    others = sorted(path for path in tree if path.startswith("other/"))
    for number in range(count):
        path = choose.choice(others if others and number % 3 == 2 else linked)
        line = (
            f"#define {Path(path).stem.upper()}_TWEAK_{number} {number}\n" if number % 3 == 0 else f"/* {number} */\n"
        )
        tree = {**tree, path: tree[path] + line.encode()}
        yield f"Change {number} in {path}", tree


def snapshots(tree: Tree, commits: Iterator[tuple[str, Tree]]) -> list[Snapshot]:
    """Return a first commit with the tree and what follows, as a history that can be written."""
    every = [("First commit", tree), *commits]
    return [
        Snapshot(message=message, author=AUTHOR, days=DAY_SHARE * number, tree=files)
        for number, (message, files) in enumerate(every)
    ]


def _is_c(path: str) -> bool:
    return path.endswith((".c", ".h"))


def _other_driver(number: int) -> Tree:
    name = f"qx{1000 + number}"
    upper = name.upper()
    defines = "".join(f"#define {upper}_REG_{what} 0x{4 * at:02X}\n" for at, what in enumerate(REGISTERS))
    masks = "".join(f"#define {upper}_{what}_ENABLE (1u << {at})\n" for at, what in enumerate(REGISTERS))
    functions = "".join(
        f"int {name}_set_{what.lower()}(struct vl_bus *bus, unsigned value)\n"
        f"{{\n\treturn vl_bus_write(bus, {upper}_REG_{what}, value | {upper}_{what}_ENABLE);\n}}\n\n"
        for what in REGISTERS
    )
    licence = "/* SPDX-License-Identifier: Apache-2.0 */\n"
    return {
        f"other/{name}/{name}.h": f"{licence}#ifndef {upper}_H\n#define {upper}_H\n{defines}{masks}#endif\n".encode(),
        f"other/{name}/{name}.c": f'{licence}#include "{name}.h"\n\n{functions}'.encode(),
    }
