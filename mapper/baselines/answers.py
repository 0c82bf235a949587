"""The answers of baselines, as file relevances and trace links of the same shape as the mapper's own.

A ranking has no threshold: the first num_accepted files are the answer set, and every symbol is linked to one page.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from mapper.baselines.lexical import Ranker
from mapper.baselines.partnumber import score_by_part
from mapper.baselines.texts import TextIndex
from mapper.code.tree import role_of
from mapper.ids import anchor_id, link_id, link_revision, symbol_id
from mapper.linking.index.structure import ANSWER_ROLES
from mapper.model import Anchor, Datasheet, Evidence, FileRelevance, Symbol, TraceLink

if TYPE_CHECKING:
    import numpy as np

MAX_RANKED = 20
"""Files written a datasheet, unless more are accepted."""

Query = Literal["whole", "page1"]


def rank_files_by_text(
    index: TextIndex,
    ranker: Ranker,
    sheet: Datasheet,
    *,
    method: str,
    query: Query = "whole",
    by_role: bool = False,
    num_accepted: int = 1,
) -> tuple[FileRelevance, ...]:
    """Return the files of an index by their score for a datasheet's text, best first; ties as the index has them.

    by_role leaves out tests, examples and documents.
    """
    text = "\n".join(sheet.pages) if query == "whole" else "".join(sheet.pages[:1])
    return _relevances(index, ranker(text), sheet, method, by_role=by_role, num_accepted=num_accepted)


def rank_files_by_part(
    index: TextIndex, sheet: Datasheet, *, by_role: bool = False, num_accepted: int = 1
) -> tuple[FileRelevance, ...]:
    """Return the files of an index that have a part number of a datasheet in path or text, best first."""
    scores = score_by_part(index, sheet.parts)
    return _relevances(index, scores, sheet, "partnumber", by_role=by_role, num_accepted=num_accepted)


def link_symbols_by_text(
    ranker: Ranker, sheet: Datasheet, symbols: Iterable[Symbol], *, method: str, repo_family: str
) -> tuple[TraceLink, ...]:
    """Return one link a symbol, to the page whose text is closest to its name; ranker is over the datasheet's pages."""
    links = []
    for symbol in symbols:
        scores = ranker(symbol.name)
        if len(scores) == 0:
            continue
        page = int(scores.argmax()) + 1
        links.append(_link(sheet, symbol, page, float(scores[page - 1]), method, repo_family))
    return tuple(links)


def page_index(sheet: Datasheet) -> TextIndex:
    """Return the pages of a datasheet as texts."""
    return TextIndex(("", page) for page in sheet.pages)


def _relevances(
    index: TextIndex, scores: "np.ndarray", sheet: Datasheet, method: str, *, by_role: bool, num_accepted: int
) -> tuple[FileRelevance, ...]:
    """Return the best files as relevances; scores are shares of the best one."""
    best = max(float(scores.max(initial=0.0)), 1e-12)
    wanted = max(MAX_RANKED, num_accepted)
    rows: list[int] = []
    for row in map(int, (-scores).argsort(kind="stable")):
        if scores[row] <= 0 or len(rows) == wanted:
            break
        if not by_role or role_of(index.names[row]) in ANSWER_ROLES:
            rows.append(row)
    return tuple(
        FileRelevance(
            sheet_sha256=sheet.sha256,
            sheet_file=sheet.file,
            sheet_family=sheet.family,
            part=sheet.parts[0] if sheet.parts else "",
            path=index.names[row],
            rank=rank,
            score=round(float(scores[row]) / best, 4),
            accepted=rank <= num_accepted,
            evidence=(Evidence(rule=method, detail="share of the best score", weight=round(float(scores[row]), 4)),),
        )
        for rank, row in enumerate(rows, start=1)
    )


def _link(sheet: Datasheet, symbol: Symbol, page: int, score: float, method: str, repo_family: str) -> TraceLink:
    anchor = _page_anchor(sheet, page)
    own_id = symbol_id(repo_family, symbol.path, symbol.kind, symbol.qualified_name)
    target = anchor_id(sheet.family, anchor)
    link = link_id(own_id, target)
    return TraceLink(
        link_id=link,
        revision=link_revision(link, symbol.revision, sheet.sha256, method),
        sheet_sha256=sheet.sha256,
        sheet_file=sheet.file,
        sheet_family=sheet.family,
        part=sheet.parts[0] if sheet.parts else "",
        anchor=anchor,
        anchor_id=target,
        symbol=symbol,
        symbol_id=own_id,
        grade="partial",
        score=round(min(1.0, max(0.0, score)), 4),
        method=method,
        evidence=(Evidence(rule=method, detail=f"page {page}", weight=round(score, 4), page=page),),
    )


def _page_anchor(sheet: Datasheet, page: int) -> Anchor:
    """Return the deepest section that covers a page as an anchor on that page."""
    covering = [s for s in sheet.sections if s.page <= page <= s.end_page]
    deepest = max(covering, key=lambda s: (s.page, s.level), default=None)
    title, path = (f"page {page}", (f"page {page}",)) if deepest is None else (deepest.title, deepest.path)
    return Anchor(kind="section", title=title, path=path, page=page)
