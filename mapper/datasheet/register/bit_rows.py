"""Turn the rows of bit tables into the bit fields of a register.

Two forms: a table with a row for each field (bits, name, access, reset, description), and a figure with the bit
numbers in a row and names, access and reset values in rows below.
"""

import re

from mapper.datasheet.register.drafts import Draft
from mapper.datasheet.register.notation import (
    access_mode,
    bit_range,
    clean_name,
    is_identifier,
    is_reserved,
    reset_value,
)
from mapper.datasheet.table.grids import Grid, GridRow
from mapper.model import BitField

MAX_FIELD_NAME_WORDS = 6
FIELD_DESCRIPTION_CHARS = 400
MAX_ACCESS_CHARS = 4  # "R/W", "rw1c": longer ones (read, write) are words of names too
_LEADING_NAME = re.compile(r"^([A-Za-z][A-Za-z0-9_]*(?:\[\d+:\d+\])?)\s*(?:[:\u2013\u2014=]|\s-)\s")
_ACCESS_RESET = re.compile(
    r"^(?P<access>[A-Za-z/0-9]+?)\s*[-\u2013(]\s*(?P<reset>0x[0-9A-Fa-f]+|[0-9A-Fa-f]+h?|[01xXnN?]+b?)\)?$"
)
_NAME_LABEL = re.compile(r"name|symbol|field|function|mnemonic|^bits?\b|content|data", re.IGNORECASE)
_ACCESS_LABEL = re.compile(r"access|type|r/?w|read|attribute|mode", re.IGNORECASE)
_RESET_LABEL = re.compile(r"reset|default|por\b|power|init|value|state", re.IGNORECASE)


def read_field_rows(owner: Draft, grid: Grid, page: int) -> None:
    """Add the fields of a table with a row for each."""
    last: BitField | None = None
    for row in grid.rows:
        bits = bit_range(row.texts.get("bits", ""))
        if bits is not None:
            last = read_field_row(owner, row, page, bits)
        elif last is not None and row.texts.get("description") and not row.title:
            text = f"{last.description} {row.texts['description']}".strip()[:FIELD_DESCRIPTION_CHARS]
            last = add_field(owner, last.name, (last.high, last.low), page, description=text)


def read_layout_rows(owner: Draft, grid: Grid, page: int) -> None:
    """Add the fields of a figure: a row of names under the bit numbers, rows of access and reset below."""
    has_names = False
    for row in grid.rows:
        texts = [span.text for span in row.spans]
        label = row.label
        if not texts or row.title:
            continue
        pairs = [_ACCESS_RESET.match(text) for text in texts]
        if (_ACCESS_LABEL.search(label) and not _NAME_LABEL.search(label)) or all(map(_is_access, texts)):
            _complete(owner, row, access=True)
        elif all(pair is not None or is_reserved(text) for pair, text in zip(pairs, texts, strict=True)) and any(pairs):
            _complete(owner, row, access=True)
            _complete(owner, row, access=False)
        elif has_names or (_RESET_LABEL.search(label) and not _NAME_LABEL.search(label)):
            if all(reset_value(text) is not None or is_reserved(text) for text in texts):
                _complete(owner, row, access=False)
        else:
            has_names = True
            read_spans(owner, row, page)
    owner.width = max(owner.width or 0, *(bit + 1 for bit, _ in grid.bits))


def read_spans(draft: Draft, row: GridRow, page: int) -> None:
    """Add the fields whose names stand below bit labels."""
    names = [clean_name(span.text.split(" downto ")[0]) for span in row.spans]
    glued = [name for name in names if not is_reserved(name)]
    is_glued = len(glued) > 1 and all(_ends_in_access(name) for name in glued)
    for span, text in zip(row.spans, names, strict=True):
        name, access = _split_access(text, is_glued=is_glued)
        if not is_reserved(name) and _is_field_name(name):
            add_field(draft, name, (span.high, span.low), page, access=access)


def read_field_row(owner: Draft, row: GridRow, page: int, bits: tuple[int, int]) -> BitField | None:
    """Add the field of one row and return it, or return None when the row names none."""
    description = row.texts.get("description", "")
    name = clean_name(row.texts.get("field", "") or row.texts.get("name", ""))
    if not name:
        leading = _LEADING_NAME.match(row.first_line)
        name = clean_name(leading[1] if leading else row.first_line.rstrip(".:"))
    if is_reserved(name) or not _is_field_name(name):
        return None
    return add_field(
        owner,
        name,
        bits,
        page,
        access=access_mode(row.texts.get("access", "")),
        reset=reset_value(row.texts.get("reset", "")),
        description=description,
    )


def add_field(
    owner: Draft,
    name: str,
    bits: tuple[int, int],
    page: int,
    *,
    access: str | None = None,
    reset: int | None = None,
    description: str = "",
) -> BitField:
    """Add a field to a register and return it."""
    new = BitField(
        name=name,
        high=bits[0],
        low=bits[1],
        access=access,
        reset=reset,
        description=description[:FIELD_DESCRIPTION_CHARS],
        page=page,
    )
    owner.add_field(new)
    return new


def _complete(owner: Draft, row: GridRow, *, access: bool) -> None:
    """Give access or reset values to the fields above which a row's texts stand."""
    for span in row.spans:
        pair = _ACCESS_RESET.match(span.text)
        mode = access_mode(pair["access"] if pair else span.text) if access else None
        value = reset_value(pair["reset"] if pair else span.text) if not access else None
        for known in list(owner.fields):
            if known.low <= span.high and span.low <= known.high and (mode is not None or value is not None):
                if value is not None and known.high != known.low and span.high == span.low and pair is None:
                    continue
                add_field(owner, known.name, (known.high, known.low), known.page, access=mode, reset=value)


def _split_access(name: str, *, is_glued: bool) -> tuple[str, str | None]:
    """Return a field's name and the access right printed below it in the same cell: "PAUSE rw".

    is_glued: every name of the row has one, so that it is no word of the name.
    """
    words = name.split()
    is_pair = len(words) == 2 and is_identifier(words[0])
    access = access_mode(words[-1]) if is_pair or (is_glued and len(words) > 1) else None
    return (" ".join(words[:-1]), access) if access else (name, None)


def _ends_in_access(name: str) -> bool:
    last = name.split()[-1] if " " in name else ""
    return len(last) <= MAX_ACCESS_CHARS and access_mode(last) is not None


def _is_access(text: str) -> bool:
    return access_mode(text) is not None or text.strip() in ("-", "\u2014", "\u2013", "D", "dy")


def _is_field_name(name: str) -> bool:
    return name.isascii() and name[:1].isalpha() and len(name.split()) <= MAX_FIELD_NAME_WORDS and len(name) <= 60
