"""A model in a mapping: what it is asked, what its answers do, and what they can not do."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mapper.linking import map_tree
from mapper.linking.alignment.matches import Match
from mapper.linking.asking import ask_files, ask_symbols
from mapper.linking.asking.ask_symbols import place_of, settle
from mapper.linking.asking.questions import Answer, Level, Policy, Question, Recorder
from mapper.linking.confidence import ACCEPT, probability
from mapper.model import Anchor, Datasheet, Evidence, Mapping, Register, Section, SourceFile

Choose = Callable[[Question, str, tuple[str, ...]], tuple[str, ...]]


class Fake:
    """A model that answers by a function of question, item and candidates, and keeps what it was asked."""

    name = "fake"

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.questions: list[Question] = []

    def complete(self, questions: Sequence[Question]) -> list[Answer | None]:
        self.questions += questions
        return [
            Answer(chosen=tuple((item.id, self.choose(question, item.id, item.candidates)) for item in question.items))
            for question in questions
        ]


def first(question: Question, item: str, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Choose what stands first: at level 3 the rules' best."""
    return candidates[:1]


def none(question: Question, item: str, candidates: tuple[str, ...]) -> tuple[str, ...]:
    return ()


def keys(mapping: Mapping) -> set[tuple[str, str]]:
    return {(link.symbol.name, link.anchor_id) for link in mapping.links}


@pytest.fixture
def all_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that are sure of no symbol, whatever its score."""
    monkeypatch.setattr(ask_symbols, "LOW", 0.0)
    monkeypatch.setattr(ask_symbols, "HIGH", 1.1)


@pytest.fixture
def all_files_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that are sure of no file."""
    monkeypatch.setattr(ask_files, "SURE", 1.1)


def test_without_a_policy_nobody_is_asked(driver: list[SourceFile], sheet: Datasheet, all_open: None) -> None:
    """A model that is at hand is not enough."""
    model = Fake(none)

    assert map_tree(driver, [sheet], repo_family="d", model=model).links
    assert not model.questions


def test_what_the_rules_are_sure_of_is_not_asked(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Of a driver that agrees with its datasheet, no register definition is a question."""
    recorder = Recorder()

    map_tree(driver, [sheet], repo_family="d", model=recorder, policy="undecided")

    assert not [item for question in recorder.questions for item in question.items if "_REG_" in item.text]


def test_a_model_that_confirms_changes_no_link(driver: list[SourceFile], sheet: Datasheet, all_open: None) -> None:
    """The rules' best choice stays with its method and revision, and says that a model chose it too."""
    plain = map_tree(driver, [sheet], repo_family="d")
    asked = map_tree(driver, [sheet], repo_family="d", model=Fake(first), policy="undecided")

    best = {link.revision: link for link in asked.links}
    assert {link.revision for link in plain.links if link.rank == 1} <= set(best)
    assert any(each.rule == "llm" for link in asked.links for each in link.evidence)
    assert not [link for link in asked.links if link.is_llm_only]


def test_nil_removes_links(driver: list[SourceFile], sheet: Datasheet, all_open: None) -> None:
    """Where the rules were not sure, a model may say that nothing fits."""
    mapping = map_tree(driver, [sheet], repo_family="d", model=Fake(none), policy="undecided")

    assert not mapping.links


def test_without_an_answer_the_rules_stand_and_say_so(
    driver: list[SourceFile], sheet: Datasheet, all_open: None
) -> None:
    """The same links, marked as undecided."""
    plain = map_tree(driver, [sheet], repo_family="d")
    asked = map_tree(driver, [sheet], repo_family="d", policy="undecided")

    assert keys(asked) == keys(plain)
    assert {link.score for link in asked.links} == {link.score for link in plain.links}
    assert all(any(each.rule == "undecided" for each in link.evidence) for link in asked.links)


def test_a_prompt_holds_many_symbols(driver: list[SourceFile], sheet: Datasheet, all_open: None) -> None:
    """One datasheet, one prompt, not one a symbol; a prototype and its body are asked about once."""
    recorder = Recorder()

    map_tree(driver, [sheet], repo_family="d", model=recorder, policy="undecided")

    symbols = [question for question in recorder.questions if question.level == "symbols"]
    assert len(symbols) == 1
    assert len(symbols[0].items) > 8
    assert sum("zq4071_set_sample_rate" in item.text for item in symbols[0].items) == 1


def test_a_file_in_doubt_can_be_refused(driver: list[SourceFile], sheet: Datasheet, all_files_open: None) -> None:
    """And no link leads into it any more."""
    mapping = map_tree(driver, [sheet], repo_family="d", model=Fake(none), policy="undecided")

    assert not [file for file in mapping.files if file.accepted]
    assert not mapping.links


def test_a_file_that_only_a_model_chose_gives_marked_links(
    driver: list[SourceFile], other_sheet: Datasheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is absent; a model that chooses its nearest neighbour makes links that nothing learns from."""
    monkeypatch.setattr(ask_files, "WORTH_ASKING", 0.0)
    monkeypatch.setattr(ask_files, "SUPPORT", {})
    everything = Fake(lambda question, item, candidates: candidates if question.level == "files" else candidates[:1])

    mapping = map_tree(driver, [other_sheet], repo_family="d", model=everything, policy="undecided")

    assert mapping.links
    assert all(link.is_llm_only for link in mapping.links)


@pytest.mark.parametrize("policy", ["undecided", "all"])
def test_the_order_of_files_does_not_matter(
    driver: list[SourceFile], sheet: Datasheet, policy: Policy, all_open: None
) -> None:
    """The same questions, the same mapping."""
    one, other = Fake(first), Fake(first)

    forward = map_tree(driver, [sheet], repo_family="d", model=one, policy=policy)
    backward = map_tree(driver[::-1], [sheet], repo_family="d", model=other, policy=policy)

    assert one.questions == other.questions
    assert forward == backward


def test_all_asks_on_three_levels(driver: list[SourceFile], sheet: Datasheet) -> None:
    """Directories, then files a section, then symbols a section and file."""
    model = Fake(lambda question, item, candidates: candidates if question.level == "structure" else candidates[:2])

    mapping = map_tree(driver, [sheet], repo_family="d", model=model, policy="all")

    levels: list[Level] = [question.level for question in model.questions]
    assert list(dict.fromkeys(levels)) == ["structure", "files", "symbols"]
    assert all(link.method == "llm" for link in mapping.links)
    assert any(link.is_llm_only for link in mapping.links)


def test_all_without_answers_is_what_the_rules_say(driver: list[SourceFile], sheet: Datasheet) -> None:
    """A dry run or a dead server: the prompts follow from the rules' candidates, the links are the rules'."""
    recorder = Recorder()

    asked = map_tree(driver, [sheet], repo_family="d", model=recorder, policy="all")

    assert keys(asked) == keys(map_tree(driver, [sheet], repo_family="d"))
    assert {question.level for question in recorder.questions} == {"structure", "files", "symbols"}


def test_all_keeps_what_it_got_no_answer_about(driver: list[SourceFile], sheet: Datasheet) -> None:
    """A budget that ends midway: links into sections that were asked in vain stay, marked; the others are gone."""

    class Half(Fake):
        def complete(self, questions: Sequence[Question]) -> list[Answer | None]:
            answers = super().complete(questions)
            return [
                None if question.level == "symbols" and "Section: Registers" in question.about else answer
                for question, answer in zip(questions, answers, strict=True)
            ]

    model = Half(lambda question, item, candidates: () if question.level == "symbols" else candidates)
    ruled = map_tree(driver, [sheet], repo_family="d")
    halved = map_tree(driver, [sheet], repo_family="d", model=model, policy="all")

    stayed = {link.symbol.name for link in ruled.links if "Registers" in link.anchor.path}
    assert stayed
    assert stayed <= {link.symbol.name for link in halved.links}
    assert all(any(each.rule == "undecided" for each in link.evidence) for link in halved.links)


REGISTER = Register(name="CTRL", address=1, page=3)
ANCHOR = Anchor(kind="register", title="CTRL", path=(), page=3, register="CTRL", address=1)
SECTION = Anchor(kind="section", title="Power", path=("Power",), page=9)


def match(anchor: Anchor, raw: float) -> Match:
    register = REGISTER if anchor is ANCHOR else None
    return Match(anchor, raw, "rule", (Evidence(rule="r", detail="", weight=raw),), "full", register)


def test_a_refused_place_is_just_accepted_and_marked() -> None:
    """A choice against the rules gets the lowest score that makes a link, and is the model's alone."""
    found = [match(ANCHOR, 0.56), match(SECTION, 0.1)]

    (decided,) = settle(found, {place_of(found[1])}, "m")

    assert ACCEPT <= probability(decided.raw) < 0.7
    assert [each.rule for each in decided.evidence] == ["r", "llm", "llm_only"]


def test_nil_does_not_undo_what_is_sure() -> None:
    """The score stays where the rules alone are sure."""
    assert [each.raw for each in settle([match(ANCHOR, 0.99)], (), "m")] == [0.99]
    assert probability(settle([match(ANCHOR, 0.6)], (), "m")[0].raw) < ACCEPT


def test_hidden_characters_spoil_their_own_item_alone(
    driver: list[SourceFile], sheet: Datasheet, all_open: None
) -> None:
    """A place whose name hides something is asked about apart, so the other questions can be sent."""
    spoilt = replace(sheet.registers[2], name="Sta\u200btus")
    recorder = Recorder()

    map_tree(driver, [replace(sheet, registers=(*sheet.registers[:2], spoilt, *sheet.registers[3:]))],
             repo_family="d", model=recorder, policy="undecided")  # fmt: skip

    clean, hidden = (question for question in recorder.questions if question.level == "symbols")
    assert not any("\u200b" in text for text in clean.texts())
    assert len(clean.items) > len(hidden.items) > 0


def test_long_sections_are_cut(sheet: Datasheet, driver: list[SourceFile]) -> None:
    """A prompt has a bounded length, whatever the datasheet."""
    long: Section = replace(sheet.sections[0], text="word " * 100_000)
    recorder = Recorder()

    map_tree(
        driver, [replace(sheet, sections=(long, *sheet.sections[1:]))], repo_family="d", model=recorder, policy="all"
    )

    assert max(len(question.about) for question in recorder.questions) < 13_000
