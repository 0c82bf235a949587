"""Several places of one register become one."""

import pytest

from mapper.datasheet.register.drafts import Draft, assemble, same_name
from mapper.model import BitField


def _listed(name: str, address: int | None, page: int = 10) -> Draft:
    return Draft(name, address, page=page, is_overview=True)


def _field(name: str, high: int, low: int) -> BitField:
    return BitField(name=name, high=high, low=low, page=20)


def test_description_wins_over_overview() -> None:
    """Page and section are the description's, the overview's page is kept beside it."""
    described = Draft("CTRL", 1, page=20, section_path=("Registers", "CTRL"), fields=[_field("EN", 0, 0)])

    (register,) = assemble([_listed("CTRL", 1), described])

    assert (register.page, register.overview_pages, register.section_path) == (20, (10,), ("Registers", "CTRL"))
    assert register.width == 8


def test_unlike_names_at_one_address_are_joined_when_nothing_else_is_there() -> None:
    """A prose name in the overview and a short one in the description are one register."""
    (register,) = assemble([_listed("Input status", 0x10), Draft("INSTAT", 0x10, page=20)])

    assert (register.name, register.address) == ("INSTAT", 0x10)


def test_registers_of_several_blocks_at_one_offset_stay_apart() -> None:
    """Names that do not agree at the same offset are different registers."""
    found = assemble([_listed("UART_CTRL", 0), _listed("SPI_CTRL", 0), Draft("SPI_CTRL", 0, page=30)])

    assert [(r.name, r.page) for r in found] == [("UART_CTRL", 10), ("SPI_CTRL", 30)]


def test_place_without_address_joins_by_name() -> None:
    """A bit table under the name alone completes the register listed with its address."""
    (register,) = assemble([_listed("STATUS", 2), Draft("Status register", page=21, fields=[_field("RDY", 7, 7)])])

    assert (register.address, [f.name for f in register.fields]) == (2, ["RDY"])


def test_small_table_after_a_large_one_is_the_description() -> None:
    """A second table that lists few of many registers describes them."""
    small = Draft("CTRL", 1, page=20, is_overview=True, num_listed=2)

    (register,) = assemble([Draft("CTRL", 1, page=10, is_overview=True, num_listed=12), small])

    assert (register.page, register.overview_pages) == (20, (10,))


def test_nothing_but_a_name_is_no_register() -> None:
    """A heading that names something with neither address nor fields is dropped."""
    assert assemble([Draft("FEATURES", page=1)]) == ()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Config Register", "CONFIG", True),
        ("Shunt Register", "Shunt Voltage Register", True),
        ("CTRL1", "CTRL12", False),
        ("DATA", "DATA_H", False),
        ("STATUS", "CONTROL", False),
    ],
)
def test_same_name(one: str, other: str, expected: bool) -> None:
    """Spellings agree when they differ in "register" or in words left out, not in a number."""
    assert same_name(one, other) is expected
