"""One tree and some datasheets in, all three levels of links out; at once, or anew only where a change matters."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from mapper.linking.alignment.conflicts import find_conflicts
from mapper.linking.alignment.symbols import link_symbols
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.asking.questions import LanguageModel, Policy
from mapper.linking.asking.tier import ModelTier
from mapper.linking.index.reads import Notes, notes_of, reads_of
from mapper.linking.index.state import TreeState
from mapper.linking.index.tree import TreeIndex
from mapper.linking.relevance.files import rank_files, sheet_parts
from mapper.linking.relevance.pages import rank_pages
from mapper.model import Conflict, Datasheet, FileRelevance, SourceFile, TraceLink
from mapper.model import Mapping as TreeMapping

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a decision about one datasheet rests on: its files, and what was read of the tree at each level.

    It is all that must be kept to say later whether the decision still holds.
    """

    files: tuple[FileRelevance, ...]
    files_read: Notes
    links_read: Notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Grounds):
    """What was decided about one datasheet, with its grounds."""

    links: tuple[TraceLink, ...]
    conflicts: tuple[Conflict, ...]
    pages: tuple[FileRelevance, ...]

    @property
    def grounds(self) -> Grounds:
        """Return the grounds alone."""
        return Grounds(files=self.files, files_read=self.files_read, links_read=self.links_read)


Known = TypeVar("Known", bound=Grounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remapped:
    """A mapping, the decisions it is made of, and how many of them were taken anew at levels 2 and 3."""

    mapping: TreeMapping
    decisions: Mapping[str, Decision]
    num_files_decided: int
    num_links_decided: int


def map_tree(
    files: Sequence[SourceFile],
    sheets: Sequence[Datasheet],
    *,
    repo_family: str,
    pinned_parts: Sequence[str] = (),
    model: LanguageModel | None = None,
    policy: Policy = "none",
) -> TreeMapping:
    """Return the relevant files, the trace links and the conflicts of a tree and its datasheets, in canonical order.

    A function of its arguments' values alone: the order of files and sheets does not matter. pinned_parts are parts
    that a person says this tree implements; they help weak evidence, they make none.
    policy says what a language model is asked about; without a model that is only marked as undecided.

    >>> from mapper import Datasheet, map_tree, parse_file
    >>> from mapper.model import Register
    >>> sheet = Datasheet(
    ...     sha256="00" * 32, file="ab1234.pdf", title="AB1234", parts=("AB1234",), family="ab1234", revision="A",
    ...     num_pages=12, sections=(), registers=(Register(name="CTRL", address=0x04, page=9),),
    ... )
    >>> file = parse_file("src/ab1234.h", b"#define AB1234_REG_CTRL 0x04")
    >>> mapping = map_tree([file], [sheet], repo_family="ab1234-driver")
    >>> [(link.symbol.name, link.anchor.register, link.anchor.page) for link in mapping.links]
    [('AB1234_REG_CTRL', 'CTRL', 9)]
    """
    tree = TreeIndex.of(files)
    unique = {sheet.sha256: sheet for sheet in sheets}
    tier = ModelTier(model, policy)
    nothing: Decision | None = None
    return gathered(_decide(tree, sheet, repo_family, pinned_parts, tier, old=nothing) for sheet in unique.values())


def remap_tree(
    state: TreeState,
    load: Callable[[str], SourceFile],
    sheets: Mapping[str, Callable[[], Datasheet]],
    *,
    repo_family: str,
    pinned_parts: Sequence[str] = (),
    before: Mapping[str, Decision],
    model: LanguageModel | None = None,
    policy: Policy = "none",
) -> Remapped:
    """Return the mapping of a tree's state: equal to map_tree of its files, whatever decisions were taken before.

    load gives a file of the tree as parsed; sheets are by a key that stands for their content, read only where needed.
    A decision in before, under the same key, is kept where all that it read of its tree is the same in this one. It
    must have been taken by this version of the mapper, for the same repository, pinned parts and policy. Where a model
    takes part none is kept: its answers are the model's to remember.
    """
    tree = TreeIndex(state, load)
    known = before if model is None else {}
    decisions = dict(
        renew(
            tree, sheets, repo_family=repo_family, pinned_parts=pinned_parts, before=known, model=model, policy=policy
        )
    )
    return Remapped(
        mapping=gathered(decisions.values()),
        decisions=decisions,
        num_files_decided=sum(
            key not in known or decision.files_read is not known[key].files_read for key, decision in decisions.items()
        ),
        num_links_decided=sum(
            key not in known or decision.links_read is not known[key].links_read for key, decision in decisions.items()
        ),
    )


def renew(
    tree: TreeIndex,
    sheets: Mapping[str, Callable[[], Datasheet]],
    *,
    repo_family: str,
    pinned_parts: Sequence[str] = (),
    before: Mapping[str, Known],
    model: LanguageModel | None = None,
    policy: Policy = "none",
) -> Iterator[tuple[str, Known | Decision]]:
    """Yield for each datasheet, by key, its decision in this tree.

    That is the value of before itself where all holds; a copy of it with other files where only these were decided
    anew (links_read is the same object then); a Decision where the links were.
    """
    tier = ModelTier(model, policy)
    for key, read_sheet in sorted(sheets.items()):
        old = before.get(key)
        keeps_files = old is not None and tree.still_holds(reads_of(old.files_read))
        if old is not None and keeps_files and tree.still_holds(reads_of(old.links_read)):
            yield key, old
        else:
            yield key, _decide(tree, read_sheet(), repo_family, pinned_parts, tier, old=old, keeps_files=keeps_files)


def gathered(decisions: Iterable[Decision]) -> TreeMapping:
    """Return decisions about different datasheets as one mapping, in canonical order."""
    kept = list(decisions)
    return TreeMapping(
        files=tuple(
            sorted(
                (relevance for decision in kept for relevance in decision.files),
                key=lambda r: (r.sheet_family, r.sheet_file, r.sheet_sha256, r.rank, r.path),
            )
        ),
        links=tuple(sorted((link for decision in kept for link in decision.links), key=_link_order)),
        conflicts=tuple(
            sorted(
                (conflict for decision in kept for conflict in decision.conflicts),
                key=lambda c: (c.symbol.path, c.symbol.line, c.kind, c.conflict_id, c.sheet_sha256),
            )
        ),
        pages=tuple(
            sorted(
                (page for decision in kept for page in decision.pages),
                key=lambda p: (p.sheet_family, p.sheet_file, p.sheet_sha256),  # within a datasheet as ranked
            )
        ),
    )


def _decide(
    tree: TreeIndex,
    sheet: Datasheet,
    repo_family: str,
    pinned_parts: Sequence[str],
    tier: ModelTier,
    *,
    old: Known | None,
    keeps_files: bool = False,
) -> Known | Decision:
    """Return the decision about a datasheet; of an old one those levels are kept that hold in this tree."""
    index = SheetIndex(sheet)
    if old is not None and keeps_files:
        files, files_read = old.files, old.files_read
    else:
        reads = tree.noting()
        files = tier.files(tree, index, rank_files(tree, index, pinned_parts=pinned_parts))
        files_read = notes_of(reads)
    accepted = _accepted(files)
    paths = sorted(relevance.path for relevance in accepted)
    logger.info("level 2: sheet=%s files=%d accepted=%d", sheet.file, len(tree.by_path), len(accepted))
    is_same_set = old is not None and not keeps_files and accepted == _accepted(old.files)
    if old is not None and is_same_set and tree.still_holds(reads_of(old.links_read)):
        return replace(old, files=files, files_read=files_read)
    reads = tree.noting()
    ground, links = link_symbols(tree, index, paths, sheet_parts(sheet), repo_family=repo_family)
    links = tier.links(ground, files, links, repo_family=repo_family)
    pages = rank_pages(ground, links, accepted)
    conflicts = find_conflicts(ground, repo_family=repo_family)
    return Decision(
        files=files,
        files_read=files_read,
        links=links,
        conflicts=conflicts,
        pages=tuple(pages),
        links_read=notes_of(reads),
    )


def _accepted(files: Iterable[FileRelevance]) -> list[FileRelevance]:
    return [relevance for relevance in files if relevance.accepted]


def _link_order(link: TraceLink) -> tuple[object, ...]:
    symbol = link.symbol
    return (
        symbol.path,
        symbol.line,
        symbol.qualified_name,
        link.sheet_family,
        link.sheet_file,
        link.rank,
        link.link_id,
        link.sheet_sha256,
    )
