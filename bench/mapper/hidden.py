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
_PIECES = re.compile(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])")


class NameHider:
    """Replaces part numbers in paths and in text. The same word always gets the same hash."""

    def __init__(self, parts: Iterable[str], paths: Iterable[str]) -> None:
        self.parts = tuple(sorted({normalise(part) for part in parts if len(normalise(part)) >= MIN_NAME_LENGTH}))
        self._words = frozenset(word for path in paths for word in _path_words(path))
        self._families = tuple(sorted({match[0] for part in self.parts if (match := re.match(r"[a-z]{2,}(?=\d)", part))}))
        self._wordlike = [part for part in self.parts if not any(c.isdigit() for c in part)]
        self._numbered = sorted((part for part in self.parts if any(c.isdigit() for c in part)), key=len, reverse=True)
        self._inside = re.compile("|".join(re.escape(part) for part in self._numbered) or r"(?!)")
        self._pattern = re.compile("|".join((_WITH_DIGIT, *self._wordlike_patterns())))
        self._spaced = re.compile("|".join(self._spaced_patterns()) or r"(?!)")
        self._seen: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text with its part numbers hidden; line breaks stay where they are."""
        joined = self._spaced.sub(lambda match: hashed(match[0], normalise(match[0])), text)
        return self._pattern.sub(self._replacement, joined)

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
        if word in self._words:
            return True
        if any(word == part or grade_name(word, part) > 0 for part in self.parts):
            return True
        if len(word) >= MIN_NAME_LENGTH and any(word in part and is_part_like_or_short(word) for part in self.parts):
            return True
        return len(word) >= MIN_FAMILY_LENGTH and any(
            word.startswith(family) and word[len(family)].isdigit() for family in self._families if len(word) > len(family)
        )

    def _replacement(self, match: re.Match[str]) -> str:
        chunk = match[0]
        found = self._seen.get(chunk)
        if found is None:
            found = self._seen[chunk] = self._hide_chunk(chunk)
        return found

    def _hide_chunk(self, chunk: str) -> str:
        """Return a run of letters and digits with its part numbers hidden: as a whole, by its pieces, or inside one."""
        if self.is_hidden_word(chunk.lower()):
            return hashed(chunk, chunk.lower())
        return "".join(self._hide_piece(piece) for piece in _PIECES.split(chunk))

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
        wild = [rf"(?<![A-Za-z0-9])(?i:{family}x+)(?![A-Za-z0-9])" for family in self._families if len(family) >= 4]
        return [*(rf"(?i:{part})" for part in self._wordlike), *wild]

    def _spaced_patterns(self) -> list[str]:
        """Return patterns of parts written with a break between letters and number."""
        found = {
            rf"(?<![A-Za-z0-9])(?i:{match[1]})[-_ ]{match[2]}[A-Za-z0-9]*"
            for part in self.parts
            if (match := re.match(r"([a-z]{2,})(\d{2,})", part))
        }
        return sorted(found)


def is_part_like_or_short(word: str) -> bool:
    """Say whether a word with a digit after a letter may be a shortened part number."""
    return any(c.isdigit() for c in word) and word[0].isalpha()


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
