"""How many of the registers that drivers define does the reader find: a gold that nobody made by reading tables.

A driver's register `#define` whose value and name agree with the datasheet says that the datasheet prints a register
of this name at this address. For each datasheet: the share of these addresses that some register read from it has,
of (name, address) pairs, and of pairs found on a page where the label says they stand.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapper.datasheet.register.notation import fold
from mapper.model import Datasheet, Register

HELD_OUT_OF = 3
MIN_END, MIN_INSIDE = 3, 8  # letters of a name that is part of a longer one, at its end or inside


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineScore:
    """How one datasheet's registers cover those its drivers define."""

    file: str
    num_addresses: int
    addresses_found: int
    num_names: int
    names_found: int
    pages_found: int
    missing: tuple[str, ...]

    @property
    def is_held_out(self) -> bool:
        """Say whether the datasheet is one of the third that rules were not tuned on."""
        return int(hashlib.sha256(self.file.encode()).hexdigest(), 16) % HELD_OUT_OF == 0


def defined_registers(gold: Path) -> dict[str, dict[tuple[str, int], set[int]]]:
    """Return by datasheet file the (folded name, address) pairs of its labels with the pages given for each."""
    found: dict[str, dict[tuple[str, int], set[int]]] = {}
    for path in sorted(gold.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            label = json.loads(line)
            if label.get("source") == "address" and label["confidence"] == "high":
                key = fold(label["register"] or label["name"]), int(label["address"], 16)
                found.setdefault(label["file"], {}).setdefault(key, set()).add(label["page"])
    return found


def score_defines(sheet: Datasheet, wanted: Mapping[tuple[str, int], set[int]]) -> DefineScore:
    """Return how a datasheet's registers cover the wanted ones."""
    by_address: dict[int, list[Register]] = {}
    for register in sheet.registers:
        if register.address is not None:
            by_address.setdefault(register.address, []).append(register)
    addresses = {address for _, address in wanted}
    named = {key: [r for r in by_address.get(key[1], ()) if _agree(key[0], fold(r.name))] for key in wanted}
    paged = [
        key for key, registers in named.items() if any(wanted[key] & {r.page, *r.overview_pages} for r in registers)
    ]
    return DefineScore(
        file=sheet.file,
        num_addresses=len(addresses),
        addresses_found=len(addresses & by_address.keys()),
        num_names=len(wanted),
        names_found=sum(map(bool, named.values())),
        pages_found=len(paged),
        missing=tuple(f"{name}@0x{at:X}" for (name, at), registers in sorted(named.items()) if not registers),
    )


def report(scores: Sequence[DefineScore]) -> Iterable[str]:
    """Yield a line for the datasheets tuned on, one for those held out, then the worst datasheets."""
    for held in (False, True):
        rows = [row for row in scores if row.is_held_out is held]
        yield f"driver registers, {'held out' if held else 'tuned on'}: {len(rows)} datasheets, {summary(rows)}"
    worst = sorted(scores, key=lambda row: row.names_found / row.num_names)
    for row in worst[:8]:
        found = f"{row.names_found}/{row.num_names} named, {row.addresses_found}/{row.num_addresses} addresses"
        yield f"   {row.file[:48]:48} {found}"


def summary(rows: Sequence[DefineScore]) -> str:
    """Return the shares over some datasheets in one line."""
    names = sum(row.num_names for row in rows)
    values = (
        ("address", sum(row.addresses_found for row in rows), sum(row.num_addresses for row in rows)),
        ("name+address", sum(row.names_found for row in rows), names),
        ("and page", sum(row.pages_found for row in rows), names),
    )
    return ", ".join(f"{name} {part}/{whole} = {part / whole if whole else 0:.3f}" for name, part, whole in values)


def _agree(one: str, other: str) -> bool:
    """Say whether two folded names are one, or one is the other with something before or behind it (or both)."""
    short, long = sorted((one, other), key=len)
    at_end = len(short) >= MIN_END and (long.startswith(short) or long.endswith(short))
    return one == other or at_end or (len(short) >= MIN_INSIDE and short in long)
