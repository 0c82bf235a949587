"""Links over time: after any history the live links are those of the last snapshot."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.linking import LinkChange, OldLink, advance
from mapper.model import LIVE_STATES, Anchor, Mapping, Symbol, TraceLink

FAMILY = "sheet-family"


def make_link(
    path: str = "a.c", name: str = "REG_A", register: str = "A", *, revision: str = "r1", line: int = 1, page: int = 5
) -> TraceLink:
    symbol = Symbol(path=path, kind="macro", name=name, line=line, end_line=line, revision=revision)
    anchor = Anchor(kind="register", title=register, path=("Registers",), page=page, register=register)
    own, place = symbol_id("repo", path, "macro", name), anchor_id(FAMILY, anchor)
    link = link_id(own, place)
    return TraceLink(
        link_id=link,
        revision=link_revision(link, revision, "s" * 64, "name"),
        sheet_sha256="s" * 64,
        sheet_file="s.pdf",
        sheet_family=FAMILY,
        part="P1",
        anchor=anchor,
        anchor_id=place,
        symbol=symbol,
        symbol_id=own,
        grade="full",
        score=0.9,
        method="name",
        evidence=(),
    )


def mapping(*links: TraceLink) -> Mapping:
    return Mapping(files=(), links=links, conflicts=())


def old_link(link: TraceLink) -> OldLink:
    return OldLink(
        link_id=link.link_id,
        symbol_id=link.symbol_id,
        anchor_id=link.anchor_id,
        revision=link.revision,
        state="kept",
        path=link.symbol.path,
        name=link.symbol.name,
        kind=link.symbol.kind,
        symbol_revision=link.symbol.revision,
        page=link.anchor.page,
        line=link.symbol.line,
    )


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

    assert (change.state, change.revision) == ("kept", edited.revision)


def test_another_page_or_line_is_a_kept_change() -> None:
    """A link that only moved in its file or datasheet is kept, with where it is now."""
    assert only(advance([old_link(make_link())], mapping(make_link(page=6)))).detail == "now on page 6, was on page 5"
    assert only(advance([old_link(make_link())], mapping(make_link(line=9)))).detail == "now at line 9, was at line 1"


def test_a_renamed_file_moves_its_links() -> None:
    """The link at the new path names its old one, which is retired with the new id."""
    here, there = make_link("a.c"), make_link("b.c")

    changes = {c.state: c for c in advance([old_link(here)], mapping(there), renames={"a.c": "b.c"})}

    assert (changes["moved"].link_id, changes["moved"].moved_from) == (there.link_id, here.link_id)
    assert (changes["retired"].link_id, changes["retired"].detail) == (here.link_id, f"moved to {there.link_id}")


def test_a_lost_end_breaks_and_lost_evidence_makes_stale() -> None:
    """A symbol or anchor that is gone breaks the link; with both ends there it is stale."""
    link = make_link()
    both = {"present_symbols": {link.symbol_id}, "present_anchors": {link.anchor_id}}

    assert only(advance([old_link(link)], mapping(), **both)).state == "stale"
    assert only(advance([old_link(link)], mapping(), **{**both, "present_symbols": set()})).state == "broken"
    assert only(advance([old_link(link)], mapping(), **{**both, "present_anchors": set()})).state == "broken"


def test_a_removed_source_retires_its_links() -> None:
    """Removal is no fault of the link, also of one that was stale before."""
    known = old_link(make_link())

    assert only(advance([known], mapping(), removed_source=True)).state == "retired"
    assert only(advance([replace(known, state="stale")], mapping(), removed_source=True)).state == "retired"


def test_a_stale_link_that_is_derived_again_is_kept() -> None:
    """Coming back to life is kept, not new: its history goes on."""
    change = only(advance([replace(old_link(make_link()), state="stale")], mapping(make_link())))

    assert (change.state, change.detail) == ("kept", "derived again, was stale")


def test_a_dead_link_stays_as_it_is() -> None:
    """A link that is broken already does not break again."""
    assert advance([replace(old_link(make_link()), state="broken")], mapping()) == ()


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
        present = {link.symbol_id for link in links}
        for _ in range(2):
            last = advance(
                list(ledger.values()),
                mapping(*links),
                renames=renames,
                present_symbols=present,
                removed_source=is_removed,
            )
            for change in last:
                if change.link is not None:
                    ledger[change.link_id] = replace(old_link(change.link), state=change.state)
                else:
                    ledger[change.link_id] = replace(ledger[change.link_id], state=change.state)
        assert last == ()

        live = {(k.link_id, k.revision, k.page, k.line) for k in ledger.values() if k.state in LIVE_STATES}
        assert live == {(link.link_id, link.revision, link.anchor.page, link.symbol.line) for link in links}
