"""What a reader's line of input means. One line is one answer, so that a session can be written down and replayed."""

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mapper.errors import MapperError
from mapper.gold.labels import GoldAnchor
from mapper.model import Grade, Place

HELP = """\
  a             all proposed places are right
  1, 1 3        only these are, best first; 1 3~ says that the third is only partly what the symbol stands for
  n             none: nothing in the datasheet specifies this symbol (NIL)
  p             another place: asks page, kind of place, register, field
  p 12 field CTRL1 FS       the same in one line; + joins places: 1 + p 12 field CTRL1 FS
  c TEXT        code and datasheet disagree, TEXT says how; then answer where it stands
  m             more code and more of the pages
  s             skip, ask again another time
  d             doubtful: leave this symbol out of the gold for good
  u             undo the last answer
  q             quit; what was answered is saved"""

Action = Literal["label", "place", "conflict", "more", "skip", "doubtful", "undo", "quit", "help"]
_WORDS: dict[str, Action] = {
    "p": "place", "m": "more", "s": "skip", "d": "doubtful", "u": "undo", "q": "quit", "?": "help", "h": "help",
}  # fmt: skip
_NUMBER = re.compile(r"(\d+)(~?)")


class AnswerError(MapperError):
    """A line of input is no answer: says what came and what was expected."""

    reason = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to do, and for a label: proposals by number with their grade, and places typed in."""

    action: Action
    proposals: tuple[tuple[int, Grade | None], ...] = ()
    """(index from 0, grade or None for the proposed one)"""
    places: tuple[GoldAnchor, ...] = ()
    text: str = ""

    def anchors(self, proposed: tuple[GoldAnchor, ...]) -> tuple[GoldAnchor, ...]:
        """Return the anchors of a label, each place once; none means NIL."""
        chosen = [
            proposed[index] if grade is None else replace(proposed[index], grade=grade)
            for index, grade in self.proposals
        ]
        return tuple(dict.fromkeys((*chosen, *self.places)))


def parse_answer(line: str, *, num_proposals: int) -> Answer:
    """Return what a line says about a symbol with so many proposals. Raises AnswerError."""
    words = line.split()
    if not words:
        raise AnswerError("an answer expected, got an empty line; ? lists the answers")
    first = words[0].lower()
    if first == "c":
        if len(words) == 1:
            raise AnswerError("c: what code and datasheet say expected, as in: c code 0x1D, datasheet 0x1B")
        return Answer(action="conflict", text=" ".join(words[1:]))
    if len(words) == 1 and first in _WORDS:
        return Answer(action=_WORDS[first])
    if len(words) == 1 and first == "n":
        return Answer(action="label")
    proposals: list[tuple[int, Grade | None]] = []
    places: list[GoldAnchor] = []
    for part in line.split("+"):
        pieces = part.split()
        if pieces and pieces[0].lower() == "p":
            places.append(parse_place(" ".join(pieces[1:])))
        elif pieces == ["a"] and num_proposals:
            proposals += [(index, None) for index in range(num_proposals)]
        else:
            proposals += [_proposal(piece, num_proposals) for piece in pieces]
    return Answer(action="label", proposals=tuple(dict.fromkeys(proposals)), places=tuple(places))


def parse_place(text: str) -> GoldAnchor:
    """Return a place typed as `page kind [register [field]]`, a dash for no register. Raises AnswerError."""
    pieces = text.split()
    grade: Grade = "partial" if pieces and pieces[-1].endswith("~") else "full"
    pieces = [stripped for piece in pieces if (stripped := piece.removesuffix("~"))]
    kinds = {kind for kind in get_args(Place) if len(pieces) > 1 and kind.startswith(pieces[1].lower())}
    if not 2 <= len(pieces) <= 4 or not pieces[0].isdecimal() or int(pieces[0]) < 1 or len(kinds) != 1:
        raise AnswerError(
            f"a page, one of {', '.join(get_args(Place))}, and perhaps register and field expected, got {text!r}"
        )
    register, field = (*(None if piece == "-" else piece for piece in pieces[2:]), None, None)[:2]
    return GoldAnchor(page=int(pieces[0]), kind=kinds.pop(), title="", register=register, field=field, grade=grade)


def _proposal(piece: str, num_proposals: int) -> tuple[int, Grade | None]:
    match = _NUMBER.fullmatch(piece)
    if match is None or not 1 <= int(match[1]) <= num_proposals:
        known = f"1 to {num_proposals}, " if num_proposals else ""
        raise AnswerError(f"{known}n, p, s or another answer expected, got {piece!r}; ? lists the answers")
    return int(match[1]) - 1, "partial" if match[2] else None
