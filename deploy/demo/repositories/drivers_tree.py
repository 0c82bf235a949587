"""The tree of the driver library: one folder a part, beside examples, tests and notes."""

from functools import cache

from deploy.demo.code.templates import render
from deploy.demo.code.writing import Plant, Writing, Written
from deploy.demo.model import Part
from deploy.demo.parts import device
from deploy.demo.repositories.state import State, Tree
from deploy.demo.revisions import older

FIRST_SHEET_DATE = "January 2024"
_STYLE = {"vla3160": "accel", "vlr2470": "radio", "vlp2630": "power"}
_LATER_PROCEDURES = {"fifo": ("fifo_start", "fifo_drain"), "calibration": ("calibrate",)}
"""Procedures that a feature brings; without it the driver lacks them."""


@cache
def part_at(name: str, revision: str) -> Part:
    """Return a device as a revision of its datasheet describes it."""
    part, changes = device(name)
    return part if revision == part.revision else older(part, changes, revision=revision, date=FIRST_SHEET_DATE)


def drivers_tree(state: State) -> Tree:
    """Return the files that the writers make for a state."""
    files: list[Written] = [_shared(state)]
    for name in state.parts:
        files += driver_files(state, name)
        files += _around(state, name)
    return {file.path: file for file in files}


def folder(state: State, name: str) -> str:
    """Return the folder of a part's driver."""
    return "drivers/" if state.layout == "flat" else f"src/{name}/"


def driver_files(state: State, name: str, *, at: str | None = None, role: str = "primary") -> list[Written]:
    """Return header and source of one driver; at is the folder, if not the library's own."""
    style = _STYLE[name]
    target = folder(state, name) if at is None else at
    suffixes = ("_regs.h", ".h", ".c") if style == "accel" else (".h", ".c")
    return [
        _file(state, name, f"drivers/{style}{suffix}.j2", f"{target}{name}{suffix}", role=role) for suffix in suffixes
    ]


def _shared(state: State) -> Written:
    path = "drivers/vl_bus.h" if state.layout == "flat" else "src/common/vl_bus.h"
    return Written(path, render("drivers/vl_bus.h.j2").encode())


def _around(state: State, name: str) -> list[Written]:
    """Return example, test and notes of a part, as far as the state has them."""
    style = _STYLE[name]
    files = []
    if "examples" in state.features:
        path = f"examples/{name}_example.c"
        files.append(_file(state, name, f"drivers/example_{style}.c.j2", path, role="support"))
    if "tests" in state.features:
        files.append(_file(state, name, f"drivers/test_{style}.c.j2", f"tests/test_{name}.c", role="support"))
    if "notes" in state.features:
        files.append(_file(state, name, "drivers/notes.md.j2", f"docs/{name}.md", role="support"))
    return files


def _file(state: State, name: str, template: str, path: str, *, role: str) -> Written:
    plants = tuple(plant for plant in state.plants if plant.name.startswith(name))
    return _write(
        part_at(name, state.parts[name]), template, path, role, plants, state.features, state.layout, state.small
    )


@cache
def _write(
    part: Part,
    template: str,
    path: str,
    role: str,
    plants: tuple[Plant, ...],
    features: frozenset[str],
    layout: str,
    small: bool,
) -> Written:
    """Return one file; most commits leave most files as they are, so each is written once."""
    name = part.number.lower()
    missing = {p for feature, names in _LATER_PROCEDURES.items() if feature not in features for p in names}
    writing = Writing(part, path, plants)
    folder = "drivers/" if layout == "flat" else f"src/{name}/"
    text = render(
        template,
        part=part,
        w=writing,
        p=name,
        P=part.number,
        registers=part.blocks[0].registers,
        procedures=[p for p in part.procedures if p.name not in missing or name != "vla3160"],
        sheet=part.revision,
        small=small,
        features=features,
        include_prefix="" if layout == "flat" or "third_party" in path else "../common/",
        driver_prefix="../" * path.count("/") + folder,
    )
    return writing.done(text, role)
