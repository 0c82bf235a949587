"""The text of a source file with byte offsets, its lines, comments and literals.

The working text is latin-1, so that an index into it is a byte offset as tree-sitter counts them; what leaves this
package goes through `plain`, which gives back the file's own encoding.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

MAX_COMMENT_CHARS = 4000

_SKIP = re.compile(
    r"""//[^\n\\]*+(?:\\(?:\r?\n|.)[^\n\\]*+)*
    |/\*.*?(?:\*/|\Z)
    |"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"
    |'(?:[^'\\\n]|\\.){1,8}'""",
    re.DOTALL | re.VERBOSE,
)
_BOM = b"\xef\xbb\xbf"
_MARKS = " \t\r\f*/"
_DOXYGEN_MARKS = ("!<", "!", "<")
SPACES = bytes(byte if byte in b"\r\n" else 0x20 for byte in range(256))
"""For bytes.translate: what turns all but line ends into spaces."""
_COMMENT_SPACES = SPACES.replace(b"\n", b"\f").replace(b"\r", b" ")


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
        self.data = b"   " + data[3:] if data.startswith(_BOM) else data
        self.text = self.data.decode("latin-1")
        self._encoding = _encoding(data)
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        self.comments: list[Comment] = []
        """All comments in order, line comments directly under each other as one."""
        self.string_spans: list[tuple[int, int]] = []
        self.braced_spans: list[tuple[int, int]] = []
        """The insides of literals with a brace in them."""
        self.code = self._without_comments()
        """The text with comments as spaces; offsets hold. A line end within a comment is a form feed, since it ends no
        directive: ask `line_of` for lines."""
        self._ending_at = {comment.end_line: comment for comment in self.comments if comment.own_line}
        self._starting_at: dict[int, Comment] = {}
        for comment in self.comments:
            self._starting_at.setdefault(comment.line, comment)

    def _without_comments(self) -> str:
        """Find comments and literals; return the text with each comment as white space."""
        text, comments = self.text, self.comments
        spaces = self.data.translate(_COMMENT_SPACES).decode("latin-1")
        pieces: list[str] = []
        at = 0
        for match in _SKIP.finditer(text):
            start, end = match.span()
            if text[start] != "/":
                self.string_spans.append((start, end))
                if text.find("{", start, end) >= 0 or text.find("}", start, end) >= 0:
                    self.braced_spans.append((start + 1, end - 1))
                continue
            line = self.line_of(start)
            line_start = self._line_starts[line - 1]
            own_line = line_start == start or text[line_start:start].isspace()
            end_line = line
            if text.find("\n", start, end) >= 0:
                end_line = self.line_of(end - 1)
            pieces += (text[at:start], spaces[start:end])
            at = end
            last = comments[-1] if comments else None
            if own_line and last is not None and last.end_line == line - 1 and self._continues(last, start, line_start):
                comments[-1] = Comment(last.start, end, last.line, end_line, last.own_line)
            else:
                comments.append(Comment(start, end, line, end_line, own_line))
        return "".join([*pieces, text[at:]])

    def _continues(self, last: Comment, start: int, line_start: int) -> bool:
        """Return whether a line comment goes on from the one on the line before it, at the same column."""
        if not self.text.startswith("//", start) or not self.text.startswith("//", last.start):
            return False
        return start - line_start == last.start - self._line_starts[last.line - 1]

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
        above, trailing = self._ending_at.get(line - 1), self._starting_at.get(end_line)
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
    if "\n" not in text:
        return _clean_line(text)[:MAX_COMMENT_CHARS]
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
