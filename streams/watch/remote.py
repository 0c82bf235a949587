"""What a remote repository says of its refs: `git ls-remote`, cheap enough to ask before anything is fetched."""

from dataclasses import dataclass

from streams.errors import RepositoryError
from streams.watch.address import Address
from streams.watch.gitcommand import stream_git

PROBE_SECONDS = 60.0
TAGS_PREFIX = "refs/tags/"
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Of a remote's list of refs: some hundred thousand of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTip:
    """Where a branch of a remote repository stands."""

    ref: str
    """Full name of the branch's ref, or HEAD if the remote's HEAD is detached."""
    commit: str


def remote_tip(address: Address, branch: str | None = None) -> RemoteTip:
    """Return where a branch (None: HEAD) stands. Raises RepositoryError: unreachable, no git, empty, no branch."""
    wanted = f"refs/heads/{branch}" if branch else "HEAD"
    answer = _ask_remote(["ls-remote", "--symref", "--", address.url, wanted], address)
    ref, commit = wanted, None
    for line in answer.splitlines():
        value, _, name = line.partition("\t")
        if name == wanted and value.startswith("ref: "):
            ref = value.removeprefix("ref: ")
        elif name == wanted:
            commit = value
    if commit is None:
        raise RepositoryError(_no_tip(address, branch))
    return RemoteTip(ref=ref, commit=commit)


def remote_tags(address: Address) -> dict[str, str]:
    """Return tag -> commit of a remote, annotated tags followed. Raises RepositoryError."""
    tags: dict[str, str] = {}
    for line in _ask_remote(["ls-remote", "--tags", "--", address.url], address).splitlines():
        commit, _, ref = line.partition("\t")
        name = ref.removeprefix(TAGS_PREFIX)
        peeled = name.endswith("^{}")
        if ref.startswith(TAGS_PREFIX) and (peeled or name not in tags):
            tags[name.removesuffix("^{}")] = commit
    return tags


def _ask_remote(arguments: list[str], address: Address) -> str:
    """Return what a remote says of its refs. Raises RepositoryError when it says too much."""
    with stream_git(arguments, address=address, timeout_seconds=PROBE_SECONDS) as answer:
        said = answer.read(MAX_ANSWER_BYTES + 1)
        if len(said) > MAX_ANSWER_BYTES:
            raise RepositoryError(f"{address.url}: its list of refs is longer than {MAX_ANSWER_BYTES} bytes")
    return said.decode("utf-8", "replace")


def _no_tip(address: Address, branch: str | None) -> str:
    """Return why a reachable repository has no such tip."""
    heads = _ask_remote(["ls-remote", "--heads", "--", address.url], address)
    names = [line.rpartition("refs/heads/")[2] for line in heads.splitlines()]
    if not names:
        return f"{address.url}: the repository is empty: it has no commit yet; add it again after its first push"
    known = ", ".join(names[:10])
    if branch:
        return f"{address.url}: no branch {branch!r}; it has {known}"
    return f"{address.url}: its HEAD names a branch without commits; say --branch, one of {known}"
