"""The order of release tags: by the version in a tag's name, as semver and PEP 440 have it where they agree.

The version is the last dotted number of the name (v1.2.3, release_1_2_3, SDK_FW_V1.28.0), else its last number. What
follows it says whether it comes before the release of that number (1.2.0-rc1, 2.0b3) or after it (1.2.0-p1).
"""

import re
from dataclasses import dataclass, field

_DOTTED = re.compile(r"(?<!\d)(\d{1,12}(?:[._]\d{1,12})+)")
_SINGLE = re.compile(r"(?<!\d)(\d{1,12})(?!\d)")
_WORD = re.compile(r"[a-z]+|\d+")
_PRE = {
    **dict.fromkeys(("dev", "snapshot", "nightly"), 0),
    **dict.fromkeys(("alpha", "a", "eng", "ea"), 1),
    **dict.fromkeys(("beta", "b"), 2),
    **dict.fromkeys(("pre", "preview", "prerelease", "rc", "c"), 3),
}
_FINAL, _POST = 4, 5
_POSTS = frozenset(("post", "p", "patch", "hotfix", "fix", "sp", "update", "u", "r", "rev"))


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Where a tag stands among others: the greater is the newer. Equal versions are ordered by name."""

    numbers: tuple[int, ...]
    """Without zeros at the end: 1.2 and 1.2.0 are one version."""
    stage: int
    stage_number: int
    tag: str
    is_prerelease: bool = field(compare=False)


def version_of(tag: str) -> Version | None:
    """Return the version in a tag's name, None for a name without a number."""
    found = list(_DOTTED.finditer(tag)) or list(_SINGLE.finditer(tag))
    if not found:
        return None
    # A trailing number of a pre-release (rc1, beta.2) is no version: only what stands before a stage's word is.
    match = next((each for each in reversed(found) if not _is_stage_number(tag, each)), found[0])
    numbers = [int(number) for number in re.split(r"[._]", match[1])]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    stage, number = _stage(tag[match.end() :])
    return Version(tuple(numbers), stage, number, tag, stage < _FINAL)


def newest(tags: list[str]) -> str | None:
    """Return the tag to follow: the newest release, or the newest pre-release where there is no release."""
    versions = [version for version in map(version_of, tags) if version is not None]
    releases = [version for version in versions if not version.is_prerelease]
    return max(releases or versions).tag if versions else None


def _is_stage_number(tag: str, match: re.Match[str]) -> bool:
    words = _WORD.findall(tag[: match.start()].lower())
    return bool(words) and words[-1] in _PRE and any(word.isdigit() for word in words)


def _stage(rest: str) -> tuple[int, int]:
    """Return what the rest of a name after its numbers says: before, at or after the release, and which one."""
    words = _WORD.findall(rest.lower())
    for at, word in enumerate(words):
        if word in _PRE or word in _POSTS:
            number = int(words[at + 1]) if at + 1 < len(words) and words[at + 1].isdigit() else 0
            return _PRE.get(word, _POST), number
    return _FINAL, 0
