"""Pages that tell what happened and why: a link, conflicts, what a revision or a commit touches, audits."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploy.console.pages import ROWS, Source, page_number
from deploy.console.source_text import code_lines
from streams.auditor import KINDS as AUDIT_KINDS
from streams.auditor import system_audits
from streams.ledger.audits import LEDGER, find_audits
from streams.ledger.causes import explain_causes
from streams.ledger.conflicts import ConflictRow, find_conflicts
from streams.ledger.engine import reading
from streams.ledger.impact import Impact
from streams.ledger.impact import commit_impact as read_commit_impact
from streams.ledger.impact import sheet_impact as read_sheet_impact
from streams.ledger.links import LinkRow, link_story
from streams.ledger.sheets import list_sheets, load_sheet
from streams.ledger.sources import STATES, get_repository, list_repositories
from streams.ledger.story import differences_of

CONFLICT_STATES = ("open", "resolved", "all")
CONFLICT_KINDS = ("address", "width", "access", "reset", "value")
PASSAGE_CHARS = 1500


def link(source: Source, request: Request) -> dict[str, Any]:
    """Return a link with its evidence, both its ends and its history with the causes in words."""
    with reading(source.engine) as conn:
        story = link_story(conn, request.path_params["link_id"])
        if story is None:
            raise HTTPException(404, "no link has this id, or more than one starts so")
        repository = get_repository(conn, story.row.repo_id)
        sheet = load_sheet(conn, story.row.sheet_sha256)
        causes = explain_causes(conn, [row.cause_id for row in story.history])
        differences = differences_of(conn, story)
    return {
        "story": story,
        "repository": repository,
        "sheet": {"file": sheet.file, "title": sheet.title, "revision": sheet.revision},
        "passage": _passage(sheet.pages, sheet.copy_restricted, story.row),
        "code": code_lines(source.home, repository, story.link.symbol),
        "causes": causes,
        "differences": differences,
    }


def conflicts(source: Source, request: Request) -> dict[str, Any]:
    """Return where code and datasheet disagree, as the query asks; open ones if it does not say."""
    asked = _asked(request, "repo", "part", "kind", "state")
    asked["state"] = asked["state"] if asked["state"] in CONFLICT_STATES else "open"
    page = page_number(request)
    with reading(source.engine) as conn:
        rows = find_conflicts(
            conn,
            repo_id=asked["repo"] or None,
            part=asked["part"] or None,
            kind=asked["kind"] or None,
            state=None if asked["state"] == "all" else asked["state"],
            limit=ROWS + 1,
            offset=(page - 1) * ROWS,
        )
        shown = rows[:ROWS]
        causes = _causes(conn, shown)
        repositories = _names(conn)
    return {
        "asked": asked,
        "conflicts": shown,
        "causes": causes,
        "repositories": repositories,
        "states": CONFLICT_STATES,
        "kinds": CONFLICT_KINDS,
        "page": page,
        "more": len(rows) > ROWS,
    }


def sheet_impact(source: Source, request: Request) -> dict[str, Any]:
    """Return what a revision of a datasheet touches; `sha` names the revision, the current one if it does not."""
    family, asked = request.path_params["family"], _asked(request, "sha", "register", "repo")
    with reading(source.engine) as conn:
        releases = list_sheets(conn, current=None, family=family)
        chosen = next((r for r in releases if (r.sha256 == asked["sha"] if asked["sha"] else r.current)), None)
        if chosen is None:
            raise HTTPException(404, "no such revision of a datasheet of this family is known")
        found = read_sheet_impact(
            conn, chosen.sha256, register=asked["register"] or None, repo_id=asked["repo"] or None
        )
        causes = _causes(conn, (*found.impact.opened, *found.impact.resolved))
        repositories = _names(conn)
    return {
        "asked": asked | {"sha": chosen.sha256},
        "releases": releases,
        "found": found,
        "repositories": repositories,
        "causes": causes,
        **_paged(request, found.impact),
    }


def commit(source: Source, request: Request) -> dict[str, Any]:
    """Return a commit, in every repository that has it, with the places of datasheets that it touches."""
    asked = _asked(request, "repo")
    with reading(source.engine) as conn:
        found = read_commit_impact(conn, request.path_params["commit_id"], repo_id=asked["repo"] or None)
        if found is None:
            raise HTTPException(404, "no commit that was applied has this id, or more than one starts so")
        causes = _causes(conn, (*found.impact.opened, *found.impact.resolved))
        repositories = _names(conn)
    places = sorted({(row.sheet_family, row.part, row.page, row.place) for row in found.impact.links})
    return {
        "asked": asked,
        "found": found,
        "repositories": repositories,
        "places": [
            {"family": family, "part": part, "page": page, "place": place} for family, part, page, place in places
        ],
        "causes": causes,
        **_paged(request, found.impact),
    }


def audits(source: Source, request: Request) -> dict[str, Any]:
    """Return how far the audits are, and the newest ones."""
    asked, page = _asked(request, "repo"), page_number(request)
    with reading(source.engine) as conn:
        state = system_audits(conn)
        rows = find_audits(conn, repo_id=asked["repo"] or None, limit=ROWS + 1, offset=(page - 1) * ROWS)
        repositories = _names(conn)
    return {
        "asked": asked,
        "state": state,
        "audits": rows[:ROWS],
        "kinds": AUDIT_KINDS,
        "repositories": repositories | {LEDGER: "shards, samples, PDFs"},
        "page": page,
        "more": len(rows) > ROWS,
    }


def _asked(request: Request, *names: str) -> dict[str, str]:
    return {name: request.query_params.get(name, "").strip() for name in names}


def _paged(request: Request, impact: Impact) -> dict[str, Any]:
    page = page_number(request)
    shown = impact.links[(page - 1) * ROWS : page * ROWS]
    return {"links": shown, "page": page, "more": len(impact.links) > page * ROWS}


def _causes(conn: Connection, rows: Iterable[ConflictRow]) -> dict[str, Any]:
    return dict(explain_causes(conn, [by for row in rows for by in (row.opened_by, row.resolved_by)]))


def _names(conn: Connection) -> dict[str, str]:
    return {found.repo_id: found.url for found in list_repositories(conn, STATES)}


def _passage(pages: tuple[str, ...], copy_restricted: bool, row: LinkRow) -> str:
    """Return the page's text from where the register or title stands; nothing of a copy-restricted PDF."""
    if copy_restricted or not 0 < row.page <= len(pages):
        return ""
    text = pages[row.page - 1]
    lowered = text.lower()
    marks = [lowered.find(mark.lower()) for mark in (row.field, row.register, row.anchor_title) if mark]
    start = min((mark for mark in marks if mark >= 0), default=0)
    start = text.rfind("\n", 0, start) + 1
    return text[start : start + PASSAGE_CHARS]
