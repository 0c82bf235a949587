"""Base addresses of blocks: the definitions that hold one, and what other definitions add to one of them."""

from collections.abc import Iterable, Mapping

from mapper.linking.words import split_words

BASE_WORDS = frozenset({"base", "baseaddr"})
MAX_OFFSET = 0xFFFF


def is_base_name(name: str) -> bool:
    """Return whether a definition is a block's base by its name: UART0_BASE, UART0_BASE_ADDR."""
    return not BASE_WORDS.isdisjoint(split_words(name))


def block_addresses(references: Iterable[str], value: int, bases: Mapping[str, int]) -> tuple[int, int] | None:
    """Return offset and absolute address of a definition written as base + offset, None if it is not written so.

    references are the names it uses. value is what it evaluates to: the whole sum, or the offset alone where its own
    file lacks the base.
    """
    names = [name for name in references if name in bases]
    if len(names) != 1:
        return None
    base = bases[names[0]]
    if base <= value <= base + MAX_OFFSET:
        return value - base, value
    return (value, base + value) if 0 <= value <= MAX_OFFSET < base else None
