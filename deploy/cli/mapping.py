"""One run of `sheetstream map`: parse what has changed, decide anew what it touches, keep the rest."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter

from deploy.cli.inputs import read_pdfs
from deploy.cli.map_llm import Tier
from deploy.cli.mapstate import SHEET, KeptState, load_state, save_state, sheet_key, state_key
from deploy.cli.output import err, note
from deploy.cli.progress import progress
from deploy.cli.sourcetree import SourceTree, stamps_of, text_of
from deploy.cli.treefacts import loader, parse_tree
from mapper.linking.index.facts import FileFacts
from mapper.linking.index.state import TreeState
from mapper.linking.mapping import Remapped, gathered, remap_tree
from mapper.model import Datasheet
from mapper.model import Mapping as TreeMapping
from streams import sandbox

KEPT_FILES = 128
"""Parsed files held at a time while they are linked."""


FILES_A_STEP = 4000
"""Files whose facts are held before they join the state: a few steps for a large tree, so that memory stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapJob:
    """What to map."""

    tree: SourceTree
    pdfs: tuple[Path, ...]
    parts: tuple[str, ...]
    state_file: Path | None
    tier: Tier


@dataclass(frozen=True, slots=True)
class NamedSheet:
    """A datasheet that was mapped."""

    sha256: str
    file: str


NAMED = TypeAdapter(NamedSheet)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRun:
    """What a run gives. cost: what it took, "" without a state."""

    mapping: TreeMapping
    sheets: tuple[NamedSheet, ...]
    num_broken: int
    skipped: tuple[str, ...]
    cost: str


def run_job(job: MapJob) -> MapRun:
    """Map a tree, and keep the state if the job names a file for it. Raises StateError on a file that is no state."""
    started = time.perf_counter()
    before, key = KeptState(), ""
    if job.state_file is not None:
        is_commit = job.tree.commit is not None
        key = state_key(job.tree.root, is_commit=is_commit, parts=job.parts, policy=job.tier.policy)
        before, why = load_state(job.state_file, key)
        if why:
            note(why)
    parts = job.parts if len(job.pdfs) == 1 else ()
    read, num_broken = read_pdfs(job.pdfs, partial(_read_sheet, parts=parts, before=before))
    sheets = dict(read)
    stamps = stamps_of(job.tree, time.time())
    state, skipped, num_parsed = _tree_state(job.tree, before, stamps)
    with err.status("linking"):
        remapped = _remap(job, state, sheets, before)
    if job.state_file is not None:
        has_model = job.tier.model is not None
        after = KeptState(
            tree=state,
            stamps=stamps,
            skipped=skipped,
            decisions=before.decisions if has_model else remapped.decisions,
            is_decided=before.is_decided and state is before.tree if has_model else True,
            sheets=sheets,
        )
        if after != before:
            save_state(job.state_file, key, after)
    cost = (
        f"cost: {num_parsed} of {len(stamps)} files parsed; of {len(sheets)} datasheets the files of "
        f"{remapped.num_files_decided} and the links of {remapped.num_links_decided} decided anew; "
        f"{time.perf_counter() - started:.1f} s"
    )
    return MapRun(
        mapping=remapped.mapping,
        sheets=tuple(NAMED.validate_json(body) for body in sheets.values()),
        num_broken=num_broken,
        skipped=tuple(reason for _, reason in sorted(skipped.items())),
        cost=cost if job.state_file is not None else "",
    )


def _read_sheet(pdf: Path, parts: tuple[str, ...], before: KeptState) -> tuple[str, bytes]:
    """Return a datasheet's key and the datasheet as JSON, kept or read in a child process."""
    data = pdf.read_bytes()
    key = sheet_key(data, file=pdf.name, parts=parts)
    kept = before.sheets.get(key)
    return key, kept or SHEET.dump_json(sandbox.read_sheet(data, file=pdf.name, parts=parts))


def _tree_state(
    tree: SourceTree, before: KeptState, stamps: Mapping[str, str]
) -> tuple[TreeState, dict[str, str], int]:
    """Return the state of the tree as it is now, why files could not be taken, and how many were read for it."""
    changed = [name for name, stamp in stamps.items() if not stamp or before.stamps.get(name) != stamp]
    removed = [name for name in before.stamps if name not in stamps]
    skipped = {name: why for name, why in before.skipped.items() if name in stamps}
    num_parsed = 0

    def taken(advance: Callable[[int], None]) -> Iterator[FileFacts]:
        nonlocal num_parsed
        for parsed in parse_tree(tree, changed, advance):
            num_parsed += 1
            skipped.pop(parsed.name, None)
            if parsed.facts is not None:
                yield parsed.facts
            else:
                skipped[parsed.name] = parsed.skipped

    gone = {text_of(name) for name in (*removed, *changed)}
    state = before.tree
    with progress("parsing", len(changed)) as advance:
        facts = taken(advance)
        batch = list(islice(facts, FILES_A_STEP))
        while batch or gone:
            state = state.updated(gone, batch)
            gone, batch = set(), list(islice(facts, FILES_A_STEP))
    return state, skipped, num_parsed


def _remap(job: MapJob, state: TreeState, sheets: Mapping[str, bytes], before: KeptState) -> Remapped:
    load = lru_cache(maxsize=KEPT_FILES)(loader(job.tree))
    is_decided = before.is_decided and state is before.tree and job.tier.model is None
    known = {key: before.decisions[key] for key in sheets if is_decided and key in before.decisions}
    anew = remap_tree(
        state,
        load,
        {key: partial(_sheet, body) for key, body in sheets.items() if key not in known},
        repo_family=job.tree.root.resolve().name,
        pinned_parts=job.parts,
        before=before.decisions,
        model=job.tier.model,
        policy=job.tier.policy,
    )
    decisions = dict(sorted({**known, **anew.decisions}.items()))
    return replace(anew, mapping=gathered(decisions.values()), decisions=decisions)


def _sheet(body: bytes) -> Datasheet:
    return SHEET.validate_json(body)
