"""Level 3 with a model: symbols whose best proposal lies near the cut, or whose two best are as good as each other.

Items are symbols, candidates the places that the rules proposed for them, so that a choice always has some evidence of
its own. Symbols of one name with the same proposals (a prototype and its body, ports of one driver) are asked about
once. Prompts hold many symbols each.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from mapper.linking.alignment.matches import Ground, Match, order, symbol_key
from mapper.linking.asking.material import MAX_NAME_CHARS, has_hidden, plain, symbol_text
from mapper.linking.asking.questions import MODEL_RULE, UNDECIDED_RULE, Answer, Candidate, Item, Question, batches
from mapper.linking.confidence import ACCEPT, probability, raw_score
from mapper.model import LLM_ONLY_RULE, Evidence, Section, Symbol

LOW, HIGH = 0.58, 0.9
"""Probabilities between which a best proposal is neither refused nor sure; likeness of words alone stays below."""
SUPPORTED = 0.6
"""From this probability on, the rules count as a signal that agrees with a choice; likeness of words alone is below."""
TIE = 0.02
"""Raw scores this close say nothing about which of two places a definition stands for."""
TIE_BELOW = 0.985
"""From this probability on both places of a tie are right: the datasheet has the thing twice."""
MAX_PLACES = 4
MAX_ITEMS = 24
MAX_USED = 4
MAX_DESCRIPTION_CHARS = 80
MAX_PASSAGE_CHARS = 120
MODEL_PROBABILITY = ACCEPT + 0.05
"""Probability that a model's choice has at least: just accepted."""
MODEL_ONLY_PROBABILITY = ACCEPT + 0.01
"""The same where the rules alone had refused the place."""
REFUSED_PROBABILITY = ACCEPT - 0.05
"""Probability that proposals have at most where a model said that none fits."""
UNDECIDED = Evidence(rule=UNDECIDED_RULE, detail="no model answered", weight=0.0)

Place = tuple[str, ...]
"""What identifies a register, a field of one, or a section among a datasheet's places."""


@dataclass(frozen=True, slots=True)
class Open:
    """A symbol the rules are not sure about, with all symbols that one answer settles, and its places, best first."""

    symbols: tuple[Symbol, ...]
    places: tuple[Place, ...]


def place_of(match: Match) -> Place:
    """Return the place a match leads to: its overview row, its description and its field's are one."""
    register = match.register
    if register is None:
        return ("section", *match.anchor.path, match.anchor.title)
    address = "" if register.address is None else f"{register.address:#x}"
    return ("register", register.name, address, match.field.name if match.field else "", *register.section_path)


def open_symbols(ground: Ground) -> tuple[Open, ...]:
    """Return what the rules left open on a ground, in the order of files and lines."""
    groups: dict[tuple[object, ...], list[Symbol]] = {}
    for symbol in (symbol for file in ground.files for symbol in file.symbols):
        found = ground.found.get(symbol_key(symbol), [])
        places = tuple(dict.fromkeys(place_of(match) for match in found))[:MAX_PLACES]
        if found and _is_open(symbol, found):
            key = (symbol.name, symbol.scope, ground.tree.value(symbol), places)
            groups.setdefault(key, []).append(symbol)
    return tuple(Open(tuple(symbols), key[3]) for key, symbols in groups.items())  # type: ignore[arg-type]


def symbol_questions(ground: Ground, opened: Sequence[Open]) -> list[Question]:
    """Return the questions about open symbols: MAX_ITEMS each, those with hidden characters apart."""
    texts = _place_texts(ground, opened)
    ids = {place: f"p{number}" for number, place in enumerate(texts, start=1)}
    candidates = tuple(Candidate(id=ids[place], text=text) for place, text in texts.items())
    clean: list[Item] = []
    hidden: list[Item] = []
    for number, each in enumerate(opened, start=1):
        item = Item(
            id=f"s{number}", text=_text(ground, each.symbols), candidates=tuple(ids[place] for place in each.places)
        )
        spoilt = has_hidden(item.text) or any(has_hidden(texts[place]) for place in each.places)
        (hidden if spoilt else clean).append(item)
    sheet = ground.index.sheet
    about = f"Datasheet: {plain(sheet.title or sheet.file, MAX_NAME_CHARS)}"
    return [
        piece
        for items in (clean, hidden)
        for piece in batches(
            Question(
                level="symbols",
                sheet_file=sheet.file,
                about=about,
                items=tuple(items),
                candidates=candidates,
                many=True,  # a function may serve several registers; a name may be printed for several
                copy_restricted=sheet.copy_restricted,
            ),
            MAX_ITEMS,
        )
    ]


def decide_symbols(
    ground: Ground, opened: Sequence[Open], answers: Sequence[tuple[Question, Answer | None]], model: str
) -> None:
    """Put the answers to `symbol_questions` into the ground's proposals."""
    ids = {f"p{number}": place for number, place in enumerate(_place_texts(ground, opened), start=1)}
    for question, answer in answers:
        for item in question.items:
            each = opened[int(item.id[1:]) - 1]
            chosen = answer.of(item.id) if answer is not None else None
            places = frozenset(ids[candidate] for candidate in chosen or ())
            for symbol in each.symbols:
                found = ground.found[symbol_key(symbol)]
                ground.found[symbol_key(symbol)] = (
                    [noted(match, UNDECIDED) for match in found]
                    if chosen is None
                    else settle(found, places, f"{model}, {len(each.places)} places")
                )


def leave_symbols(ground: Ground) -> None:
    """Mark in the ground's proposals what the rules left open, where nobody is asked."""
    for each in open_symbols(ground):
        for symbol in each.symbols:
            found = ground.found[symbol_key(symbol)]
            ground.found[symbol_key(symbol)] = [noted(match, UNDECIDED) for match in found]


def settle(found: Sequence[Match], places: Collection[Place], detail: str) -> list[Match]:
    """Return a symbol's proposals after a model chose some of its places, or none of them.

    "None" does not undo what the rules alone are sure of; a place that they alone had refused is marked.
    """
    best = probability(found[0].raw)
    if not places:
        said = Evidence(rule=MODEL_RULE, detail=f"none fits: {detail}", weight=0.0)
        sure = best >= HIGH
        return [
            noted(match if sure else replace(match, raw=min(match.raw, raw_score(REFUSED_PROBABILITY))), said)
            for match in found
        ]
    tops: dict[Place, float] = {}
    for match in found:
        tops[place_of(match)] = max(match.raw, tops.get(place_of(match), 0.0))
    was_accepted = best >= ACCEPT
    kept = [
        chosen_match(
            match, tops[place_of(match)], detail, confirms=was_accepted and place_of(match) == place_of(found[0])
        )
        for match in found
        if place_of(match) in places
    ]
    return sorted(kept, key=order)


def noted(match: Match, *evidence: Evidence) -> Match:
    """Return a match with more evidence."""
    return replace(match, evidence=(*match.evidence, *evidence))


def chosen_match(match: Match, top: float, detail: str, *, confirms: bool) -> Match:
    """Return a chosen proposal: at least just accepted; top is the best raw score of its place."""
    supported = probability(top) >= SUPPORTED
    lift = max(top, raw_score(MODEL_PROBABILITY if supported else MODEL_ONLY_PROBABILITY)) - top
    said = [Evidence(rule=MODEL_RULE, detail=f"chosen: {detail}", weight=round(top, 4))]
    if not supported:
        said.append(Evidence(rule=LLM_ONLY_RULE, detail="the rules refused it", weight=0.0))
    return noted(replace(match, raw=match.raw + lift, method=match.method if confirms else MODEL_RULE), *said)


def _is_open(symbol: Symbol, found: Sequence[Match]) -> bool:
    best = probability(found[0].raw)
    if LOW <= best < HIGH:
        return True
    rivals = [match for match in found[1:] if place_of(match) != place_of(found[0])]
    is_one_thing = symbol.kind not in {"function", "struct"}  # these may stand for several places
    return is_one_thing and HIGH <= best < TIE_BELOW and bool(rivals) and found[0].raw - rivals[0].raw < TIE


def _place_texts(ground: Ground, opened: Sequence[Open]) -> dict[Place, str]:
    """Return the line of each place that open symbols may stand for, in order of first mention."""
    sections = {(*section.path, section.title): section for section in ground.index.sheet.sections}
    texts: dict[Place, str] = {}
    for each in opened:
        for match in ground.found[symbol_key(each.symbols[0])]:
            place = place_of(match)
            if place in each.places and place not in texts:
                texts[place] = _place_text(match, sections.get(place[1:]))
    return texts


def _place_text(match: Match, section: Section | None) -> str:
    register, bits = match.register, match.field
    if register is None:
        path = match.anchor.path or (match.anchor.title,)
        title = "section " + " > ".join(plain(each, MAX_NAME_CHARS) for each in path[-2:])
        passage = plain(section.text, MAX_PASSAGE_CHARS) if section is not None else ""
        return f"{title}: {passage}" if passage else title
    address = "" if register.address is None else f" {register.address:#x}"
    text = f"{register.role} {plain(register.name, MAX_NAME_CHARS)}{address}"
    described = register.description
    if bits is not None:
        text = (
            f"field {plain(register.name, MAX_NAME_CHARS)}.{plain(bits.name, MAX_NAME_CHARS)} [{bits.high}:{bits.low}]"
        )
        described = bits.description
    described = plain(described.split(". ")[0], MAX_DESCRIPTION_CHARS)
    return f"{text}: {described}" if described else text


def _text(ground: Ground, symbols: Sequence[Symbol]) -> str:
    symbol = next((each for each in symbols if each.form != "prototype"), symbols[0])
    return symbol_text(symbol, ground.tree.value(symbol), list(_used(ground, symbol))[:MAX_USED])


def _used(ground: Ground, symbol: Symbol) -> Iterator[str]:
    """Yield the names in a function's body that stand for something."""
    if symbol.kind == "function":
        yield from (name for name in symbol.references if name != symbol.name and name in ground.by_name)
