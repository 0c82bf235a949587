"""The facts of a datasheet that a piece of code implements, as text for a comment above that code.

Facts are part, section titles, and registers with address, access, reset value and bit fields. Short descriptions are
added where the datasheet may be copied; where it may not, only what its register tables say is written.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mapper.model import BitField, Datasheet, Register, TraceLink

MAX_PASSAGE_CHARS = 6000
MAX_DESCRIPTION_CHARS = 100
MAX_SECTIONS = 6


def choose_sheet(links: Iterable[TraceLink], sheets: Mapping[str, Datasheet]) -> Datasheet | None:
    """Return the datasheet that most of the links lead to; of equals the one with the smaller digest."""
    counts = Counter(link.sheet_sha256 for link in links if link.sheet_sha256 in sheets)
    if not counts:
        return None
    return sheets[min(counts, key=lambda sha256: (-counts[sha256], sha256))]


def passage(sheet: Datasheet, links: Sequence[TraceLink]) -> str:
    """Return the lines of the passage; empty if nothing of it may or can be told.

    Registers come in order of address and name, sections in order of their pages. If all is more than
    MAX_PASSAGE_CHARS, the registers that the links weigh least are left out, each as a whole.
    """
    part = min((link.part for link in links), key=lambda name: (-sum(link.part == name for link in links), name))
    sections = [] if sheet.copy_restricted else _section_lines(links)
    registers = _registers(sheet, links)
    if not registers and not sections:
        return ""
    revision = f", revision {sheet.revision}" if sheet.revision else ""
    lines = [f"Datasheet: {part}{revision}", *sections]
    length = sum(len(line) + 1 for line in lines)
    blocks: list[tuple[tuple[bool, int, str], list[str]]] = []
    for register in registers:
        block = _register_lines(register, sheet.copy_restricted)
        length += sum(len(line) + 1 for line in block)
        if length > MAX_PASSAGE_CHARS:
            break
        blocks.append(((register.address is None, register.address or 0, register.name), block))
    return "\n".join([*lines, *(line for _, block in sorted(blocks) for line in block)])


def _section_lines(links: Sequence[TraceLink]) -> list[str]:
    """Return the title paths of linked sections and tables that no register stands for, the best links' only."""
    paths: dict[str, int] = {}
    for link in sorted(links, key=lambda link: (-link.score, link.rank, link.link_id)):
        if link.anchor.register is None and link.anchor.kind in ("section", "table"):
            title = " > ".join(_spaced(part) for part in link.anchor.path) or _spaced(link.anchor.title)
            if title in paths or len(paths) < MAX_SECTIONS:
                paths[title] = min(link.anchor.page, paths.get(title, link.anchor.page))
    ordered = sorted(paths, key=lambda title: (paths[title], title))
    return [f"Section: {title}" for title in ordered if title]


def _registers(sheet: Datasheet, links: Sequence[TraceLink]) -> list[Register]:
    """Return the registers that the links name, each once in its fullest reading, those with most weight first."""
    wanted: Counter[tuple[str, int | None]] = Counter()
    for link in links:
        if link.anchor.register:
            wanted[_folded(link.anchor.register), link.anchor.address] += round(1000 * link.score)
    found: dict[tuple[str, int | None], Register] = {}
    for register in sheet.registers:
        key = (_folded(register.name), register.address)
        if key in wanted or (key[0], None) in wanted:
            known = found.get(key)
            if known is None or len(register.fields) > len(known.fields):
                found[key] = register
    weights = {key: wanted[key] or wanted[key[0], None] for key in found}
    ordered = sorted(found, key=lambda key: (-weights[key], key[1] is None, key[1] or 0, key[0]))
    return [found[key] for key in ordered]


def _register_lines(register: Register, copy_restricted: bool) -> list[str]:
    address = f" at 0x{register.address:02X}" if register.address is not None else ""
    width = f", {register.width} bits" if register.width else ""
    head = f"{register.role.capitalize()} {_spaced(register.name)}{address}{width}{_access_and_reset(register)}"
    lines = [head + _described(register.description, copy_restricted)]
    for each in sorted(register.fields, key=lambda each: (-each.high, -each.low, each.name)):
        bits = f"[{each.high}:{each.low}]" if each.high != each.low else f"[{each.low}]"
        lines.append(
            f"  {bits} {_spaced(each.name)}{_access_and_reset(each)}{_described(each.description, copy_restricted)}"
        )
    return lines


def _access_and_reset(each: Register | BitField) -> str:
    access = f", {each.access}" if each.access else ""
    return access + (f", reset 0x{each.reset:X}" if each.reset is not None else "")


def _described(description: str, copy_restricted: bool) -> str:
    """Return the first sentence of a description, cut at a word, or nothing where copying is forbidden."""
    if copy_restricted or not description:
        return ""
    sentence = _spaced(description).split(". ")[0].rstrip(".")
    if len(sentence) > MAX_DESCRIPTION_CHARS:
        sentence = sentence[:MAX_DESCRIPTION_CHARS].rsplit(" ", 1)[0]
    return f": {sentence}" if sentence else ""


def _folded(name: str | None) -> str:
    return "".join(character for character in (name or "").casefold() if character.isalnum())


def _spaced(text: str) -> str:
    return " ".join(text.replace("*/", "* /").replace("/*", "/ *").split())
