"""Where code and datasheet disagree: each conflict with both sides as they write it.

Only names that agree nearly in full can conflict, and only where most of the file's other definitions agree with the
datasheet: a file that counts addresses another way (shifted, in words) is no file full of errors.
"""

from collections.abc import Iterable, Sequence

from mapper.ids import anchor_id, content_id, symbol_id
from mapper.linking.alignment.anchors import field_anchor, register_anchor
from mapper.linking.alignment.codes import read_codes
from mapper.linking.alignment.definitions import ABSOLUTE, addresses_agree, content_name, says
from mapper.linking.alignment.fields import readings
from mapper.linking.alignment.matches import Ground, is_register_marked, symbol_key
from mapper.linking.alignment.targets import Target
from mapper.linking.index.facts import VALUE_KINDS
from mapper.linking.words import Name, name_of, similarity, split_words
from mapper.model import Anchor, BitField, Conflict, ConflictKind, Register, Symbol

SAME_NAME = 0.97
MIN_AGREEING = 3
INSTANCES = frozenset({"x", "n"})
"""At the end of a name: a family of registers, any of whose addresses is right."""
MASK_WORDS = frozenset({"mask", "msk", "bm", "gm"})
POSITION_WORDS = frozenset({"pos", "position", "shift", "shft", "sft", "bp", "gp", "lsb"})
MASK_READINGS = frozenset({"mask", "plain mask", "inverted mask"})
POSITION_READINGS = frozenset({"position", "high bit", "lowest bit"})
WRITE_CALLS = frozenset({"write", "wr", "put", "update", "send"})
READ_CALLS = frozenset({"read", "rd", "get", "fetch", "receive"})
WRITE_VERBS = frozenset({"set", "write", "update", "clear", "enable", "disable"})


def find_conflicts(ground: Ground, *, repo_family: str) -> tuple[Conflict, ...]:
    """Return the disagreements between the accepted files and the datasheet, in order of file and line."""
    found: list[Conflict] = _swapped(ground, repo_family)
    for file in ground.files:
        definitions = [s for s in file.symbols if s.kind in VALUE_KINDS]
        found += _addresses(ground, definitions, repo_family)
        for symbol in definitions:
            found += _field_places(ground, symbol, repo_family)
            found += _resets(ground, symbol, repo_family)
            found += _codes(ground, symbol, repo_family)
        for symbol in file.symbols:
            if symbol.kind == "function":
                found += _access(ground, symbol, repo_family)
    unique = {conflict.conflict_id: conflict for conflict in found}
    return tuple(sorted(unique.values(), key=lambda c: (c.symbol.path, c.symbol.line, c.kind, c.conflict_id)))


def _addresses(ground: Ground, definitions: Sequence[Symbol], repo_family: str) -> list[Conflict]:
    """Compare register definitions with the addresses of registers of the same name."""
    agreeing = 0
    differing: list[tuple[Symbol, Register, int]] = []
    for symbol in definitions:
        value = ground.tree.value(symbol)
        name = ground.name(symbol)
        if value is None or (symbol.kind != "register" and not is_register_marked(name)):
            continue
        registers = [
            t.register
            for t in _same_name(ground.index.registers, name)
            if t.register and t.register.address is not None
        ]
        if not registers or name.tokens[-1] in INSTANCES:
            continue
        addresses = ground.tree.addresses(symbol)
        if any(addresses_agree(register, address) for register in registers for address in addresses):
            agreeing += 1
        elif _is_certain(ground, registers) and not _is_field_name(ground, name):
            differing.append((symbol, registers[0], value))
    if agreeing < MIN_AGREEING or agreeing < 3 * len(differing):
        return []
    return [
        _conflict(
            ground, symbol, register_anchor(register), "address", hex(value), hex(register.address or 0),
            f"{symbol.name} is {value:#x}, {register.name} is printed at {register.address or 0:#x}", repo_family,
        )
        for symbol, register, value in differing
    ]  # fmt: skip


def _swapped(ground: Ground, repo_family: str) -> list[Conflict]:
    """Compare absolute addresses with the register that the name says, where another one of its block is printed there.

    An absolute address is no convention of a file's own, so all files together must agree more often than differ.
    """
    agreeing: set[str] = set()
    differing: dict[tuple[str, int], tuple[Symbol, Register, Register]] = {}
    for symbol in (s for file in ground.files for s in file.symbols if s.kind in VALUE_KINDS):
        address = next(iter(ground.tree.addresses(symbol)), 0)
        at = [t.register for t in ground.index.at(address) if t.register] if address >= ABSOLUTE else []
        at = [register for register in at if register.address == address]
        name = ground.name(symbol)
        if not at or name.tokens[-1] in INSTANCES:
            continue
        said = [t.register for t in ground.index.retrieve(name) if t.register and t.field is None and says(t, name)]
        said = [r for r in said if r.address is not None and r.section_path[:-1] == at[0].section_path[:-1]]
        if any(register.address == address for register in said):
            agreeing.add(symbol.name)
        elif len({register.address for register in said}) == 1 and len(at) == 1:
            differing[symbol.path, symbol.line] = (symbol, said[0], at[0])
    if len(agreeing) < max(MIN_AGREEING, len({symbol.name for symbol, *_ in differing.values()})):
        return []
    return [
        _conflict(
            ground, symbol, register_anchor(register), "address",
            hex(other.address or 0), hex(register.address or 0),
            f"{symbol.name} is where {other.name} is printed, {register.name} is printed at {register.address or 0:#x}",
            repo_family,
        )
        for symbol, register, other in differing.values()
    ]  # fmt: skip


def _is_certain(ground: Ground, registers: Sequence[Register]) -> bool:
    """Say whether the printed address is beyond doubt: one for the name, and no other register of the block has it."""
    first = registers[0]
    if len({register.address for register in registers}) != 1 or first.address is None:
        return False
    block = first.section_path[:-1]
    others = [
        t.register for t in ground.index.at(first.address) if t.register and t.register.section_path[:-1] == block
    ]
    return all(other.name == first.name for other in others)


def _is_field_name(ground: Ground, name: Name) -> bool:
    return any(True for _ in _same_name(ground.index.fields, name))


def _same_name(targets: Iterable[Target], name: Name) -> list[Target]:
    return [target for target in targets if says(target, name)]


def _field_places(ground: Ground, symbol: Symbol, repo_family: str) -> list[Conflict]:
    """Compare masks and positions with the fields of the same name."""
    value = ground.tree.value(symbol)
    words = set(ground.name(symbol).words)
    is_mask, is_position = bool(words & MASK_WORDS), bool(words & POSITION_WORDS)
    if value is None or value < 0 or (is_mask and is_position) or _is_address(ground, symbol):
        return []
    if not is_mask and not is_position:
        if value.bit_count() < 2 or not _is_run(value) or not _names_register_and_field(ground, symbol):
            return []
        is_mask = True
    candidates = [t for t in _fields_said(ground, symbol) if t.field is not None]
    fields = [(t.register, t.field) for t in candidates if t.register is not None and t.field is not None]
    if not fields or any(_agrees(bits, value, is_mask=is_mask) for _, bits in fields):
        return []
    if len({(bits.high, bits.low) for _, bits in fields}) > 1:
        return []
    register, bits = fields[0]
    printed = f"[{bits.high}:{bits.low}]"
    kind: ConflictKind = "width" if is_mask and value.bit_count() != bits.high - bits.low + 1 else "value"
    detail = f"{symbol.name} is {value:#x}, {register.name}.{bits.name} is printed at bits {printed}"
    return [_conflict(ground, symbol, field_anchor(register, bits), kind, hex(value), printed, detail, repo_family)]


def _agrees(bits: BitField, value: int, *, is_mask: bool) -> bool:
    """Say whether a value is the field's mask or position; one bit may be given either way."""
    wanted = MASK_READINGS if is_mask else POSITION_READINGS
    if bits.high == bits.low:
        wanted = MASK_READINGS | POSITION_READINGS
    return any(how in wanted for how in readings(bits, value))


def _is_address(ground: Ground, symbol: Symbol) -> bool:
    """Say whether a definition was linked as a register's address."""
    found = ground.found.get(symbol_key(symbol), [])
    return bool(found) and found[0].method in {"address+name", "base address"}


def _is_run(value: int) -> bool:
    """Say whether the bits that are set stand side by side."""
    lowest = value & -value
    return (value // lowest) & (value // lowest + 1) == 0


def _names_register_and_field(ground: Ground, symbol: Symbol) -> bool:
    name = ground.name(symbol)
    return any(alias.compact == name.compact for t in ground.index.fields for alias in t.aliases)


def _fields_said(ground: Ground, symbol: Symbol) -> list[Target]:
    """Return the fields that a definition says in full, by register and field name where it holds both."""
    name = ground.name(symbol)
    said = [word for word in name.words if word not in MASK_WORDS | POSITION_WORDS]
    bare = name_of(" ".join(said))
    joined = [t for t in ground.index.fields if any(alias.compact == bare.compact for alias in t.aliases)]
    return joined or [t for t in ground.index.fields if t.name.compact == bare.compact]


def _resets(ground: Ground, symbol: Symbol, repo_family: str) -> list[Conflict]:
    """Compare reset or default values with the register of the same name."""
    value = ground.tree.value(symbol)
    bare = content_name(ground.name(symbol))
    if value is None or bare is None:
        return []
    registers = [t.register for t in _same_name(ground.index.registers, bare) if t.register]
    registers = [register for register in registers if register.reset is not None]
    if not registers or any(value in {register.reset, register.address} for register in registers):
        return []
    register = registers[0]
    detail = f"{symbol.name} is {value:#x}, {register.name} is printed with reset value {register.reset or 0:#x}"
    anchor, printed = register_anchor(register), hex(register.reset or 0)
    return [_conflict(ground, symbol, anchor, "reset", hex(value), printed, detail, repo_family)]


def _codes(ground: Ground, symbol: Symbol, repo_family: str) -> list[Conflict]:
    """Compare the code of a field with the value that the datasheet prints for its label."""
    value = ground.tree.value(symbol)
    coded = [c for c in read_codes(ground, symbol) if c.printed is not None] if value is not None and value >= 0 else []
    if value is None or not coded:
        return []
    if any(value in {c.printed, (c.printed or 0) << c.bits.low} for c in coded) or len({c.printed for c in coded}) > 1:
        return []
    first = coded[0]
    detail = (
        f"{symbol.name} is {value:#x}, {first.register.name}.{first.bits.name} prints {first.printed or 0:#x} for it"
    )
    anchor, printed = field_anchor(first.register, first.bits), hex(first.printed or 0)
    return [_conflict(ground, symbol, anchor, "value", hex(value), printed, detail, repo_family)]


def _access(ground: Ground, symbol: Symbol, repo_family: str) -> list[Conflict]:
    """Report functions whose name says that they write a register or field that is printed as read-only."""
    words = ground.name(symbol).words
    found = ground.found.get(symbol_key(symbol), [])
    register, bits = (found[0].register, found[0].field) if found else (None, None)
    if register is None or not words or words[0] not in WRITE_VERBS or found[0].raw < 0.7:
        return []
    bare = name_of(" ".join(word for word in words if word not in WRITE_VERBS))
    target_name = name_of(bits.name if bits is not None else register.name)
    access = bits.access if bits is not None and bits.access is not None else register.access
    said = similarity(bare, target_name) >= SAME_NAME or _only_writes(ground, symbol, register)
    if access != "r" or not said:
        return []
    detail = f"{symbol.name} writes {register.name}{'.' + bits.name if bits else ''}, which is printed as read-only"
    return [_conflict(ground, symbol, found[0].anchor, "access", "write", "r", detail, repo_family)]


def _only_writes(ground: Ground, symbol: Symbol, register: Register) -> bool:
    """Say whether a body uses this register alone and calls something that writes, nothing that reads."""
    used = [ground.by_name[name][0].register for name in symbol.references if ground.by_name.get(name)]
    calls = {word for name in symbol.references for word in split_words(name)}
    registers = {id(r) for r in used if r is not None}
    return registers == {id(register)} and bool(calls & WRITE_CALLS) and not calls & READ_CALLS


def _conflict(
    ground: Ground,
    symbol: Symbol,
    anchor: Anchor,
    kind: ConflictKind,
    code: str,
    printed: str,
    detail: str,
    repo_family: str,
) -> Conflict:
    sheet = ground.index.sheet
    own_id = symbol_id(repo_family, symbol.path, symbol.kind, symbol.qualified_name)
    return Conflict(
        conflict_id=content_id("cf1", own_id, anchor_id(sheet.family, anchor), kind),
        kind=kind,
        sheet_sha256=sheet.sha256,
        sheet_file=sheet.file,
        sheet_family=sheet.family,
        part=sheet.parts[0] if sheet.parts else "",
        anchor=anchor,
        symbol=symbol,
        symbol_id=own_id,
        code_value=code,
        sheet_value=printed,
        detail=detail,
    )
