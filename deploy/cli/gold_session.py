"""A labelling session at the terminal: show one symbol after the other, take an answer, save it at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from deploy.cli.gold_store import Store
from deploy.cli.output import err, note
from mapper.gold import Candidate, GoldAnchor, GoldLabel
from mapper.gold.answers import HELP, Answer, AnswerError, parse_answer, parse_place
from mapper.gold.labels import MAX_ANCHORS, anchor_of, label_kind
from mapper.gold.passages import RADIUS_LINES, code_window, passage, printable, section_title
from mapper.model import Datasheet

MORE_LINES = 12
ReadLine = Callable[[str], str]
"""Return the next line of input after a prompt; raises EOFError at its end."""


@dataclass(slots=True)
class Session:
    """The symbols to ask about and all it takes to show them."""

    store: Store
    sheets: Mapping[str, Datasheet]
    """By file name."""
    text_of: Callable[[str], str]
    """Source text by path; "" if it cannot be read."""
    set_name: str
    reader: str
    tool: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    num_answered: int = 0
    _conflicts: dict[Candidate, str] = field(default_factory=dict)
    _history: list[int] = field(default_factory=list)

    def run(self, candidates: Sequence[Candidate], read_line: ReadLine) -> bool:
        """Ask about each candidate in turn; return whether all were asked, False if the reader quit."""
        at = 0
        while at < len(candidates):
            self._show(candidates[at], at + 1, len(candidates), RADIUS_LINES)
            answer = self._ask(candidates[at], read_line)
            if answer.action == "quit":
                return False
            if answer.action == "undo":
                at = self._undo(candidates, at)
                continue
            self._take(candidates[at], answer, at)
            at += 1
        return True

    def _ask(self, candidate: Candidate, read_line: ReadLine) -> Answer:
        """Return the answer that ends the question; help, more lines and conflict marks are dealt with here."""
        while True:
            try:
                answer = parse_answer(read_line("answer (? for help)> "), num_proposals=len(_proposed(candidate)))
                if answer.action == "place":
                    answer = Answer(action="label", places=(_ask_place(read_line),))
                for place in answer.places:
                    self._check_page(candidate.file, place)
            except AnswerError as error:
                note(f"{error}")
                continue
            except EOFError:
                return Answer(action="quit")
            if answer.action == "help":
                note(HELP)
            elif answer.action == "more":
                self._show_places(candidate, MORE_LINES)
                self._show_code(candidate, MORE_LINES)
            elif answer.action == "conflict":
                self._conflicts[candidate] = answer.text
                note(f"noted as a conflict: {answer.text}; where does the datasheet specify it?")
            else:
                return answer

    def _check_page(self, file: str, place: GoldAnchor) -> None:
        num_pages = self.sheets[file].num_pages
        if place.page > num_pages:
            raise AnswerError(f"page: 1 to {num_pages} of {file} expected, got {place.page}")

    def _take(self, candidate: Candidate, answer: Answer, at: int) -> None:
        if answer.action == "skip":
            return
        label = self._label(candidate, answer)
        if answer.action == "doubtful":
            self.store.doubtful.add(label)
        else:
            self.store.answers.add(label)
        self.num_answered += 1
        self._history.append(at)

    def _label(self, candidate: Candidate, answer: Answer) -> GoldLabel:
        symbol, conflict = candidate.symbol, self._conflicts.get(candidate)
        anchors = tuple(self._titled(candidate.file, anchor) for anchor in answer.anchors(_proposed(candidate)))
        return GoldLabel(
            file=candidate.file,
            set=self.set_name,
            path=symbol.path,
            line=symbol.line,
            kind=label_kind(symbol),
            name=symbol.name,
            scope=symbol.scope,
            nil=not anchors,
            anchors=anchors[:MAX_ANCHORS],
            conflict=conflict is not None,
            note="" if conflict is None else f"conflict: {conflict}",
            reader=self.reader,
            date=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            tool=self.tool,
        )

    def _titled(self, file: str, anchor: GoldAnchor) -> GoldAnchor:
        """Return a typed place with the title of its section, and the register's address if the datasheet has both."""
        if anchor.title:
            return anchor
        sheet = self.sheets[file]
        addresses = [r.address for r in sheet.registers if r.name == anchor.register and r.address is not None]
        address = f"0x{addresses[0]:02X}" if addresses else None
        return replace(anchor, title=section_title(sheet, anchor.page), address=address)

    def _undo(self, candidates: Sequence[Candidate], at: int) -> int:
        """Forget the last answer of this session and return where to go on: at its symbol."""
        if not self._history:
            note("nothing to undo: no answer was given in this session")
            return at
        last = self._history.pop()
        self.store.undo(candidates[last].key)
        self._conflicts.pop(candidates[last], None)
        self.num_answered -= 1
        note(f"forgotten: the answer on {candidates[last].symbol.qualified_name}")
        return last

    def _show(self, candidate: Candidate, number: int, total: int, radius: int) -> None:
        symbol = candidate.symbol
        note("")
        err.rule(f"{number} of {total}", align="left", style="dim")
        note(f"{label_kind(symbol)} {printable(symbol.qualified_name)}  {printable(symbol.path)}:{symbol.line}")
        note(f"datasheet: {printable(candidate.file)}")
        self._show_code(candidate, radius)
        self._show_places(candidate, radius)

    def _show_code(self, candidate: Candidate, radius: int) -> None:
        symbol = candidate.symbol
        shown = code_window(self.text_of(symbol.path), symbol, radius=radius)
        for number, text in shown:
            err.print(
                f"{number:>6} {text}", markup=False, soft_wrap=True, style="bold" if number == symbol.line else ""
            )
        if not shown:
            note(f"       {printable(symbol.declaration)}")

    def _show_places(self, candidate: Candidate, radius: int) -> None:
        sheet = self.sheets[candidate.file]
        proposed = _proposed(candidate)
        for number, anchor in enumerate(proposed, start=1):
            named = ".".join(printable(name) for name in (anchor.register, anchor.field) if name)
            what = f"{number}. page {anchor.page}, {anchor.kind}: {printable(anchor.title)}" + (
                f" [{named}]" if named else ""
            )
            err.print(f"{what} ({anchor.grade})", markup=False, soft_wrap=True, style="bold")
            for line in passage(sheet, anchor, radius=radius):
                note(f"     | {line}")
        if not proposed:
            note("no place is proposed; n says that nothing specifies it, p names a place")


def _proposed(candidate: Candidate) -> tuple[GoldAnchor, ...]:
    return tuple(anchor_of(link) for link in candidate.links[:MAX_ANCHORS])


def _ask_place(read_line: ReadLine) -> GoldAnchor:
    """Return a place asked for in four questions. Raises AnswerError, EOFError."""
    page = read_line("page> ").strip()
    kind = read_line("place (overview, description, procedure, field, table, parameter, command)> ").strip()
    register = read_line("register (empty for none)> ").strip() or "-"
    name = read_line("field (empty for none)> ").strip()
    return parse_place(" ".join((page, kind, register, name)))
