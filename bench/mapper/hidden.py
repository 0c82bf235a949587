"""Names hidden: the same tree with every part number replaced by a hash, the datasheets left as they are.

What then still finds a driver are its registers, values and words, not its name. Replaced are, in paths, identifiers,
comments and strings: the parts of the datasheets, every word of their families (same letters, then a digit), and every
part-like word that stands in a path of the tree, so that the tree's other drivers do not stand out. Each whole word
gets a hash of its own, so members of a family no longer look alike; it keeps its case and the look of a part number
(a letter, then digits and letters), since what a part number looks like is not what is hidden.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from mapper.linking.parts import grade_name, is_part_like, normalise

HASH_DIGITS = 7
MIN_FAMILY_LENGTH = 5
MIN_NAME_LENGTH = 4
_WITH_DIGIT = r"(?<![A-Za-z0-9])(?:[A-Za-z]+\d|\d{2,}[A-Za-z]{2,}\d)[A-Za-z0-9]*"
_BROKEN = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2,})[-_ ](\d{2,}[A-Za-z0-9]*)")
_PIECES = re.compile(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[0-9][a-z])(?=[A-Z][a-z])")


class NameHider:
    """Replaces part numbers in paths and in text. The same word always gets the same hash."""

    def __init__(self, parts: Iterable[str], paths: Iterable[str]) -> None:
        self.parts = tuple(sorted({normalise(part) for part in parts if len(normalise(part)) >= MIN_NAME_LENGTH}))
        self._words = frozenset(word for path in paths for word in _path_words(path))
        self._families = frozenset(match[0] for part in self.parts if (match := re.match(r"[a-z]{2,}(?=\d)", part)))
        self._wordlike = [part for part in self.parts if not any(c.isdigit() for c in part)]
        self._numbered = sorted((part for part in self.parts if any(c.isdigit() for c in part)), key=len, reverse=True)
        self._inside = re.compile("|".join(re.escape(part) for part in self._numbered) or r"(?!)")
        self._pattern = re.compile("|".join((_WITH_DIGIT, *self._wordlike_patterns())))
        self._breaks = frozenset(
            (match[1], match[2]) for part in self.parts if (match := re.match(r"([a-z]{2,})(\d{2,})", part))
        )
        self._kin = {start: [p for p in self.parts if p[:2] == start] for start in {p[:2] for p in self.parts}}
        self._seen: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text with its part numbers hidden; line breaks stay where they are."""
        return self._pattern.sub(self._replacement, _BROKEN.sub(self._join_broken, text))

    def path(self, path: str) -> str:
        """Return a path with its part numbers hidden."""
        return self.text(path)

    def data(self, data: bytes) -> bytes:
        """Return a file's bytes with its part numbers hidden, whatever its encoding."""
        return self.text(data.decode("latin-1")).encode("latin-1")

    def gold(self, rows: Iterable[dict[str, object]]) -> Iterator[dict[str, object]]:
        """Yield labels with their paths, symbol names and scopes as the hidden tree writes them."""
        for row in rows:
            yield {
                key: self.text(value) if key in {"path", "name", "scope"} and isinstance(value, str) else value
                for key, value in row.items()
            }

    def is_hidden_word(self, word: str) -> bool:
        """Say whether a lower-case word is a part's name, one of its family, or a part-like word of a path."""
        if word in self._words or word in self.parts:
            return True
        if any(grade_name(word, part) > 0 for part in self._kin.get(word[:2], ())):
            return True
        if len(word) < MIN_NAME_LENGTH or not word[0].isalpha() or not any(c.isdigit() for c in word):
            return False
        if any(word in part or (len(part) >= 6 and word.endswith(part)) for part in self._numbered):
            return True
        return len(word) >= MIN_FAMILY_LENGTH and re.match(r"[a-z]*", word)[0] in self._families  # type: ignore[index]

    def _replacement(self, match: re.Match[str]) -> str:
        chunk = match[0]
        found = self._seen.get(chunk)
        if found is None:
            found = self._seen[chunk] = self._hide_chunk(chunk)
        return found

    def _hide_chunk(self, chunk: str) -> str:
        """Return a run of letters and digits with its part numbers hidden: by its pieces, as a whole, or inside one."""
        pieces = "".join(self._hide_piece(piece) for piece in _PIECES.split(chunk))
        return hashed(chunk, chunk.lower()) if pieces == chunk and self.is_hidden_word(chunk.lower()) else pieces

    def _hide_piece(self, piece: str) -> str:
        low = piece.lower()
        if self.is_hidden_word(low):
            return hashed(piece, low)
        match = self._inside.search(low)
        if match is None:
            return piece
        return piece[: match.start()] + hashed(piece[match.start() :], low[match.start() :])

    def _wordlike_patterns(self) -> list[str]:
        """Return patterns of names without a digit: such a part's own, and a family's with x for its digits."""
        wild = [
            rf"(?<![A-Za-z0-9])(?i:{family}x+)(?![A-Za-z0-9])" for family in sorted(self._families) if len(family) >= 4
        ]
        return [*(rf"(?i:{part})" for part in self._wordlike), *wild]

    def _join_broken(self, match: re.Match[str]) -> str:
        """Return the hash of a part written with a break between letters and number, anything else as it is."""
        letters, digits = match[1].lower(), re.match(r"\d+", match[2])
        if digits is None or (letters, digits[0]) not in self._breaks:
            return match[0]
        return hashed(match[0], normalise(match[0]))


def hashed(spelling: str, word: str) -> str:
    """Return the hash that stands for a word, in upper case, capitalised or lower case as it is spelled."""
    name = "h" + hashlib.sha256(word.encode()).hexdigest()[:HASH_DIGITS]
    letters = [c for c in spelling if c.isalpha()]
    if letters and all(c.isupper() for c in letters):
        return name.upper()
    return name.capitalize() if spelling[0].isupper() else name


def _path_words(path: str) -> Iterator[str]:
    """Yield the words of a path that look like part numbers."""
    for chunk in re.findall(r"[A-Za-z0-9]+", path):
        for piece in (chunk, *_PIECES.split(chunk)):
            low = piece.lower()
            if is_part_like(low) and (len(low) > MIN_NAME_LENGTH or sum(c.isdigit() for c in low) > 1):
                yield low
