"""A file, its links and their datasheets -> training samples.

A sample's text is a comment with the facts of the linked datasheet passage, then the code. Files without links become
samples too, without a passage. The same arguments give the same samples, ids included.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

from mapper.code.normal import code_tokens
from mapper.corpus.domain import domain_of
from mapper.corpus.drop import Drop, DropReason
from mapper.corpus.licence import Verdict, decide
from mapper.corpus.passage import choose_sheet, passage
from mapper.corpus.personal import strip_people
from mapper.corpus.pieces import Piece, cut
from mapper.corpus.sample import TEMPLATE_VERSION, Sample
from mapper.corpus.secrets import scrub_secrets
from mapper.ids import sample_id
from mapper.model import Datasheet, SourceFile, TraceLink

__all__ = ["Drop", "build_samples"]

MIN_CODE_CHARS = 40

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_HASH_COMMENTS = frozenset({"kconfig"})
_NO_CODE = frozenset({"text", "other"})


def build_samples(
    file: SourceFile,
    text: str,
    links: Sequence[TraceLink],
    sheets: Mapping[str, Datasheet],
    *,
    repo_family: str,
    commit: str,
    default_licence: str | None,
) -> tuple[tuple[Sample, ...], tuple[Drop, ...]]:
    """Return the samples of one file and what was left out.

    `links` may hold links of other files and links that only a model made, which are ignored; `sheets` is keyed by
    sha256. `default_licence` is the SPDX expression of the repository, for files that name none.
    """
    refusal = _refusal(file, text)
    if refusal is not None:
        return (), (Drop(reason=refusal[0], path=file.path, detail=refusal[1]),)
    verdict = decide(file.licence, file.header_comment, default_licence)
    if not verdict.allowed:
        reason: DropReason = "licence_refused" if verdict.known else "licence_unknown"
        return (), (Drop(reason=reason, path=file.path, detail=verdict.detail),)
    scrubbed = scrub_secrets(text)
    if scrubbed.has_private_key:
        return (), (Drop(reason="private_key", path=file.path, detail="the file holds a private key"),)
    code = strip_people(scrubbed.text, hash_comments=file.language in _HASH_COMMENTS)
    domain = domain_of(file.path, text)
    own = [
        link for link in links if link.symbol.path == file.path and link.sheet_sha256 in sheets and not link.is_llm_only
    ]
    pieces = cut(code, file.symbols)
    samples: list[Sample] = []
    drops: list[Drop] = []
    for number, piece in enumerate(pieces, start=1):
        if not _has_code(piece.text):
            drops.append(Drop(reason="empty", path=file.path, detail=f"lines {piece.start_line}-{piece.end_line}"))
            continue
        place = f"{file.path}, part {number} of {len(pieces)}" if len(pieces) > 1 else file.path
        samples.append(_sample(file, piece, place, own, sheets, verdict, domain, repo_family, commit))
    return tuple(samples), tuple(drops)


def _refusal(file: SourceFile, text: str) -> tuple[DropReason, str] | None:
    if file.language in _NO_CODE or file.role == "document":
        return "document", f"language {file.language}, role {file.role}"
    if file.role == "generated":
        return "generated", "the path says that a program wrote it"
    if match := _CONTROL.search(text):
        return "encoding", f"control character {match.group()!r} at offset {match.start()}"
    if not _has_code(text):
        return "empty", f"less than {MIN_CODE_CHARS} characters of code"
    return None


def _has_code(text: str) -> bool:
    return sum(map(len, code_tokens(text))) >= MIN_CODE_CHARS


def _sample(
    file: SourceFile,
    piece: Piece,
    place: str,
    links: Sequence[TraceLink],
    sheets: Mapping[str, Datasheet],
    verdict: Verdict,
    domain: str,
    repo_family: str,
    commit: str,
) -> Sample:
    assert verdict.licence is not None
    inside = [link for link in links if piece.start_line <= link.symbol.line <= piece.end_line]
    sheet = choose_sheet(inside, sheets)
    told = [link for link in inside if sheet is not None and link.sheet_sha256 == sheet.sha256]
    facts = passage(sheet, told) if sheet is not None else ""
    revisions = tuple(sorted({link.revision for link in told})) if facts else ()
    text = _comment([f"File: {place}", *facts.splitlines()], file.language) + piece.text.strip("\n") + "\n"
    return Sample(
        sample_id=sample_id(hashlib.sha256(text.encode()).hexdigest(), list(revisions), TEMPLATE_VERSION),
        text=text,
        domain=domain,
        licence=verdict.licence,
        repo_family=repo_family,
        path=file.path,
        blob_id=file.blob_id,
        commit=commit,
        sheet_sha256=sheet.sha256 if sheet is not None and facts else None,
        link_revisions=revisions,
        template_version=TEMPLATE_VERSION,
    )


def _comment(lines: Sequence[str], language: str) -> str:
    """Return lines as a comment of the language, followed by a line end."""
    if language in _HASH_COMMENTS:
        return "".join(f"# {line}\n" for line in lines)
    if len(lines) == 1:
        return f"/* {lines[0]} */\n"
    return "/*\n" + "".join(f" * {line}\n" for line in lines) + " */\n"
