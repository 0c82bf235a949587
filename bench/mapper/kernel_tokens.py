"""What a language model would cost on the kernel's tree: prompts from the state a run kept, nothing parsed anew."""

from collections.abc import Sequence
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

from bench.mapper.commits import as_read
from bench.mapper.tokens import TokenCost, TokenCounts, alternatives
from deploy.cli.mapstate import load_state, state_key
from deploy.cli.sourcetree import open_tree
from deploy.cli.treefacts import loader
from mapper.errors import StateError
from mapper.linking.asking.questions import Policy, Question, Recorder
from mapper.linking.index.state import TreeState
from mapper.linking.mapping import remap_tree
from mapper.model import Datasheet
from streams.llm.tokens import count_tokens

KEPT_FILES = 128
FILES_A_STEP = 64


def kernel_token_cost(
    folder: Path, state_file: Path, sheets: Sequence[Datasheet], counts: TokenCounts, *, name: str, own_seconds: float
) -> TokenCost:
    """Return what each way takes on a tree that `map --since --no-llm` has kept a state of."""
    kept, why = load_state(state_file, state_key(folder, is_commit=False, parts=(), policy="none"))
    if why:
        raise StateError(why, reason="damaged")
    ask = partial(_asked, folder, kept.tree, sheets)
    files = _file_tokens(folder, counts)
    once, direct = alternatives(files, sheets, counts)
    return TokenCost(
        name=name,
        num_sheets=len(sheets),
        num_files=len(files),
        each_file_once=once,
        direct=direct,
        everything=count_tokens(ask("all"), counts.counter),
        undecided=count_tokens(ask("undecided"), counts.counter),
        own_seconds=own_seconds,
    )


def _asked(folder: Path, state: TreeState, sheets: Sequence[Datasheet], policy: Policy) -> list[Question]:
    load = lru_cache(maxsize=KEPT_FILES)(loader(open_tree(folder)))
    recorder = Recorder()
    remap_tree(
        state,
        load,
        as_read(sheets),
        repo_family=folder.resolve().name,
        before={},
        model=recorder,
        policy=policy,
    )
    return recorder.questions


def _file_tokens(folder: Path, counts: TokenCounts) -> list[int]:
    """Return the tokens of each file, exact copies once."""
    seen: set[bytes] = set()
    found: list[int] = []
    texts: list[str] = []
    for path in open_tree(folder).paths:
        data = (folder / path).read_bytes()
        digest = sha256(data).digest()
        if digest in seen:
            continue
        seen.add(digest)
        texts.append(data.decode("latin-1"))
        if len(texts) == FILES_A_STEP:
            found += counts.count(texts, keep=False)
            texts = []
    return found + counts.count(texts)
