"""Build a suite: classify the files of some sources, cut items, choose them, write them down.

The same sources, sizes and seed give the same bytes. Choice is by a seeded hash, balanced over slices, families, files
and kinds of cut, at most so many items from one file.
"""

import hashlib
import logging
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from eval.errors import SuiteError
from eval.suite.cuts import CutPoint, cut_points, is_code, is_patterned, mask
from eval.suite.items import (
    FORMAT_VERSION,
    ITEM_JSON,
    MANIFEST,
    MANIFEST_JSON,
    DomainEntry,
    Item,
    SourceEntry,
    Suite,
    SuiteManifest,
    SuiteSource,
    load_suite,
)
from mapper.corpus.domain import DOMAINS, domain_of

logger = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inc", ".s", ".asm", ".dts", ".dtsi", ".overlay"}
)
MAX_FILE_BYTES = 2_000_000
MIN_CONTEXT_BYTES = 40
CANDIDATES_PER_FILE = 24
CANDIDATES_PER_ITEM = 40  # of a domain, before the choice: bounds the work on large sources

_SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\s*]+(?:\s+(?:OR|AND|WITH)\s+[^\s*]+)*)")


def build_suite(
    sources: Sequence[SuiteSource],
    out: Path,
    *,
    items_per_domain: int,
    seed: int = 0,
    version: str = "1",
    max_items_per_file: int = 5,
    context_bytes: int = 400,
    reference_bytes: int = 160,
) -> Suite:
    """Write the suite of these sources to the folder `out`, in place of what is there, and return it.

    items_per_domain counts over both slices; a domain whose sources hold fewer gets fewer, one without any file gets
    no items and is listed with 0. Raises SuiteError on a missing folder, or where nothing at all can be cut.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._]*", version):
        raise SuiteError(f"version: letters, digits, dots and underscores expected, got {version!r}")
    candidates: dict[str, list[Item]] = defaultdict(list)
    entries = []
    for source in sources:
        items, entry = _read_source(source, seed, context_bytes, reference_bytes, items_per_domain)
        entries.append(entry)
        for item in items:
            candidates[item.domain].append(item)
    chosen = {domain: _choose(candidates[domain], items_per_domain, max_items_per_file, seed) for domain in DOMAINS}
    if not any(chosen.values()):
        raise SuiteError(f"no item could be cut from {', '.join(str(source.root) for source in sources) or 'nothing'}")
    for domain, items in chosen.items():
        if len(items) < items_per_domain:
            logger.info("domain=%s items=%d wanted=%d: its sources hold no more", domain, len(items), items_per_domain)
    manifest = SuiteManifest(
        version=FORMAT_VERSION,
        suite_version=version,
        seed=seed,
        items_per_domain=items_per_domain,
        context_bytes=context_bytes,
        reference_bytes=reference_bytes,
        sources=tuple(entries),
        domains={},
    )
    _write(out, manifest, chosen)
    return load_suite(out)


def _read_source(
    source: SuiteSource, seed: int, context_bytes: int, reference_bytes: int, items_per_domain: int
) -> tuple[list[Item], SourceEntry]:
    if not source.root.is_dir():
        raise SuiteError(f"{source.root}: a folder of source files expected")
    files = sorted(
        (file.relative_to(source.root).as_posix(), file)
        for file in source.root.rglob("*")
        if file.suffix.lower() in SUFFIXES and file.is_file() and not file.is_symlink()
    )
    files.sort(key=lambda pair: _rank(seed, source.family, pair[0]))
    items: list[Item] = []
    digests: list[str] = []
    full: Counter[str] = Counter()
    for path, file in files:
        data = file.read_bytes()
        text = _decode(data)
        if text is None:
            continue
        digests.append(f"{path} {hashlib.sha256(data).hexdigest()}")
        domain = domain_of(path, text)
        if full[domain] < items_per_domain * CANDIDATES_PER_ITEM:
            found = _cut_file(source, path, text, domain, seed, context_bytes, reference_bytes)
            full[domain] += len(found)
            items += found
    entry = SourceEntry(
        family=source.family,
        slice=source.slice,
        licence=source.licence,
        num_files=len(digests),
        sha256=hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest(),
    )
    return items, entry


def _decode(data: bytes) -> str | None:
    """Return the text with plain line ends, or None for what is no text or too large."""
    if len(data) > MAX_FILE_BYTES or b"\0" in data:
        return None
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None


def _cut_file(
    source: SuiteSource, path: str, text: str, domain: str, seed: int, context_bytes: int, reference_bytes: int
) -> list[Item]:
    lines = text.splitlines(keepends=True)
    masked = mask(text).splitlines(keepends=True)
    if len(lines) != len(masked):  # a form feed or the like inside a comment
        return []
    licence = match[1] if (match := _SPDX.search(text[:4096])) else source.licence
    points = sorted(
        cut_points(lines, masked, path, context_bytes + reference_bytes),
        key=lambda point: _rank(seed, path, point.cut, point.line),
    )
    items = []
    for point in _spread(points):
        item = _cut_item(source, path, lines, masked, point, domain, licence, context_bytes, reference_bytes)
        if item is not None:
            items.append(item)
        if len(items) == CANDIDATES_PER_FILE:
            break
    return items


def _spread(points: Iterable[CutPoint]) -> Iterator[CutPoint]:
    """Yield the cuts with the kinds taking turns, so that the many next lines leave room for the few units."""
    queues: dict[str, list[CutPoint]] = {"next_unit": [], "suffix": [], "next_line": []}
    for point in points:
        queues[point.cut].append(point)
    waiting = [iter(queue) for queue in queues.values()]
    while waiting:
        for queue in list(waiting):
            following = next(queue, None)
            if following is None:
                waiting.remove(queue)
            else:
                yield following


def _cut_item(
    source: SuiteSource,
    path: str,
    lines: list[str],
    masked: list[str],
    point: CutPoint,
    domain: str,
    licence: str,
    context_bytes: int,
    reference_bytes: int,
) -> Item | None:
    """Return the item of a cut, or None where its context is too short or it asks no code."""
    context = _fit_before(lines[: point.line], context_bytes)
    reference = _fit_after(lines[point.line : point.end], reference_bytes)
    asked = masked[point.line : point.line + len(reference.splitlines())]
    if len(context.encode()) < MIN_CONTEXT_BYTES or not any(is_code(line) for line in asked):
        return None
    offset = len("".join(lines[: point.line]).encode())
    identity = "\0".join((domain, source.slice, source.family, path, str(offset), context, reference))
    return Item(
        item_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        domain=domain,
        slice=source.slice,
        cut=point.cut,
        family=source.family,
        path=path,
        offset=offset,
        licence=licence,
        context=context,
        reference=reference,
        patterned=is_patterned(context, reference),
    )


def _fit_before(lines: list[str], limit: int) -> str:
    """Return as many of the last lines as fit into this many bytes."""
    first, size = len(lines), 0
    while first > 0 and size + len(lines[first - 1].encode()) <= limit:
        first -= 1
        size += len(lines[first].encode())
    return "".join(lines[first:])


def _fit_after(lines: list[str], limit: int) -> str:
    """Return as many of the first lines as fit into this many bytes, without blank lines at the end."""
    size = last = 0
    for number, line in enumerate(lines):
        size += len(line.encode())
        if size > limit:
            break
        last = number + 1 if line.strip() else last
    return "".join(lines[:last])


def _choose(candidates: Sequence[Item], num_items: int, max_per_file: int, seed: int) -> list[Item]:
    """Return at most this many items, each time from the slice, family, file and kind of cut with the fewest so far."""
    taken: Counter[tuple[str, str]] = Counter()
    references: set[tuple[str, str]] = set()
    ranked = sorted(candidates, key=lambda item: _rank(seed, item.item_id))
    chosen: list[Item] = []

    def fewest(item: Item) -> tuple[int, ...]:
        return (
            taken["slice", item.slice],
            taken["family", item.family],
            taken["file", item.file],
            taken["cut", item.cut],
        )

    while ranked and len(chosen) < num_items:
        item = min(ranked, key=fewest)  # the first of equals: the lowest rank
        ranked.remove(item)
        if taken["file", item.file] >= max_per_file or (item.context, item.reference) in references:
            continue
        chosen.append(item)
        references.add((item.context, item.reference))
        taken.update((("slice", item.slice), ("family", item.family), ("file", item.file), ("cut", item.cut)))
    return sorted(chosen, key=lambda item: item.item_id)


def _write(out: Path, manifest: SuiteManifest, chosen: dict[str, list[Item]]) -> None:
    """Write the folder beside its place and then swap it in, so that nobody reads half a suite."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}-{uuid4().hex[:8]}")
    fresh.mkdir()
    for domain, items in chosen.items():
        data = b"".join(ITEM_JSON.dump_json(item) + b"\n" for item in items)
        name = f"{domain}.jsonl"
        (fresh / name).write_bytes(data)
        manifest.domains[domain] = DomainEntry(path=name, num_items=len(items), sha256=hashlib.sha256(data).hexdigest())
    (fresh / MANIFEST).write_bytes(MANIFEST_JSON.dump_json(manifest, indent=1))
    old = out.with_name(f".{out.name}-{uuid4().hex[:8]}")
    if out.exists():
        out.rename(old)
    fresh.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _rank(seed: int, *parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, (seed, *parts))).encode()).hexdigest()
