"""The state of each repository's tree in a file of HOME/cache: what linking looks up, made once for each file.

It is derived, a function of the parsed files that the ledger has: whatever is in the cache, what comes out is the state
of the ledger's tree. A file that is lost, damaged, of another version or of an older tree costs time alone.
"""

import hashlib
import logging
import mmap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mapper.errors import StateError
from mapper.linking.index.facts import FileFacts, file_facts
from mapper.linking.index.keeping import Package, pack, state_of, state_parts, unpack
from mapper.linking.index.state import EMPTY, TreeState
from mapper.model import SourceFile
from mapper.version import linker_version
from streams.durable import sweep, writing

logger = logging.getLogger(__name__)

FILES_A_STEP = 2000
"""Files whose facts are held before they join the state."""
FILES_A_READ = 100
REWRITE_SHARE = 512
"""The file is written anew once more than one file in so many has come since: a large one not for every commit."""


class TreeCache:
    """The cached states below one folder; None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def current(
        self,
        repo_id: str,
        stamps: Mapping[str, str],
        load: Callable[[Sequence[str]], Mapping[str, SourceFile]],
        *,
        parser: str = "",
    ) -> TreeState:
        """Return the state of a repository's tree.

        stamps tell its files from older ones, load reads some of them, parser is the version that had parsed them all.
        """
        header = {"linker": linker_version(), "parser": parser, "repository": repo_id}
        kept = self._load(repo_id, header)
        before = dict(zip(kept.paths, kept.blobs, strict=True))
        changed = sorted(path for path, stamp in stamps.items() if before.get(path) != stamp)
        gone = sorted(path for path in before if path not in stamps)
        state = kept

        def _facts(paths: Sequence[str]) -> list[FileFacts]:
            files = load(paths)
            return [replace(file_facts(files[path]), blob_id=stamps[path]) for path in paths]

        for start in range(0, len(changed), FILES_A_STEP):
            paths = changed[start : start + FILES_A_STEP]
            facts = [
                fact for at in range(0, len(paths), FILES_A_READ) for fact in _facts(paths[at : at + FILES_A_READ])
            ]
            state, gone = state.updated(gone, facts), []
        if gone:
            state = state.updated(gone, ())
        if (len(changed) + len(gone)) * REWRITE_SHARE > len(stamps):
            self._save(repo_id, state, header)
        return state

    def remove(self, repo_id: str) -> None:
        """Forget a repository."""
        if self._folder is not None:
            self._file(repo_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a writer that died left half-written."""
        if self._folder is not None:
            sweep(self._folder)

    def _load(self, repo_id: str, header: Mapping[str, str]) -> TreeState:
        if self._folder is None:
            return EMPTY
        file = self._file(repo_id)
        try:
            with file.open("rb") as opened:
                data = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            package = unpack(data, source=str(file))
            if package.header != header:
                return EMPTY
            return state_of(package.parts)
        except FileNotFoundError:
            return EMPTY
        except (OSError, StateError, ValueError, KeyError, TypeError) as error:
            logger.warning("tree cache not usable, made anew repo_id=%s error=%r", repo_id, error)
            return EMPTY

    def _save(self, repo_id: str, state: TreeState, header: Mapping[str, str]) -> None:
        if self._folder is None:
            return
        try:
            with writing(self._file(repo_id), sync=False) as out:
                for piece in pack(Package(header, state_parts(state))):
                    out.write(piece)
        except OSError as error:  # a full disk is the ledger's to complain about; without the file it is only slower
            logger.warning("tree cache not written repo_id=%s error=%r", repo_id, error)

    def _file(self, repo_id: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{repo_id}.tree"


def digest_of(stamps: Mapping[str, str]) -> str:
    """Return the digest of a tree's paths and what tells their contents."""
    text = "".join(f"{path}\0{stamp}\0" for path, stamp in sorted(stamps.items()))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
