"""The life of a link: new, kept, moved, stale, broken, retired, each change with its reason.

`advance` compares what the ledger holds with what a fresh mapping says. Whatever happened before, the live links after
it are exactly the links of the fresh mapping; everything else a link can be says why it is no longer among them.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mapper.model import LIVE_STATES, LinkState, TraceLink
from mapper.model import Mapping as TreeMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class OldLink:
    """A link as the ledger holds it."""

    link_id: str
    symbol_id: str
    anchor_id: str
    revision: str
    state: LinkState
    path: str
    name: str
    """The symbol's name, with or without its scope."""
    kind: str
    page: int
    symbol_revision: str = ""
    line: int | None = None
    """None when the holder does not keep it: then a link that only moved within its file is unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """What happens to one link. link is the fresh link for live states, None for the others."""

    link_id: str
    state: LinkState
    revision: str
    detail: str
    moved_from: str | None = None
    link: TraceLink | None = None


def advance(
    old: Sequence[OldLink],
    new: TreeMapping,
    *,
    renames: Mapping[str, str] | None = None,
    present_symbols: Collection[str] = frozenset(),
    present_anchors: Collection[str] | None = None,
    removed_source: bool = False,
) -> tuple[LinkChange, ...]:
    """Return the changes that bring the old links to a fresh mapping, ordered by link id; unchanged links give none.

    old: every link the ledger knows for the sources at hand, dead ones too. renames: old path -> new path.
    present_symbols and present_anchors: ids that exist now (None: every anchor exists); they tell stale from broken.
    removed_source: the repository or datasheet was removed, so links that are gone are retired.
    """
    before = {link.link_id: link for link in old}
    fresh = {
        link.link_id: link
        for link in sorted(new.links, key=lambda k: (k.link_id, -k.score, k.sheet_sha256), reverse=True)
    }
    moves = _moves(before, fresh, renames or {})
    changes: list[LinkChange] = []
    for identity, link in fresh.items():
        change = _live_change(before.get(identity), link, moves.get(identity))
        if change is not None:
            changes.append(change)
    moved_to = {source: target for target, source in moves.items()}
    for identity, known in before.items():
        if identity not in fresh and known.state in LIVE_STATES:
            changes.append(
                _dead_change(known, moved_to.get(identity), present_symbols, present_anchors, removed=removed_source)
            )
        elif identity not in fresh and removed_source and known.state != "retired":
            changes.append(_change(known, "retired", "its source was removed"))
    return tuple(sorted(changes, key=lambda change: change.link_id))


def _moves(before: Mapping[str, OldLink], fresh: Mapping[str, TraceLink], renames: Mapping[str, str]) -> dict[str, str]:
    """Return fresh link id -> old link id for live links of a renamed path that are derived at the new one."""
    arrived: dict[tuple[str, str, str], list[TraceLink]] = defaultdict(list)
    for identity, link in sorted(fresh.items()):
        if identity not in before or before[identity].state not in LIVE_STATES:
            arrived[link.symbol.path, link.symbol.kind, link.anchor_id].append(link)
    moves: dict[str, str] = {}
    for identity, known in sorted(before.items()):
        if known.state not in LIVE_STATES or identity in fresh or known.path not in renames:
            continue
        for link in arrived[renames[known.path], known.kind, known.anchor_id]:
            if known.name in {link.symbol.name, link.symbol.qualified_name} and link.link_id not in moves:
                moves[link.link_id] = identity
                break
    return moves


def _live_change(known: OldLink | None, link: TraceLink, moved_from: str | None) -> LinkChange | None:
    """Return the change of a link that is derived now, None if nothing about it changed."""
    if moved_from is not None:
        return LinkChange(
            link_id=link.link_id,
            state="moved",
            revision=link.revision,
            detail=f"moved from {moved_from}",
            moved_from=moved_from,
            link=link,
        )
    if known is None:
        return LinkChange(link_id=link.link_id, state="new", revision=link.revision, detail="first seen", link=link)
    if known.state not in LIVE_STATES:
        detail = f"derived again, was {known.state}"
    elif known.revision != link.revision:
        detail = "its symbol, datasheet or rule changed"
    elif known.page != link.anchor.page:
        detail = f"now on page {link.anchor.page}, was on page {known.page}"
    elif known.line is not None and known.line != link.symbol.line:
        detail = f"now at line {link.symbol.line}, was at line {known.line}"
    else:
        return None
    return LinkChange(link_id=link.link_id, state="kept", revision=link.revision, detail=detail, link=link)


def _dead_change(
    known: OldLink,
    moved_to: str | None,
    present_symbols: Collection[str],
    present_anchors: Collection[str] | None,
    *,
    removed: bool,
) -> LinkChange:
    """Return the change of a live link that is not derived any more."""
    if moved_to is not None:
        return _change(known, "retired", f"moved to {moved_to}")
    if removed:
        return _change(known, "retired", "its source was removed")
    if known.symbol_id not in present_symbols:
        return _change(known, "broken", f"{known.name} is no longer in {known.path}")
    if present_anchors is not None and known.anchor_id not in present_anchors:
        return _change(known, "broken", "its place is no longer in the datasheet")
    return _change(known, "stale", "both ends exist, the evidence no longer holds")


def _change(known: OldLink, state: LinkState, detail: str) -> LinkChange:
    return LinkChange(link_id=known.link_id, state=state, revision=known.revision, detail=detail)
