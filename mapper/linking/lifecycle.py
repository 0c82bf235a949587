"""The life of a link: new, kept, moved, stale, broken, retired, each change with its reason.

`advance` compares what the ledger holds with what a fresh mapping says. Whatever happened before, the live links after
it are exactly the links of the fresh mapping; everything else a link can be says why it is no longer among them.
A link of which only the datasheet's release has changed, but neither its place nor its symbol, has no change to tell.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mapper.linking.differences import anchor_differences, place_names, rule_differences, symbol_differences
from mapper.linking.moves import find_moves
from mapper.model import LIVE_STATES, LinkState, SymbolNow, TraceLink
from mapper.model import Mapping as TreeMapping

End = Literal["symbol", "anchor", "tree", "source"]
"""What brought a change: one end of the link, something else in the tree, or the removal of its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldLink:
    """A link as the ledger holds it."""

    link: TraceLink
    state: LinkState


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """What happens to one link. link is the fresh link for live states, None for the others."""

    link_id: str
    state: LinkState
    revision: str
    detail: str
    end: End = "tree"
    moved_from: str | None = None
    link: TraceLink | None = None


def advance(
    old: Sequence[OldLink],
    new: TreeMapping,
    *,
    renames: Mapping[str, str] | None = None,
    present_symbols: Mapping[str, SymbolNow] | None = None,
    absent_anchors: Collection[str] = frozenset(),
    sheet_changes: Mapping[str, Sequence[str]] | None = None,
    removed_source: bool = False,
) -> tuple[LinkChange, ...]:
    """Return the changes that bring the old links to a fresh mapping, ordered by link id; unchanged links give none.

    old: every link the ledger knows for the sources at hand, dead ones too; those that are live and equal in new may be
    left out of both. renames: old path -> new path. present_symbols: those of links that are derived no more, if they
    exist; absent_anchors: ids that the datasheet has no place for any more. They tell stale from broken.
    sheet_changes: what differs between the datasheet releases of old and new, in words, by place (place_names).
    removed_source: the repository or datasheet was removed, so links that are gone are retired.
    """
    before = {known.link.link_id: known for known in old}
    fresh = {
        link.link_id: link
        for link in sorted(new.links, key=lambda k: (k.link_id, -k.score, k.sheet_sha256), reverse=True)
    }
    present, said = present_symbols or {}, sheet_changes or {}
    gone = [known.link for key, known in sorted(before.items()) if key not in fresh and known.state in LIVE_STATES]
    arrived = [link for key, link in sorted(fresh.items()) if key not in before or before[key].state not in LIVE_STATES]
    moves = {} if removed_source else find_moves(gone, arrived, renames or {}, present)
    changes: list[LinkChange] = []
    for identity, link in fresh.items():
        source = moves.get(identity)
        change = _moved(source, link) if source else _live_change(before.get(identity), link, said)
        if change is not None:
            changes.append(change)
    moved_to = {source.link_id: fresh[target] for target, source in moves.items()}
    for identity, known in before.items():
        if identity in fresh:
            continue
        if removed_source and known.state != "retired":
            changes.append(_dead(known.link, "retired", "its source was removed", "source"))
        elif known.state in LIVE_STATES:
            changes.append(_dead_change(known.link, moved_to.get(identity), present, absent_anchors, said))
    return tuple(sorted(changes, key=lambda change: change.link_id))


def _moved(source: TraceLink, link: TraceLink) -> LinkChange:
    here, there = source.symbol, link.symbol
    told = [f"moved from {here.path}"] if here.path != there.path else []
    if here.qualified_name != there.qualified_name:
        told.append(f"renamed from {here.qualified_name}")
    told += symbol_differences(here, there)
    end: End = "symbol" if told else "anchor"
    told += anchor_differences(source.anchor, link.anchor)
    if source.anchor.path != link.anchor.path:
        told.append(f"was in {' > '.join(source.anchor.path)}")
    return _live(link, "moved", f"{'; '.join(told)} ({source.link_id})", end, moved_from=source.link_id)


def _live_change(known: OldLink | None, link: TraceLink, said: Mapping[str, Sequence[str]]) -> LinkChange | None:
    """Return the change of a link that is derived now, None if nothing about it changed."""
    if known is None:
        return _live(link, "new", f"first seen, by {link.method}", "tree")
    old = known.link
    symbol = symbol_differences(old.symbol, link.symbol)
    anchor = [*anchor_differences(old.anchor, link.anchor), *_said(link, old, said)]
    rule = rule_differences(old, link)
    if known.state not in LIVE_STATES:
        told = [f"derived again, was {known.state}", *symbol, *anchor]
    else:
        told = [*symbol, *anchor, *rule]
    if not told:
        return None
    return _live(link, "kept", "; ".join(told), "symbol" if symbol else "anchor" if anchor else "tree")


def _dead_change(
    old: TraceLink,
    moved_to: TraceLink | None,
    present: Mapping[str, SymbolNow],
    absent_anchors: Collection[str],
    said: Mapping[str, Sequence[str]],
) -> LinkChange:
    """Return the change of a live link that is not derived any more."""
    symbol, anchor = old.symbol, old.anchor
    if moved_to is not None:
        is_place = moved_to.symbol_id == old.symbol_id
        where = f"{moved_to.symbol.qualified_name} in {moved_to.symbol.path}"
        what = "its place moved" if is_place else f"moved to {where}"
        return _dead(old, "retired", f"{what} ({moved_to.link_id})", "anchor" if is_place else "symbol")
    now = present.get(old.symbol_id)
    if now is None:
        return _dead(old, "broken", f"{symbol.qualified_name} is no longer in {symbol.path}", "symbol")
    told = _said(old, None, said)
    if old.anchor_id in absent_anchors:
        name = ".".join(word for word in (anchor.register, anchor.field) if word) or anchor.title
        return _dead(old, "broken", "; ".join([f"{anchor.kind} {name} is no longer in the datasheet", *told]), "anchor")
    if now.revision != symbol.revision:
        is_value = symbol.value != now.value and None not in (symbol.value, now.value)
        what = f"value {symbol.value:#x} -> {now.value:#x}" if is_value else f"{symbol.qualified_name} was edited"
        return _dead(old, "stale", "; ".join([what, *told, "the evidence no longer holds"]), "symbol")
    if told:
        return _dead(old, "stale", "; ".join([*told, "the evidence no longer holds"]), "anchor")
    return _dead(old, "stale", "both ends exist, the evidence no longer holds", "tree")


def _said(link: TraceLink, old: TraceLink | None, said: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what the datasheet's release says of a link's place, if it is another release than before."""
    if old is not None and old.sheet_sha256 == link.sheet_sha256:
        return []
    return [text for name in place_names(link.anchor) for text in said.get(name, ())]


def _live(link: TraceLink, state: LinkState, detail: str, end: End, *, moved_from: str | None = None) -> LinkChange:
    return LinkChange(
        link_id=link.link_id,
        state=state,
        revision=link.revision,
        detail=detail,
        end=end,
        moved_from=moved_from,
        link=link,
    )


def _dead(old: TraceLink, state: LinkState, detail: str, end: End) -> LinkChange:
    return LinkChange(link_id=old.link_id, state=state, revision=old.revision, detail=detail, end=end)
