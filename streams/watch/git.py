"""A bare mirror of a vendor's repository: fetch it, list its history, its trees and what changed, read its blobs.

Nothing is ever checked out, so links, hooks, filters and odd paths of a hostile repository have nothing to act on.
Symbolic links and submodules are left out of every answer. Old commits stay in the mirror after a force-push.
"""

import fnmatch
import logging
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from streams.errors import RepositoryError
from streams.events import ChangedPath, EarlierCommit
from streams.watch.address import Address
from streams.watch.gitcommand import TOO_LARGE, git_command, git_environment, run_git, stream_git
from streams.watch.remote import TAGS_PREFIX, remote_tip

logger = logging.getLogger(__name__)

FETCH_SECONDS = 1800.0
STALE_LOCK_SECONDS = 60.0
MAX_BLOB_BYTES = 2_000_000
MAX_PATH_BYTES = 1024
"""A longer path is left out: the ledger has paths in its keys, and PostgreSQL's hold 2,700 bytes."""

RENAME_LIMIT = 2000
"""Git looks for renames only up to so many added and removed files (it compares pairs)."""

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git's id of a tree without entries: as the last emitted commit it means "from the first commit on"."""

TAGS_AT_ONCE = 100
"""So many tags are fetched by one call."""

_FILE_MODES = (b"100644", b"100755")
_TIPS = "refs/tips/"
_COMMIT_MARK = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit, without its author: identities are not kept."""

    commit_id: str
    parents: tuple[str, ...]
    time: float
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLimits:
    """How much of a repository is taken; None: no limit."""

    max_bytes: int | None = None
    """Of the mirror on disk, and of each pack that is received."""
    max_files: int | None = None
    max_depth: int | None = None
    """Folders above a file."""
    max_commits: int | None = None
    """Commits that one look may bring."""
    fetch_seconds: float = FETCH_SECONDS


def mirror_folder(home: Path, repo_id: str) -> Path:
    """Return where the mirror of a repository lies."""
    return home / "mirrors" / f"{repo_id}.git"


class GitMirror:
    """The mirror in one folder. Reading needs no network and may run in other processes while one fetches."""

    def __init__(self, folder: Path, limits: GitLimits | None = None) -> None:
        self.folder = folder
        self.limits = limits or GitLimits()

    def fetch(self, address: Address, branch: str | None = None) -> str:
        """Bring the branch (None: the remote's HEAD) up to date and return its newest commit."""
        remote = remote_tip(address, branch)
        return self._fetch(address, {remote.ref: remote.commit})[remote.ref]

    def fetch_tags(self, address: Address, tags: Mapping[str, str]) -> dict[str, str]:
        """Bring these tags (tag -> commit as the remote says) up to date; return tag -> commit, without other kinds."""
        found: dict[str, str] = {}
        names = list(tags)
        for start in range(0, len(names), TAGS_AT_ONCE):
            wanted = {TAGS_PREFIX + name: tags[name] for name in names[start : start + TAGS_AT_ONCE]}
            found |= self._fetch(address, wanted, strict=False)
        return {ref.removeprefix(TAGS_PREFIX): commit for ref, commit in found.items()}

    def is_shallow(self) -> bool:
        """Return whether the source's own history is cut off, so that what was before is nowhere to be had."""
        return (self.folder / "shallow").exists()

    def tip(self, branch: str) -> str | None:
        """Return the newest fetched commit of a branch, None if it was never fetched."""
        return self._resolve(_local_ref(f"refs/heads/{branch}"))

    def history(self, old: str | None, new: str) -> list[Commit]:
        """Return the commits from old (not included) to new along first parents, oldest first.

        old None gives new alone (a snapshot), EMPTY_TREE the whole history. After a force-push old need not be an
        ancestor; then what is new since the fork is returned, and at least new itself, unless old is new.
        """
        if old == new:
            return []
        if old is None:
            return self._log(["-1", new])
        span = [new] if old == EMPTY_TREE else [new, f"^{old}"]
        return self._log(["--first-parent", *span])[::-1] or self._log(["-1", new])

    def count(self, old: str | None, new: str) -> int:
        """Return how many commits history() would give, without reading them. Raises RepositoryError over the limit."""
        if old == new:
            return 0
        if old is None:
            return 1
        span = [new] if old == EMPTY_TREE else [new, f"^{old}"]
        number = max(1, int(run_git(["rev-list", "--count", "--first-parent", *span, "--"], folder=self.folder)))
        limit = self.limits.max_commits
        if limit is not None and number > limit:
            raise RepositoryError(
                f"{number} commits are new, more than the limit of {limit} (max_commits in [streams])"
            )
        return number

    def log(self, old: str, new: str) -> Iterator[EarlierCommit]:
        """Yield what history() would give, as git finds it, so that none but the present one is in memory.

        The number of files is that of the difference to the first parent, renames counted as two.
        """
        span = [new] if old == EMPTY_TREE else [new, f"^{old}"]
        arguments = [
            *("log", "--no-show-signature", "--first-parent", "--reverse", "--raw", "--no-renames"),
            *("--diff-merges=first-parent", "--format=%x01%H%x00%P%x00%ct%x00%s", *span, "--"),
        ]
        base = None if old == EMPTY_TREE else old
        with stream_git(arguments, folder=self.folder, timeout_seconds=self.limits.fetch_seconds) as lines:
            present: Commit | None = None
            num_changed = 0
            for line in lines:
                if line.startswith(_COMMIT_MARK):
                    if present is not None:
                        yield _earlier(present, base, num_changed)
                        base = present.commit_id
                    present = _commit(line[1:].decode("utf-8", "replace").rstrip("\n"))
                    num_changed = 0
                elif line.startswith(b":"):
                    num_changed += 1
            if present is not None:
                yield _earlier(present, base, num_changed)

    def check(self, commit: str, globs: Sequence[str] = ()) -> None:
        """Raise RepositoryError when the mirror, or what matches the globs of a commit's tree, is over the limits."""
        limits = self.limits
        if limits.max_bytes is not None and (size := self._size()) > limits.max_bytes:
            raise RepositoryError(f"{TOO_LARGE}: {size} bytes, the limit is {limits.max_bytes}")
        if limits.max_files is None and limits.max_depth is None:
            return
        number = 0
        for path in self._paths(commit):
            if globs and not any(fnmatch.fnmatchcase(path, glob) for glob in globs):
                continue
            number += 1
            if limits.max_files is not None and number > limits.max_files:
                raise RepositoryError(
                    f"commit {commit[:12]} has more files than the limit of {limits.max_files} "
                    "(max_tree_files in [streams]); raise it, or choose files with `repo add --paths`"
                )
            if limits.max_depth is not None and path.count("/") > limits.max_depth:
                raise RepositoryError(
                    f"commit {commit[:12]}: {path[:200]}: deeper than the limit of {limits.max_depth} folders "
                    "(max_path_depth in [streams]); raise it, or choose files with `repo add --paths`"
                )

    def commit(self, commit_id: str) -> Commit:
        """Return a commit of the mirror."""
        return self._log(["-1", commit_id])[0]

    def tree(self, commit: str) -> dict[str, str]:
        """Return the blob id of every regular file of a commit, by path."""
        listing = run_git(["ls-tree", "-r", "-z", "--full-tree", commit], folder=self.folder)
        files = {}
        for entry in listing.split(b"\0"):
            head, _, name = entry.partition(b"\t")
            if head[:6] in _FILE_MODES and (path := _path(name)) is not None:
                files[path] = head.split()[2].decode()
        return files

    def changes(self, base: str | None, commit: str) -> list[ChangedPath]:
        """Return what differs between the trees of base (None or EMPTY_TREE: nothing) and commit, renames detected."""
        raw = run_git(
            [
                "diff-tree",
                "-r",
                "-z",
                "--raw",
                "--full-index",
                "-M50%",
                f"-l{RENAME_LIMIT}",
                base or EMPTY_TREE,
                commit,
            ],
            folder=self.folder,
        )
        return list(_changes(raw))

    def read_blobs(
        self, blob_ids: Iterable[str], *, max_bytes: int = MAX_BLOB_BYTES
    ) -> Iterator[tuple[str, bytes | None]]:
        """Yield each id with its content, in order; None instead of a blob over max_bytes, which is not read."""
        with self._reader() as (questions, answers):
            for blob_id in blob_ids:
                size = _ask(questions, answers, "info", blob_id)
                if size > max_bytes:
                    yield blob_id, None
                    continue
                _ask(questions, answers, "contents", blob_id)
                data = answers.read(size)
                answers.read(1)  # the newline after the content
                if len(data) != size:
                    raise RepositoryError(
                        f"{self.folder}: blob {blob_id} ended early; the mirror is damaged, remove it"
                    )
                yield blob_id, data

    def read_file(self, commit: str, path: str, *, max_bytes: int = MAX_BLOB_BYTES) -> bytes | None:
        """Return a file's content at a commit; None if it is not there, no regular file, or over max_bytes."""
        blob_id = self.tree(commit).get(path)
        return next(self.read_blobs([blob_id], max_bytes=max_bytes))[1] if blob_id else None

    def _fetch(self, address: Address, refs: Mapping[str, str], *, strict: bool = True) -> dict[str, str]:
        """Return ref -> commit after bringing those that differ; not strict: what leads to no commit is left out."""
        self._create()
        missing = [ref for ref, commit in refs.items() if self._resolve(_local_ref(ref)) != commit]
        if missing:
            self._remove_leftovers()
            run_git(
                [
                    *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--force", "--update-shallow"),
                    *("--", address.url, *(f"+{ref}:{_local_ref(ref)}" for ref in missing)),
                ],
                folder=self.folder,
                address=address,
                timeout_seconds=self.limits.fetch_seconds,
                max_file_bytes=self.limits.max_bytes,
            )
        found = {ref: self._resolve(_local_ref(ref)) if ref in missing else commit for ref, commit in refs.items()}
        for ref, resolved in found.items():
            if resolved is None and strict:
                raise RepositoryError(f"{address.url}: {ref} does not lead to a commit")
        return {ref: resolved for ref, resolved in found.items() if resolved is not None}

    def _size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("objects/*/*") if path.is_file())

    def _paths(self, commit: str) -> Iterator[str]:
        with stream_git(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit], folder=self.folder) as names:
            rest = b""
            while block := names.read(1 << 16):
                *whole, rest = (rest + block).split(b"\0")
                yield from (name.decode("utf-8", "replace") for name in whole)

    def _create(self) -> None:
        if not (self.folder / "HEAD").exists():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            run_git(["init", "--quiet", "--bare", "--template=", "--", str(self.folder)])

    def _remove_leftovers(self) -> None:
        """Remove what a killed fetch left, locks and half packs; only the watcher writes, and one fetch at a time."""
        for pack in self.folder.glob("objects/pack/tmp_*"):
            pack.unlink(missing_ok=True)
        for lock in [*self.folder.glob("*.lock"), *self.folder.glob("refs/**/*.lock")]:
            if time.time() - lock.stat().st_mtime > STALE_LOCK_SECONDS:
                logger.warning("stale lock removed path=%s", lock)
                lock.unlink(missing_ok=True)

    def _resolve(self, ref: str) -> str | None:
        try:
            name = ["rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}"]
            return run_git(name, folder=self.folder).decode().strip()
        except RepositoryError:
            return None

    def _log(self, arguments: list[str]) -> list[Commit]:
        log = run_git(
            ["log", "--no-show-signature", "--format=%H%x00%P%x00%ct%x00%s", *arguments, "--"], folder=self.folder
        )
        return [_commit(line) for line in log.decode("utf-8", "replace").split("\n") if line]

    @contextmanager
    def _reader(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        process = subprocess.Popen(
            git_command(["cat-file", "--batch-command"], folder=self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment(),
        )
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdin, process.stdout
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            with suppress(BrokenPipeError):
                process.stdin.close()


def _earlier(commit: Commit, base: str | None, num_changed: int) -> EarlierCommit:
    return EarlierCommit(
        commit=commit.commit_id, base=base, commit_time=commit.time, summary=commit.summary, num_changed=num_changed
    )


def _local_ref(ref: str) -> str:
    """Return where the mirror keeps a remote's ref: flat, as a remote may replace the branch a by a/b."""
    return _TIPS + quote(ref, safe="")


def _ask(questions: IO[bytes], answers: IO[bytes], verb: str, blob_id: str) -> int:
    """Send one command and return the size from the answer's first line."""
    try:
        questions.write(f"{verb} {blob_id}\n".encode())
        questions.flush()
        words = answers.readline().split()
    except BrokenPipeError as error:
        raise RepositoryError(f"git cat-file ended before blob {blob_id}") from error
    if len(words) != 3 or words[1] != b"blob":
        raise RepositoryError(f"blob {blob_id}: not in the mirror; remove the mirror's folder and it is fetched again")
    return int(words[2])


def _changes(raw: bytes) -> Iterator[ChangedPath]:
    """Yield the changes of `diff-tree -z --raw`; a file that became a link or a submodule counts as deleted."""
    words = iter(raw.split(b"\0"))
    for head in words:
        if not head.startswith(b":"):
            continue
        old_mode, new_mode, _, new_id, status = head[1:].split()
        first = next(words)
        second = next(words) if status[:1] in b"RC" else first
        old_path = _path(first) if old_mode in _FILE_MODES else None
        path = _path(second) if new_mode in _FILE_MODES else None
        if path is None:
            if old_path is not None:
                yield ChangedPath(status="D", path=old_path, blob_id=None)
        elif old_path is None:
            yield ChangedPath(status="A", path=path, blob_id=new_id.decode())
        elif old_path != path:
            yield ChangedPath(status="R", path=path, blob_id=new_id.decode(), old_path=old_path)
        else:
            yield ChangedPath(status="M", path=path, blob_id=new_id.decode())


def _path(name: bytes) -> str | None:
    """Return a path as text (latin-1 if it is not UTF-8); None for one that is too long to keep."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return text if len(text.encode()) <= MAX_PATH_BYTES else None


def _commit(line: str) -> Commit:
    commit_id, parents, seconds, summary = line.split("\0", 3)
    return Commit(commit_id=commit_id, parents=tuple(parents.split()), time=float(seconds), summary=summary)
