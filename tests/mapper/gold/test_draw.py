"""Which symbols are asked about."""

from mapper import Mapping, SourceFile, parse_file
from mapper.gold import Candidate, candidates_of, draw
from mapper.gold.draw import NIL_EVERY
from mapper.gold.labels import label_kind


def test_candidates_are_linked_and_unlinked_symbols(mapping: Mapping, files: list[SourceFile]) -> None:
    """Symbols of an accepted file are candidates with or without a link; guards and prototypes are not."""
    found = {candidate.symbol.name: bool(candidate.links) for candidate in candidates_of(mapping, files)}

    assert found == {
        "ZQ4071_REG_CONTROL": True,
        "ZQ4071_REG_STATUS": True,
        "ZQ4071_REG_RATE": True,
        "ZQ4071_RETRIES": False,
        "zq4071_bus": False,
        "port": False,
    }


def test_the_draw_takes_kinds_in_turn_and_repeats(mapping: Mapping, files: list[SourceFile]) -> None:
    """The first round has one of each kind; the same seed gives the same order, a larger sample begins with it."""
    candidates = candidates_of(mapping, files)

    drawn = draw(candidates, seed=5)

    kinds = {label_kind(candidate.symbol) for candidate in candidates}
    assert {label_kind(candidate.symbol) for candidate in drawn[: len(kinds)]} == kinds
    assert draw(reversed(candidates), seed=5, sample=3) == drawn[:3]
    assert len(drawn) == len(candidates)


def test_another_seed_draws_others() -> None:
    """Of many symbols of one kind, two seeds take different ones first."""
    candidates = many(40)

    assert draw(candidates, seed=1, sample=10) != draw(candidates, seed=2, sample=10)


def test_kinds_can_be_limited(mapping: Mapping, files: list[SourceFile]) -> None:
    """Only symbols of the kinds wanted are drawn."""
    drawn = draw(candidates_of(mapping, files), kinds=("struct", "struct_member"))

    assert {candidate.symbol.name for candidate in drawn} == {"zq4071_bus", "port"}


def test_one_in_four_has_no_link(mapping: Mapping) -> None:
    """While there are both, each fourth symbol of a kind is one that nothing was proposed for."""
    link = mapping.links[0]
    linked = [Candidate(file="a.pdf", symbol=candidate.symbol, links=(link,)) for candidate in many(30)]

    drawn = draw([*linked, *many(10, prefix="N")], sample=20)

    assert [index for index, candidate in enumerate(drawn) if not candidate.links] == list(range(3, 20, NIL_EVERY))


def many(number: int, prefix: str = "M") -> list[Candidate]:
    """Return macros without a link."""
    text = "".join(f"#define {prefix}_{index} {index}\n" for index in range(number))
    return [Candidate(file="a.pdf", symbol=s, links=()) for s in parse_file("a.h", text.encode()).symbols]
