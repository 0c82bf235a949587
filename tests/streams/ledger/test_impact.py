"""streams/ledger/impact.py, touched.py and causes.py: what a revision or a commit touched, in which repositories."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from mapper.datasheet.revision import SheetChange
from mapper.ids import link_id
from mapper.model import Anchor, Conflict, Datasheet, Symbol, TraceLink
from streams.events import Cause
from streams.ledger import sheets, sources
from streams.ledger.causes import explain_causes
from streams.ledger.conflicts import find_conflicts, replace_conflicts
from streams.ledger.engine import reading, writing
from streams.ledger.impact import commit_impact, sheet_impact
from streams.ledger.links import LinkTurn, StoredLink, link_story, write_turns
from streams.ledger.schema import symbols
from streams.ledger.sheets import SheetChangeRow, find_sheet
from streams.ledger.story import differences_of
from streams.ledger.symbols import AppliedCommit, record_commit
from streams.ledger.touched import Changes, register_names

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
COMMIT = "d" * 40


def sheet(sha256: str, revision: str, family: str = "ab12") -> Datasheet:
    return Datasheet(
        sha256=sha256,
        file=f"{family}.pdf",
        title=family,
        parts=(family.upper(),),
        family=family,
        revision=revision,
        num_pages=9,
        sections=(),
        registers=(),
    )


def link(name: str, register: str | None, field: str | None = None, *, title: str = "", sha256: str = OLD) -> TraceLink:
    kind: Any = "field" if field else "register" if register else "section"
    anchor = Anchor(kind=kind, title=title or str(register), path=(), page=7, register=register, field=field)
    symbol = Symbol(path="ab.h", kind="macro", name=name, line=len(name), end_line=9, revision="r")
    return TraceLink(
        link_id=link_id(name, f"{register}.{field}"),
        revision=f"{sha256}-{name}",
        sheet_sha256=sha256,
        sheet_file="ab12.pdf",
        sheet_family="ab12",
        part="AB12",
        anchor=anchor,
        anchor_id=f"{register}.{field}",
        symbol=symbol,
        symbol_id=f"sym1_{name}",
        grade="full",
        score=0.9,
        method="rules",
        evidence=(),
    )


def conflict(identity: str) -> Conflict:
    return Conflict(
        conflict_id=identity,
        kind="reset",
        sheet_sha256=OLD,
        sheet_family="ab12",
        part="AB12",
        anchor=Anchor(kind="register", title="CTRL", path=(), page=7, register="CTRL"),
        symbol=Symbol(path="ab.h", kind="macro", name="AB_CTRL", line=3, end_line=3),
        symbol_id="s",
        code_value="0",
        sheet_value="7",
        detail="",
    )


CHANGES = (
    SheetChange(anchor="register/CTRL@0x04", what="reset", old="0x0", new="0x7"),
    SheetChange(anchor="field/MODE.EN", what="bits", old="0", new="1"),
    SheetChange(anchor="register/NEWNAME@0x10", what="name", old="OLDNAME", new="NEWNAME"),
    SheetChange(anchor="section/Start-up/Timing", what="text", old="1", new="2"),
    SheetChange(anchor="parameter/Supply VDD", what="max", old="3", new="4"),
)
LINKS = [
    *(link("AB_CTRL", "CTRL"), link("AB_CTRL_EN", "CTRL", "EN"), link("AB_MODE", "MODE"), link("AB_EN", "MODE", "EN")),
    *(link("AB_SLEEP", "MODE", "SLEEP"), link("AB_OLD", "OLDNAME"), link("AB_STATUS", "STATUS")),
    link("ab_start", None, title="Timing"),
]
BY_COMMIT = Cause(kind="commit", id=COMMIT, time=1.0)
BY_SHEET = Cause(kind="datasheet", id=NEW, time=2.0)


@pytest.fixture
def repo_ids(engine: Engine) -> tuple[str, str]:
    """Two repositories with the same links, made by a commit; then a revision changed some of their places.

    In the first one CTRL's link became stale and STATUS was derived again; the second one is not mapped anew yet.
    """
    with writing(engine) as conn:
        sheets.write_sheet(conn, sheet(OLD, "A"), source_id="s", released_at=1.0, read_at=1.0, seconds=0, current=False)
        sheets.write_sheet(conn, sheet(NEW, "B"), source_id="s", released_at=2.0, read_at=2.0, seconds=0, current=True)
        sheets.write_sheet_changes(conn, "ab12", OLD, NEW, CHANGES)
        first, second = (sources.add_repository(conn, url=url, now=1.0).repo_id for url in ("/one", "/two"))
        turns = [LinkTurn(stored=StoredLink(link=each, state="new"), cause=BY_COMMIT, detail="first") for each in LINKS]
        write_turns(conn, first, turns, 1.0)
        other = [dataclasses.replace(each, link_id=f"x{each.link_id}") for each in LINKS]
        turns = [LinkTurn(stored=StoredLink(link=each, state="new"), cause=BY_COMMIT, detail="first") for each in other]
        write_turns(conn, second, turns, 1.0)
        replace_conflicts(conn, first, [conflict("cf_a")], BY_COMMIT)
        turns = [
            LinkTurn(stored=StoredLink(link=LINKS[0], state="stale"), cause=BY_SHEET, detail="evidence gone"),
            LinkTurn(stored=StoredLink(link=LINKS[6], state="kept"), cause=BY_SHEET, detail="derived again"),
        ]
        write_turns(conn, first, turns, 2.0)
        replace_conflicts(conn, first, [conflict("cf_b")], BY_SHEET)
        record_commit(conn, applied(first))
    return first, second


def applied(repo_id: str, commit: str = COMMIT) -> AppliedCommit:
    return AppliedCommit(
        event_id=f"{repo_id}{commit}",
        repo_id=repo_id,
        commit_id=commit,
        base=None,
        summary="Add driver",
        commit_time=1.0,
        applied_at=1.5,
        files_changed=1,
        files_parsed=1,
        symbols_changed=2,
        seconds=0.1,
    )


def test_a_revision_names_the_links_at_what_it_changed(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """In both repositories, with what differed; a field's change is not its neighbour's; STATUS is confirmed."""
    first, second = repo_ids
    with reading(engine) as conn:
        found = sheet_impact(conn, NEW)

    by_name = {(each.repo_id, each.name): each for each in found.impact.links}
    expected = {"AB_CTRL", "AB_CTRL_EN", "AB_MODE", "AB_EN", "AB_OLD", "ab_start"}
    assert set(by_name) == {(repo, name) for repo in repo_ids for name in expected}
    assert (by_name[first, "AB_CTRL"].happened, by_name[first, "AB_CTRL"].state) == ("stale", "stale")
    assert by_name[second, "AB_CTRL"].happened is None
    assert [each.words for each in by_name[second, "AB_EN"].differences] == ["MODE.EN: bits 0 -> 1"]
    assert [each.words for each in by_name[first, "ab_start"].differences] == ["Start-up/Timing: text changed"]
    assert found.confirmed == 1
    assert (found.sheet.revision, found.before and found.before.revision) == ("B", "A")


def test_the_conflicts_it_opened_and_resolved_are_told_per_repository(
    engine: Engine, repo_ids: tuple[str, str]
) -> None:
    """Both sides are there, and each repository has its numbers."""
    with reading(engine) as conn:
        impact = sheet_impact(conn, NEW).impact

    assert [row.conflict_id for row in impact.opened] == ["cf_b"]
    assert [row.conflict_id for row in impact.resolved] == ["cf_a"]
    one, two = sorted(impact.repositories, key=lambda repository: repository.url)
    assert (one.url, one.symbols, one.happened) == ("/one", 6, {"stale": 1, "unchanged": 5})
    assert (two.url, two.symbols, two.happened) == ("/two", 6, {"unchanged": 6})
    assert (one.conflicts_opened, one.conflicts_resolved, two.conflicts_opened) == (1, 1, 0)


@pytest.mark.parametrize(
    ("register", "names"),
    [
        ("ctrl", {"AB_CTRL", "AB_CTRL_EN"}),
        ("MODE", {"AB_MODE", "AB_EN"}),
        ("newname", {"AB_OLD"}),
        ("STATUS", set()),
    ],
)
def test_one_register_is_asked_for_in_any_case(
    engine: Engine, repo_ids: tuple[str, str], register: str, names: set[str]
) -> None:
    """A register that was renamed has the links of its old name."""
    with reading(engine) as conn:
        found = sheet_impact(conn, NEW, register=register, repo_id=repo_ids[1])

    assert {each.name for each in found.impact.links} == names
    assert {each.repo_id for each in found.impact.links} <= {repo_ids[1]}


def test_a_cut_answer_says_so(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """Nobody takes a part for all."""
    with reading(engine) as conn:
        assert not sheet_impact(conn, NEW).impact.more
        found = commit_impact(conn, COMMIT, limit=3)

    assert found is not None
    assert (len(found.impact.links), found.impact.more) == (3, True)


def test_a_commit_names_the_places_it_touches(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """What its mapping did to links, and links of symbols that it was the last to change."""
    with writing(engine) as conn:
        record_commit(conn, applied(repo_ids[0], "e" * 40))
        row = {"symbol_id": "sym1_AB_STATUS", "repo_id": repo_ids[0], "path": "ab.h", "kind": "macro", "scope": None}
        more = {"name": "AB_STATUS", "line": 1, "end_line": 1, "value": None, "revision": "r", "commit_id": "e" * 40}
        conn.execute(insert(symbols).values({**row, **more}))
        first, last = commit_impact(conn, COMMIT[:8]), commit_impact(conn, "eee", repo_id=repo_ids[0])

    assert first is not None
    assert last is not None
    assert {each.happened for each in first.impact.links} == {"new"}
    assert len(first.impact.links) == 2 * len(LINKS)
    assert [row.conflict_id for row in first.impact.opened] == ["cf_a"]
    assert [(each.place, each.page, each.happened) for each in last.impact.links] == [("STATUS", 7, None)]


def test_an_unknown_or_ambiguous_commit_is_none(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """One that several repositories have is one commit."""
    with writing(engine) as conn:
        record_commit(conn, applied(repo_ids[1]))
        assert commit_impact(conn, "f" * 40) is None
        found = commit_impact(conn, COMMIT)
        record_commit(conn, applied(repo_ids[0], "dd" + "0" * 38))
        assert commit_impact(conn, "dd") is None

    assert found is not None
    assert {row.repo_id for row in found.commits} == set(repo_ids)


def test_a_datasheet_is_found_by_what_people_call_it(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """Family, part and file mean the current release; a digest any; what several have none."""
    with writing(engine) as conn:
        assert {str(getattr(find_sheet(conn, key), "sha256", None)) for key in ("AB12", "ab12.pdf", NEW[:9])} == {NEW}
        assert getattr(find_sheet(conn, OLD[:6]), "sha256", None) == OLD
        assert find_sheet(conn, "zz") is None


def test_causes_are_told_in_words(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """Commit, revision, removal; what the ledger has forgotten is said so."""
    with reading(engine) as conn:
        found = explain_causes(conn, [COMMIT, NEW, repo_ids[0], "gone", None])

    assert found[COMMIT].words == f'commit {COMMIT[:12]} "Add driver"'
    assert (found[NEW].words, found[NEW].time) == ("revision B of ab12.pdf", 2.0)
    assert found[repo_ids[0]].words == "the removal of /one"
    assert found["gone"].kind == "unknown"


def test_a_links_story_has_what_the_revision_changed_at_its_place(engine: Engine, repo_ids: tuple[str, str]) -> None:
    """Register, before and after."""
    with reading(engine) as conn:
        story = link_story(conn, LINKS[0].link_id)
        assert story is not None
        found = differences_of(conn, story)

    assert {key: [each.words for each in value] for key, value in found.items()} == {
        NEW: ["CTRL@0x04: reset 0x0 -> 0x7"]
    }


def test_a_fields_name_may_have_dots() -> None:
    """Then its register is any of the beginnings, and only the whole name counts."""
    change = SheetChangeRow(
        family="f", old_sha256=OLD, new_sha256=NEW, anchor="field/T.CR.A.B", what="reset", old_value="0", new_value="1"
    )

    assert register_names(change) == ("T", "T.CR", "T.CR.A")
    assert Changes([change]).of(register="T.CR", field="A.B", title="")
    assert not Changes([change]).of(register="T.CR", field="A", title="")


@pytest.mark.parametrize(
    ("how", "ids"),
    [
        ({"part": "ab12"}, ["cf_a", "cf_b"]),
        ({"part": "other"}, []),
        ({"kind": "reset", "state": "open"}, ["cf_b"]),
        ({"kind": "address"}, []),
        ({"limit": 1, "offset": 1}, ["cf_b"]),
    ],
)
def test_conflicts_are_narrowed_down(
    engine: Engine, repo_ids: tuple[str, str], how: dict[str, Any], ids: list[str]
) -> None:
    """By part in any case, kind, state, and page by page."""
    with reading(engine) as conn:
        assert [row.conflict_id for row in find_conflicts(conn, **how)] == ids
