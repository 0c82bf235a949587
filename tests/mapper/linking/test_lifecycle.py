"""Links over time: after any history the live links are those of the last snapshot."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.linking import LinkChange, OldLink, advance
from mapper.model import LIVE_STATES, Anchor, LinkState, Mapping, Symbol, SymbolNow, TraceLink

FAMILY = "sheet-family"


def make_link(
    path: str = "a.c",
    name: str = "REG_A",
    register: str = "A",
    *,
    revision: str = "r1",
    line: int = 1,
    page: int = 5,
    address: int | None = None,
    value: int | None = None,
    sheet: str = "s1",
    method: str = "name",
    declaration: str = "",
) -> TraceLink:
    symbol = Symbol(
        path=path,
        kind="macro",
        name=name,
        line=line,
        end_line=line,
        revision=revision,
        value=value,
        declaration=declaration,
    )
    anchor = Anchor(kind="register", title=register, path=("Registers",), page=page, register=register, address=address)
    own, place = symbol_id("repo", path, "macro", name), anchor_id(FAMILY, anchor)
    link = link_id(own, place)
    return TraceLink(
        link_id=link,
        revision=link_revision(link, revision, sheet, method),
        sheet_sha256=sheet,
        sheet_file="s.pdf",
        sheet_family=FAMILY,
        part="P1",
        anchor=anchor,
        anchor_id=place,
        symbol=symbol,
        symbol_id=own,
        grade="full",
        score=0.9,
        method=method,
        evidence=(),
    )


def mapping(*links: TraceLink) -> Mapping:
    return Mapping(files=(), links=links, conflicts=())


def old_link(link: TraceLink, state: LinkState = "kept") -> OldLink:
    return OldLink(link=link, state=state)


def now(*links: TraceLink) -> dict[str, SymbolNow]:
    return {k.symbol_id: SymbolNow(revision=k.symbol.revision, value=k.symbol.value) for k in links}


def only(changes: tuple[LinkChange, ...]) -> LinkChange:
    assert len(changes) == 1
    return changes[0]


def test_a_first_link_is_new() -> None:
    """A link that the ledger does not know is new and carries itself."""
    link = make_link()

    change = only(advance([], mapping(link)))

    assert (change.state, change.link) == ("new", link)


def test_an_unchanged_link_gives_no_change() -> None:
    """The same link again says nothing."""
    assert advance([old_link(make_link())], mapping(make_link())) == ()


def test_a_changed_symbol_keeps_the_link_with_a_new_revision() -> None:
    """An edit of the symbol's body is one kept change with the revision of today."""
    edited = make_link(revision="r2")

    change = only(advance([old_link(make_link())], mapping(edited)))

    assert (change.state, change.revision, change.end) == ("kept", edited.revision, "symbol")


def test_a_change_says_what_differs() -> None:
    """The value of a definition, the page of a place, the rule that made the link."""
    old = old_link(make_link(value=2))

    told = [
        only(advance([old], mapping(link))).detail
        for link in (
            make_link(value=3, revision="r2"),
            make_link(value=2, page=6),
            make_link(value=2, method="address+name"),
        )
    ]

    assert told == ["value 0x2 -> 0x3", "now on page 6, was on page 5", "by address+name, was by name"]


def test_another_line_is_nothing_to_tell() -> None:
    """A link that only moved within its file has no change; its holder rewrites it."""
    assert advance([old_link(make_link())], mapping(make_link(line=9))) == ()


def test_of_a_new_release_only_changed_places_fire() -> None:
    """What the release says about a register is told of its links, and of no others."""
    old = [old_link(make_link(name=name, register=register)) for name, register in (("REG_A", "A"), ("REG_B", "B"))]
    new = [make_link(name=name, register=register, sheet="s2") for name, register in (("REG_A", "A"), ("REG_B", "B"))]

    change = only(advance(old, mapping(*new), sheet_changes={"register/B": ["reset 0x0 -> 0x7"]}))

    assert (change.link_id, change.state, change.end) == (new[1].link_id, "kept", "anchor")
    assert change.detail == "reset 0x0 -> 0x7"


def test_a_renamed_file_moves_its_links() -> None:
    """The link at the new path names its old one, which is retired with the new id."""
    here, there = make_link("a.c"), make_link("b.c")

    changes = {c.state: c for c in advance([old_link(here)], mapping(there), renames={"a.c": "b.c"})}

    assert (changes["moved"].link_id, changes["moved"].moved_from) == (there.link_id, here.link_id)
    assert changes["moved"].detail == f"moved from a.c ({here.link_id})"
    assert changes["retired"].detail == f"moved to REG_A in b.c ({there.link_id})"


def test_a_definition_that_moves_to_another_file_keeps_its_link() -> None:
    """Of two places with the same name the one with the same definition is meant."""
    here, copy, there = make_link("a.c"), make_link("b.c", revision="r2"), make_link("c.c")

    changes = advance([old_link(here)], mapping(copy, there))

    assert {c.link_id: (c.state, c.moved_from) for c in changes} == {
        here.link_id: ("retired", None),
        copy.link_id: ("new", None),
        there.link_id: ("moved", here.link_id),
    }


def test_a_renamed_definition_keeps_its_link_and_another_one_does_not() -> None:
    """What is defined alike at the same place is the same thing under another name."""
    here = make_link(name="REG_A", value=2)
    renamed, other = make_link(name="REGISTER_A", value=2), make_link(name="REG_X", value=7)

    moved = {c.link_id: c for c in advance([old_link(here)], mapping(renamed))}
    replaced = {c.link_id: c.state for c in advance([old_link(here)], mapping(other))}

    assert moved[renamed.link_id].detail == f"renamed from REG_A ({here.link_id})"
    assert replaced == {here.link_id: "broken", other.link_id: "new"}


def test_a_register_at_another_address_keeps_its_link() -> None:
    """The place has a new id, since its address is another, and the link says so."""
    here, there = make_link(address=2), make_link(address=3, sheet="s2")

    changes = {c.state: c for c in advance([old_link(here)], mapping(there), present_symbols=now(here))}

    assert changes["moved"].detail == f"address 0x2 -> 0x3 ({here.link_id})"
    assert (changes["moved"].end, changes["retired"].end) == ("anchor", "anchor")


def test_a_lost_end_breaks_and_lost_evidence_makes_stale() -> None:
    """A symbol or place that is gone breaks the link; with both ends there it is stale."""
    link = make_link()

    assert only(advance([old_link(link)], mapping(), present_symbols=now(link))).state == "stale"
    assert only(advance([old_link(link)], mapping())).state == "broken"
    absent = advance([old_link(link)], mapping(), present_symbols=now(link), absent_anchors={link.anchor_id})
    assert (only(absent).state, only(absent).end) == ("broken", "anchor")
    assert only(absent).detail == "register A is no longer in the datasheet"


def test_a_value_that_no_longer_fits_makes_stale() -> None:
    """The value before and after are told, and that the symbol is what changed."""
    link = make_link(value=2)
    present = now(make_link(value=9, revision="r2"))

    change = only(advance([old_link(link)], mapping(), present_symbols=present))

    assert (change.state, change.end) == ("stale", "symbol")
    assert change.detail == "value 0x2 -> 0x9; the evidence no longer holds"


def test_a_removed_source_retires_its_links() -> None:
    """Removal is no fault of the link, also of one that was stale before."""
    for state in ("kept", "stale"):
        change = only(advance([old_link(make_link(), state)], mapping(), removed_source=True))
        assert (change.state, change.end) == ("retired", "source")


def test_a_stale_link_that_is_derived_again_is_kept() -> None:
    """Coming back to life is kept, not new: its history goes on."""
    change = only(advance([old_link(make_link(), "stale")], mapping(make_link())))

    assert (change.state, change.detail) == ("kept", "derived again, was stale")


def test_a_dead_link_stays_as_it_is() -> None:
    """A link that is broken already does not break again."""
    assert advance([old_link(make_link(), "broken")], mapping()) == ()


LINKS = st.builds(
    make_link,
    path=st.sampled_from(["a.c", "b.c"]),
    name=st.sampled_from(["REG_A", "REG_B"]),
    register=st.sampled_from(["A", "B"]),
    revision=st.sampled_from(["r1", "r2"]),
    line=st.integers(1, 3),
    page=st.integers(5, 6),
)
SNAPSHOTS = st.lists(LINKS, max_size=6, unique_by=lambda link: link.link_id)
RENAMES = st.sampled_from([{}, {"a.c": "b.c"}, {"b.c": "a.c"}, {"a.c": "b.c", "b.c": "a.c"}])


@settings(max_examples=150, deadline=None)
@given(history=st.lists(st.tuples(SNAPSHOTS, RENAMES, st.booleans()), min_size=1, max_size=6))
def test_live_links_are_those_of_the_last_snapshot(history: list[tuple[list[TraceLink], dict[str, str], bool]]) -> None:
    """The live links equal a mapping from scratch whatever was before; a repeated snapshot changes nothing."""
    ledger: dict[str, OldLink] = {}
    for links, renames, is_removed in history:
        fresh = {link.link_id: link for link in links}
        for _ in range(2):
            last = advance(
                list(ledger.values()),
                mapping(*links),
                renames=renames,
                present_symbols=now(*links),
                removed_source=is_removed,
            )
            for change in last:
                link = change.link or ledger[change.link_id].link
                ledger[change.link_id] = OldLink(link=link, state=change.state)
            ledger |= {key: OldLink(link=link, state=ledger[key].state) for key, link in fresh.items()}
        assert last == ()

        assert {key: known.link for key, known in ledger.items() if known.state in LIVE_STATES} == fresh
