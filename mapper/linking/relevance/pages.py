"""Page -> file: which of the files accepted for a datasheet each of its pages is about.

Links decide: a file whose symbols stand for what the page prints is about that page, definitions more than the
functions that only use them. Then words: how alike the page's text and the file's identifiers are, by words that few
pages have. Then the file's rank.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mapper.linking.alignment.anchors import section_anchor
from mapper.linking.alignment.matches import Ground
from mapper.linking.words import canonical, split_words
from mapper.model import Anchor, Evidence, FileRelevance, Symbol, TraceLink

MAX_FILES = 5
"""Files kept for one page."""
KIND_WEIGHTS = {"register": 1.0, "macro": 0.6, "constant": 0.4, "struct": 0.3, "function": 0.3, "config": 0.3}
PROTOTYPE = 0.1
PARTIAL = 0.4
BODILESS = 0.7
"""What text alone says about a file without function bodies: procedures are implemented elsewhere."""
STEP = 1.1
"""Evidence that differs by less is equal: the file's rank decides."""
MIN_LIKENESS = 0.03
"""A file less like a page than this, and without a link to it, is not about it."""
ACCEPT_SHARE = 0.5
"""Files with at least this share of the best file's evidence are in a page's answer set."""


def rank_pages(
    ground: Ground, links: Sequence[TraceLink], accepted: Sequence[FileRelevance]
) -> tuple[FileRelevance, ...]:
    """Return for each page of a datasheet the files that are about it, best first, in order of page and rank.

    links and accepted are this datasheet's own; scores lie from 0 to 1 and grow with the evidence.
    """
    support, counts = _support(links)
    likeness = _likeness(ground)
    found: list[FileRelevance] = []
    for page in range(1, len(ground.index.sheet.pages) + 1):
        alike = {r.path: likeness.get((page, r.path), 0.0) for r in accepted}
        total = {path: support[page].get(path, 0.0) + alike[path] for path in alike}
        told = [r for r in accepted if support[page].get(r.path, 0.0) > 0 or alike[r.path] >= MIN_LIKENESS]
        told.sort(key=lambda r: (-round(math.log(total[r.path], STEP)), r.rank, r.path))
        anchor = _page_anchor(ground, page)
        for rank, relevance in enumerate(told[:MAX_FILES], start=1):
            path = relevance.path
            found.append(
                replace(
                    relevance,
                    rank=rank,
                    score=round(total[path] / (1 + total[path]), 4),
                    accepted=total[path] >= ACCEPT_SHARE * total[told[0].path],
                    evidence=_evidence(counts[page, path], support[page].get(path, 0.0), alike[path], page),
                    anchor=anchor,
                )
            )
    return tuple(found)


def _support(
    links: Sequence[TraceLink],
) -> tuple[dict[int, dict[str, float]], Counter[tuple[int, str]]]:
    """Return for each page and file what links say, and how many they are: each anchor counts by its best link."""
    best: dict[tuple[int, str, str], float] = {}
    counts: Counter[tuple[int, str]] = Counter()
    for link in links:
        symbol, key = link.symbol, (link.anchor.page, link.symbol.path, link.anchor_id)
        weight = PROTOTYPE if symbol.form == "prototype" else KIND_WEIGHTS[symbol.kind]
        best[key] = max(best.get(key, 0.0), weight * (1.0 if link.grade == "full" else PARTIAL) * link.score)
        counts[key[:2]] += 1
    support: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for (page, path, _), weight in best.items():
        support[page][path] += weight
    return support, counts


def _likeness(ground: Ground) -> dict[tuple[int, str], float]:
    """Return the cosine of each page's and file's words, weighted by how few pages have a word."""
    pages = [_counts(((text, 1),)) for text in ground.index.sheet.pages]
    frequency = Counter(word for page in pages for word in page)
    rarity = {word: math.log((len(pages) + 1) / count) for word, count in frequency.items()}
    files = {file.path: _weights(_counts(file.identifiers), rarity) for file in ground.files}
    likeness: dict[tuple[int, str], float] = {}
    factor = {file.path: 1.0 if any(_has_body(s) for s in file.symbols) else BODILESS for file in ground.files}
    for number, counts in enumerate(pages, start=1):
        page = _weights(counts, rarity)
        for path, file in files.items():
            alike = sum(weight * file[word] for word, weight in page.items() if word in file)
            likeness[number, path] = factor[path] * alike
    return likeness


def _has_body(symbol: Symbol) -> bool:
    return symbol.kind == "function" and symbol.form != "prototype"


def _counts(texts: Iterable[tuple[str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text, times in texts:
        for word in split_words(text):
            if len(word) > 2:
                counts[canonical(word)] += times
    return counts


def _weights(counts: Mapping[str, int], rarity: Mapping[str, float]) -> dict[str, float]:
    """Return the words that pages have with weights whose squares sum up to one."""
    weights = {word: (1 + math.log(count)) * rarity[word] for word, count in counts.items() if word in rarity}
    norm = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / norm for word, weight in weights.items()} if norm else {}


def _page_anchor(ground: Ground, page: int) -> Anchor:
    section = ground.index.section_at(page)
    if section is not None:
        return section_anchor(section, place="description", page=page)
    return Anchor(kind="datasheet", title=ground.index.sheet.title, path=(), page=page)


def _evidence(num_links: int, support: float, alike: float, page: int) -> tuple[Evidence, ...]:
    links = Evidence(rule="links", detail=f"{num_links} links to this page", weight=round(support, 4), page=page)
    words = Evidence(rule="words", detail="words of few pages in common", weight=round(alike, 4), page=page)
    return tuple(entry for entry in (links, words) if entry.weight > 0)
