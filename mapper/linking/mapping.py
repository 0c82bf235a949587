"""One tree and some datasheets in, all three levels of links out."""

import logging
from collections.abc import Sequence

from mapper.linking.conflicts import find_conflicts
from mapper.linking.files import rank_files, sheet_parts
from mapper.linking.pages import rank_pages
from mapper.linking.questions import LanguageModel, Policy
from mapper.linking.symbols import link_symbols
from mapper.linking.targets import SheetIndex
from mapper.linking.tier import ModelTier
from mapper.linking.tree import TreeIndex
from mapper.model import Conflict, Datasheet, FileRelevance, Mapping, SourceFile, TraceLink

logger = logging.getLogger(__name__)


def map_tree(
    files: Sequence[SourceFile],
    sheets: Sequence[Datasheet],
    *,
    repo_family: str,
    pinned_parts: Sequence[str] = (),
    model: LanguageModel | None = None,
    policy: Policy = "none",
) -> Mapping:
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
    tree = TreeIndex(files)
    tier = ModelTier(model, policy)
    relevances: list[FileRelevance] = []
    links: list[TraceLink] = []
    conflicts: list[Conflict] = []
    pages: list[FileRelevance] = []
    for sheet in sorted({sheet.sha256: sheet for sheet in sheets}.values(), key=lambda s: (s.family, s.file, s.sha256)):
        index = SheetIndex(sheet)
        ranked = tier.files(tree, index, rank_files(tree, index, pinned_parts=pinned_parts))
        relevances += ranked
        accepted = sorted(relevance.path for relevance in ranked if relevance.accepted)
        logger.info("level 2: sheet=%s files=%d accepted=%d", sheet.file, len(files), len(accepted))
        ground, found = link_symbols(tree, index, accepted, sheet_parts(sheet), repo_family=repo_family)
        found = tier.links(ground, ranked, found, repo_family=repo_family)
        links += found
        pages += rank_pages(ground, found, [relevance for relevance in ranked if relevance.accepted])
        conflicts += find_conflicts(ground, repo_family=repo_family)
    links.sort(
        key=lambda k: (
            k.symbol.path,
            k.symbol.line,
            k.symbol.qualified_name,
            k.sheet_family,
            k.sheet_file,
            k.rank,
            k.link_id,
        )
    )
    conflicts.sort(key=lambda c: (c.symbol.path, c.symbol.line, c.kind, c.conflict_id, c.sheet_sha256))
    relevances.sort(key=lambda r: (r.sheet_family, r.sheet_file, r.sheet_sha256, r.rank, r.path))
    return Mapping(files=tuple(relevances), links=tuple(links), conflicts=tuple(conflicts), pages=tuple(pages))
