"""Identities made from content: sha256 of canonical JSON with a version prefix.

The same thing has the same id wherever and whenever it is computed, so a replay rewrites its own rows. A changed
recipe gets a new prefix: then it is a new id, never a silent overwrite.
"""

import hashlib
import json

from mapper.model import Anchor


def content_id(prefix: str, *parts: object) -> str:
    """Return prefix + "_" + 32 hex digits of the sha256 over the canonical JSON of parts."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def repository_id(url: str) -> str:
    """Return the id of a repository, from its normalised URL."""
    return content_id("repo1", url.rstrip("/").removesuffix(".git"))


def commit_event_id(repo_id: str, commit: str, base: str | None) -> str:
    """Return the id of the event "this commit follows that base"."""
    return content_id("ce1", repo_id, commit, base)


def sheet_event_id(source_id: str, sha256: str) -> str:
    """Return the id of the event "this source released these bytes"."""
    return content_id("se1", source_id, sha256)


def symbol_id(repo_family: str, path: str, kind: str, qualified_name: str) -> str:
    """Return the id of a symbol: it survives edits of its body, not a move."""
    return content_id("sym1", repo_family, path, kind, qualified_name)


def anchor_id(sheet_family: str, anchor: Anchor) -> str:
    """Return the id of an anchor: it survives a revision that only moves it to another page or section number."""
    return content_id(
        "anc1",
        sheet_family,
        anchor.kind,
        anchor.place,
        list(anchor.path),
        anchor.register,
        anchor.address,
        anchor.field,
    )


def link_id(symbol: str, anchor: str) -> str:
    """Return the id of a link between two ids."""
    return content_id("ln1", symbol, anchor)


def link_revision(link: str, symbol_revision: str, sheet_sha256: str, method: str) -> str:
    """Return the id of what a link says about these contents of its ends."""
    return content_id("lr1", link, symbol_revision, sheet_sha256, method)


def sample_id(content_hash: str, link_revisions: list[str], template_version: int) -> str:
    """Return the id of a training sample."""
    return content_id("sm1", content_hash, sorted(link_revisions), template_version)


def blob_id(data: bytes) -> str:
    """Return git's object id (sha1) of a blob with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
