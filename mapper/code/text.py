"""The text of a source file with byte offsets, its lines, comments and literals.

The working text is latin-1, so that an index into it is a byte offset as tree-sitter counts them; what leaves this
package goes through `plain`, which gives back the file's own encoding.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

MAX_COMMENT_CHARS = 4000

_SKIP = re.compile(
    r"""(?P<comment>//(?:[^\n\\]|\\\r?\n|\\.)*+|/\*.*?(?:\*/|\Z))|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.){1,8}+'""",
    re.DOTALL,
)
_MARKS = " \t\r\f*/"
_DOXYGEN_MARKS = ("!<", "!", "<")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, or a run of line comments under each other, as offsets and 1-based lines."""

    start: int
    end: int
    line: int
    end_line: int
    own_line: bool
    """Nothing but white space stands before it on its first line."""


class SourceText:
    """A file's text, indexed by byte, with lookups by line. Invalid UTF-8 is read as latin-1."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.text = data.decode("latin-1")
        self._encoding = _encoding(data)
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        self.comments, self.string_spans = _find_comments_and_strings(self)
        self._ending_at = {comment.end_line: comment for comment in self.comments if comment.own_line}
        self._starting_at: dict[int, Comment] = {}
        for comment in self.comments:
            self._starting_at.setdefault(comment.line, comment)

    def line_of(self, offset: int) -> int:
        """Return the 1-based line that holds a byte offset."""
        return bisect_right(self._line_starts, offset)

    def line_start(self, line: int) -> int:
        """Return the byte offset at which a 1-based line begins."""
        return self._line_starts[line - 1]

    def plain(self, text: str) -> str:
        """Return a piece of the working text in the file's own encoding."""
        if self._encoding is None or text.isascii():
            return text
        return text.encode("latin-1").decode(self._encoding, "replace")

    def slice(self, start: int, end: int) -> str:
        """Return the text between two byte offsets."""
        return self.plain(self.text[start:end])

    def comment_of(self, line: int, end_line: int, *, trailing_first: bool) -> str:
        """Return the comment that belongs to a definition: directly above it, or after it on its last line."""
        above = self._ending_at.get(line - 1)
        trailing = self._starting_at.get(end_line)
        if trailing is not None and trailing.own_line:
            trailing = None
        for comment in (trailing, above) if trailing_first else (above, trailing):
            if comment is not None:
                return self.clean(comment)
        return ""

    def clean(self, comment: Comment) -> str:
        """Return a comment's text without comment marks, decoration and blank lines."""
        return clean_comment(self.slice(comment.start, comment.end))

    def header_comment(self) -> str:
        """Return the comments that stand before the first line of code."""
        end, texts = 0, []
        for comment in self.comments:
            if self.text[end : comment.start].strip():
                break
            texts.append(self.clean(comment))
            end = comment.end
        return "\n".join(filter(None, texts))[:MAX_COMMENT_CHARS]


def clean_comment(text: str) -> str:
    """Return a comment's text without comment marks, decoration and blank lines."""
    return "\n".join(filter(None, map(_clean_line, text.split("\n"))))[:MAX_COMMENT_CHARS]


def _clean_line(line: str) -> str:
    words = line.strip(_MARKS)
    if words.startswith(_DOXYGEN_MARKS):
        words = words.lstrip("!<").lstrip()
    return words if any(map(str.isalnum, words)) else ""


def _encoding(data: bytes) -> str | None:
    """Return "utf-8" if text must be decoded anew, or None when the working text is right as it is."""
    if data.isascii():
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _find_comments_and_strings(source: SourceText) -> tuple[list[Comment], list[tuple[int, int]]]:
    """Return all comments in order, line comments directly under each other as one, and the spans of literals."""
    comments: list[Comment] = []
    literals: list[tuple[int, int]] = []
    text = source.text
    for match in _SKIP.finditer(text):
        start, end = match.span()
        if match.lastgroup is None:
            literals.append((start, end))
            continue
        line = source.line_of(start)
        own_line = not text[source.line_start(line) : start].strip()
        comment = Comment(start, end, line, source.line_of(end - 1), own_line)
        last = comments[-1] if comments else None
        if last is not None and own_line and _continues(text, last, comment):
            comments[-1] = Comment(last.start, end, last.line, comment.end_line, last.own_line)
        else:
            comments.append(comment)
    return comments, literals


def _continues(text: str, last: Comment, comment: Comment) -> bool:
    """Return whether a line comment goes on from the one on the line before it, at the same column."""
    if comment.line != last.end_line + 1 or not text.startswith("//", comment.start):
        return False
    return text.startswith("//", last.start) and _column(text, last.start) == _column(text, comment.start)


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset)
