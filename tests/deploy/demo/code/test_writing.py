"""Notes that a file being written leaves."""

from deploy.demo.code.writing import Plant, Writing
from deploy.demo.parts import device


def test_a_plant_changes_the_value_and_the_claim() -> None:
    """The planted address is what gets printed, and what the file then claims."""
    part, _ = device("vla3160")
    writing = Writing(part, "a.h", [Plant("x", "address", "CTRL1", None, 0x7F)])

    value = writing.address("REG_CTRL1", part.register("CTRL1"))

    assert value == 0x7F
    assert [(claim.kind, claim.symbol, claim.value) for claim in writing.claims] == [("address", "REG_CTRL1", 0x7F)]


def test_a_register_is_specified_by_description_and_overview() -> None:
    """The register's own section comes first, its row in the overview second."""
    part, _ = device("vla3160")
    writing = Writing(part, "a.h")

    writing.address("REG_CTRL1", part.register("CTRL1"))

    assert writing.mentions[0].keys == (("description", "MAP", "CTRL1"), ("overview", "MAP", "CTRL1"))


def test_plumbing_has_no_place_in_the_datasheet() -> None:
    """A symbol noted as NIL has no keys."""
    part, _ = device("vla3160")
    writing = Writing(part, "a.c")

    assert writing.nil("read_register") == "read_register"
    assert writing.mentions[0].keys == ()
