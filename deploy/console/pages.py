"""What each page shows: from a request to a dictionary of values for a template or for JSON."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request

from deploy.local.state import system_state
from eval.registry import Registry
from eval.result import list_results, read_result
from mapper.model import LIVE_STATES, LinkState
from streams.ledger.costs import recent_costs
from streams.ledger.coverage import coverage
from streams.ledger.engine import reading
from streams.ledger.links import LinkRow, find_links
from streams.ledger.sheets import find_sheet_changes, list_sheets, load_sheet
from streams.ledger.sources import list_repositories, list_sheet_sources
from streams.ledger.symbols import recent_commits
from trainer.errors import CheckpointError
from trainer.manifest import checkpoint_digest, list_checkpoints, read_manifest

ROWS = 200
PAGE_LINKS = 1000  # of a repository's or a datasheet's page; the rest is behind /links
FILE_ROWS = 2000
MAX_CHANGES = 500
MAX_PAGE = 100_000
MEASURES = ("perplexity", "top1", "c_token_accuracy", "exact_match")
LINK_STATES: tuple[LinkState, ...] = ("new", "kept", "moved", "stale", "broken", "retired")


@dataclass(frozen=True, slots=True)
class Source:
    """Where pages get their data."""

    home: Path
    engine: Engine


def state(source: Source, _request: Request) -> dict[str, Any]:
    """Return processes, lag, freshness, counts, sources and the newest commits."""
    with reading(source.engine) as conn:
        repositories = list_repositories(conn)
        sources = list_sheet_sources(conn)
        commits = recent_commits(conn, limit=15)
    system = system_state(source.home)
    by_state = system.counts.links if system.counts else {}
    names = {repository.repo_id: _short(repository.url) for repository in repositories}
    return {
        "system": system,
        "live_links": sum(number for state, number in by_state.items() if state in LIVE_STATES),
        "repositories": repositories,
        "sheet_sources": sources,
        "commits": commits,
        "names": names,
    }


def links(source: Source, request: Request) -> dict[str, Any]:
    """Return the links that the query asks for."""
    asked = {
        name: request.query_params.get(name, "").strip() for name in ("symbol", "path", "part", "register", "state")
    }
    after = request.query_params.get("after", "").strip() or None
    wanted: dict[str, Any] = {name: value or None for name, value in asked.items()}
    with reading(source.engine) as conn:
        rows = find_links(conn, **wanted, limit=ROWS + 1, after=after)
    following = rows[ROWS - 1].link_id if len(rows) > ROWS else None
    return {"asked": asked, "links": rows[:ROWS], "after": after, "next": following, "states": LINK_STATES}


def repository(source: Source, request: Request) -> dict[str, Any]:
    """Return a repository's files with their live links, its newest commits, and what its last events cost."""
    with reading(source.engine) as conn:
        found = next((r for r in list_repositories(conn) if r.repo_id == request.path_params["repo_id"]), None)
        if found is None:
            raise HTTPException(404, "no repository has this id")
        page = page_number(request)
        rows = find_links(conn, repo_id=found.repo_id, limit=FILE_ROWS + 1, offset=(page - 1) * FILE_ROWS)
        commits = recent_commits(conn, repo_id=found.repo_id, limit=50)
        costs = recent_costs(conn, repo_id=found.repo_id, limit=20)
    by_path: dict[str, list[LinkRow]] = defaultdict(list)
    for row in rows[:FILE_ROWS]:
        by_path[row.path].append(row)
    more = len(rows) > FILE_ROWS
    files = dict(by_path)
    return {"repository": found, "files": files, "commits": commits, "costs": costs, "page": page, "more": more}


def sheets(source: Source, _request: Request) -> dict[str, Any]:
    """Return every current datasheet with how much of it code is linked to."""
    with reading(source.engine) as conn:
        return {"coverage": coverage(conn), "sheets": {sheet.family: sheet for sheet in list_sheets(conn)}}


def sheet(source: Source, request: Request) -> dict[str, Any]:
    """Return a datasheet's registers with the symbols linked to each, and what its last revision changed."""
    family = request.path_params["family"]
    with reading(source.engine) as conn:
        releases = list_sheets(conn, current=None, family=family)
        current = next((release for release in releases if release.current), None)
        if current is None:
            raise HTTPException(404, "no datasheet of this family is known")
        content = load_sheet(conn, current.sha256)
        rows = find_links(conn, sheet_family=family, limit=PAGE_LINKS)
        changes = find_sheet_changes(conn, family=family, limit=MAX_CHANGES + 1)
    by_register: dict[str, list[LinkRow]] = defaultdict(list)
    for row in rows:
        by_register[row.register or ""].append(row)
    return {
        "sheet": current,
        "releases": releases,
        "registers": content.registers,
        "sections": [
            {"title": s.title, "number": s.number, "level": s.level, "page": s.page} for s in content.sections
        ],
        "by_register": {name: _best_of_each_symbol(found) for name, found in by_register.items()},
        "changes": changes[:MAX_CHANGES],
        "more_changes": len(changes) > MAX_CHANGES,
    }


def checkpoints(source: Source, _request: Request) -> dict[str, Any]:
    """Return checkpoints and releases with their scores."""
    results = [read_result(path) for path in list_results(source.home / "results")]
    scores = {result.model.digest: _scores(result) for result in results if result.model.kind == "checkpoint"}
    base = next((_scores(result) for result in results if result.model.kind == "base"), None)
    rows: list[dict[str, Any]] = []
    for path in reversed(list_checkpoints(source.home / "checkpoints")):
        try:
            manifest, digest = read_manifest(path), checkpoint_digest(path)
        except CheckpointError as error:
            rows.append({"name": path.name, "problem": str(error)})
            continue
        rows.append(
            {
                "name": path.name,
                "digest": digest,
                "step": manifest.step,
                "tokens_seen": manifest.tokens_seen,
                "created_at": manifest.created_at,
                "newest_event_time": manifest.data.newest_event_time,
                "loss": manifest.loss,
                "scores": scores.get(digest),
            }
        )
    registry = Registry(source.home / "releases").state()
    return {"base": base, "checkpoints": rows, "registry": registry, "measures": MEASURES}


def _scores(result: Any) -> Mapping[str, float | None]:
    found = {measure: result.score("macro", measure) for measure in MEASURES}
    return {measure: score.value if score else None for measure, score in found.items()}


def _best_of_each_symbol(rows: list[LinkRow]) -> list[LinkRow]:
    """Return one link a symbol, the best: a register's page lists each symbol once."""
    best: dict[str, LinkRow] = {}
    for row in rows:
        if row.symbol_id not in best or row.score > best[row.symbol_id].score:
            best[row.symbol_id] = row
    return sorted(best.values(), key=lambda row: (row.path, row.line))


def page_number(request: Request) -> int:
    """Return the page of a long list that is asked for, from 1."""
    asked = request.query_params.get("page", "1")
    return min(MAX_PAGE, max(1, int(asked))) if asked.isdecimal() and len(asked) < 10 else 1


def _short(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").rpartition("/")[2]
