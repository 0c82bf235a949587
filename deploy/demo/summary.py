"""What the demo came to, read from the ledger and the folders it left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.demo.play import Played
from deploy.demo.truth_check import TruthCheck, check_truth
from mapper.model import LIVE_STATES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from eval.result import Result

NUM_EXAMPLES = 8
MEASURES = ("perplexity", "top1", "c_token_accuracy", "exact_match")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A link in words: what the datasheet specifies, and where the code implements it."""

    part: str
    anchor: str
    page: int
    symbol: str
    where: str
    link_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictExample:
    """A disagreement in words."""

    kind: str
    where: str
    code: str
    sheet: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The demo's result."""

    home: str
    commits: int
    datasheet_releases: int
    symbols: int
    links: Mapping[str, int]
    examples: tuple[Example, ...]
    conflicts: tuple[ConflictExample, ...]
    """The first of them, open ones before resolved ones."""
    conflicts_open: int
    conflicts_resolved: int
    truth: TruthCheck
    samples: Mapping[str, int]
    shards: int
    drops: Mapping[str, int]
    steps: int
    tokens_trained: int
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    perplexity: Mapping[str, tuple[float | None, float | None]]
    """Before and after, by slice."""
    released: bool
    reasons: tuple[str, ...]
    release: str | None
    seconds: Mapping[str, float]


def summarise(played: Played) -> Summary:
    """Return the summary of a finished demo."""
    from eval.registry import LATEST, Registry
    from eval.result import list_results, read_result
    from streams.config import StreamsSettings
    from streams.ledger.conflicts import find_conflicts
    from streams.ledger.engine import open_ledger, reading
    from streams.ledger.samples import count_drops
    from trainer.manifest import checkpoint_digest, list_checkpoints, read_manifest

    home = played.home
    newest = list_checkpoints(home / "checkpoints")[-1]
    manifest, digest = read_manifest(newest), checkpoint_digest(newest)
    results = [read_result(path) for path in list_results(home / "results")]
    base = next(result for result in results if result.model.kind == "base")
    trained = next(result for result in results if result.model.digest == digest)
    assert trained.decision is not None
    registry = Registry(home / "releases")
    release = str(registry.path(LATEST)) if LATEST in registry.state().aliases else None
    engine = open_ledger(StreamsSettings(home=home).database_url)
    with reading(engine) as conn:
        conflicts = find_conflicts(conn)
        drops = {f"{stage}: {reason}": number for (stage, reason), number in count_drops(conn).items()}
        examples = _examples(conn)
        truth = check_truth(conn, played.vendor)
    engine.dispose()
    counts = played.state.counts
    assert counts is not None
    shown = sorted(conflicts, key=lambda conflict: (conflict.state != "open", conflict.path, conflict.line))
    return Summary(
        home=str(home),
        commits=counts.commits,
        datasheet_releases=counts.releases,
        symbols=counts.symbols,
        links=counts.links,
        examples=examples,
        conflicts=tuple(
            ConflictExample(
                kind=conflict.kind,
                where=f"{conflict.path}:{conflict.line} {conflict.name}",
                code=conflict.code_value,
                sheet=f"{conflict.sheet_value} ({conflict.part}, page {conflict.page})",
                state=conflict.state,
            )
            for conflict in shown[:NUM_EXAMPLES]
        ),
        conflicts_open=counts.conflicts_open,
        conflicts_resolved=counts.conflicts_resolved,
        truth=truth,
        samples=counts.samples,
        shards=counts.shards,
        drops=drops,
        steps=manifest.step,
        tokens_trained=manifest.tokens_seen,
        before={measure: _value(base, measure) for measure in MEASURES},
        after={measure: _value(trained, measure) for measure in MEASURES},
        perplexity={
            slice_: (_value(base, "perplexity", slice_), _value(trained, "perplexity", slice_))
            for slice_ in ("in_domain", "held_out")
        },
        released=trained.decision.released,
        reasons=trained.decision.reasons,
        release=release,
        seconds=played.seconds,
    )


def _examples(conn: "Connection") -> tuple[Example, ...]:
    """Return some good links of different kinds, files and parts."""
    from streams.ledger.links import find_links

    rows = find_links(conn, limit=10_000)
    chosen, seen = [], set[tuple[str, str]]()
    for row in sorted(rows, key=lambda row: -row.score):
        mark = (row.part, row.kind)
        if row.state not in LIVE_STATES or mark in seen:
            continue
        seen.add(mark)
        register = f"{row.register}.{row.field}" if row.field else row.register
        where = f"{row.path}:{row.line}"
        chosen.append(
            Example(
                part=row.part,
                anchor=register or row.anchor_title,
                page=row.page,
                symbol=f"{row.kind} {row.name}",
                where=where,
                link_id=row.link_id,
            )
        )
    return tuple(chosen[:NUM_EXAMPLES])


def _value(result: "Result", measure: str, slice_: str = "all") -> float | None:
    score = result.score("macro", measure, slice_)
    return score.value if score else None
