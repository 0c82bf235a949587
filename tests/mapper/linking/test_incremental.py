"""A mapping made from kept decisions equals one made at once, whatever happened to the tree in between."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mapper.code import parse_file
from mapper.linking import map_tree
from mapper.linking.index.facts import file_facts
from mapper.linking.index.postings import Postings
from mapper.linking.index.state import EMPTY, TreeState
from mapper.linking.index.structure import answer_files
from mapper.linking.mapping import Decision, Remapped, remap_tree
from mapper.model import Datasheet, SourceFile

PATHS = (
    "src/drv_zq4071.h",
    "src/drv_zq4071.c",
    "drivers/zq407x/zq407x.c",
    "drivers/kt220/kt220.h",
    "third_party/drv_zq4071.h",
    "lib/accel/accel_regs.h",
    "lib/accel/accel.c",
    "test/zq4071_test.c",
    "lib/map.h",
)
TEXTS = (
    "#define ZQ4071_REG_CONTROL 0x00\n#define ZQ4071_REG_SAMPLE_RATE 0x01\n#define ZQ4071_REG_STATUS 0x02\n",
    "#define REG_CONTROL 0x00\n#define REG_SAMPLE_RATE 0x01\n#define REG_STATUS 0x02\n#define REG_INT_THRESH_H 0x05\n",
    "#define ZQ4071_REG_STATUS (ZQ_BASE + 2)\nint zq4071_read_status(void) { return get(ZQ4071_REG_STATUS); }\n",
    '#include "accel_regs.h"\nint f(void) { return g(REG_CONTROL) + g(REG_SAMPLE_RATE) + g(REG_STATUS); }\n',
    "#define ZQ_BASE 0x00\n",
    "#define ZQ_BASE ZQ_ORIGIN\n",
    "#define ZQ_ORIGIN 0x00\nint kt220_get(void);\n",
    'static const char *id = "acme,zq4071"; /* sample rate status control */\n',
    "",
)
steps = st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from([*TEXTS, None])), min_size=1, max_size=4)
histories = st.lists(steps, min_size=1, max_size=5)


def columns(state: TreeState) -> dict[str, object]:
    """Return a state's columns as lists, to compare two states."""
    values = {field.name: getattr(state, field.name) for field in fields(TreeState)}
    flat = {name: value for name, value in values.items() if not isinstance(value, Postings)}
    flat |= {
        f"{name}.{column.name}": getattr(value, column.name)
        for name, value in values.items()
        if isinstance(value, Postings)
        for column in fields(Postings)
    }
    return {name: (v.dtype.str, v.tolist()) if isinstance(v, np.ndarray) else v for name, v in flat.items()}


def state_from(files: dict[str, SourceFile]) -> TreeState:
    return TreeState.of(map(file_facts, answer_files(files.values())))


def remapped(
    state: TreeState, files: dict[str, SourceFile], sheets: list[Datasheet], before: dict[str, Decision]
) -> Remapped:
    by_key: dict[str, Callable[[], Datasheet]] = {sheet.sha256: lambda sheet=sheet: sheet for sheet in sheets}  # type: ignore[misc]
    return remap_tree(state, files.__getitem__, by_key, repo_family="demo", before=before)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_any_history_ends_in_the_mapping_of_its_last_tree(
    sheet: Datasheet, other_sheet: Datasheet, history: list[list[tuple[str, str | None]]]
) -> None:
    """After each step of added, edited and removed files, state and mapping equal those made from scratch."""
    sheets = [sheet, other_sheet]
    files: dict[str, SourceFile] = {}
    state, decisions = EMPTY, dict[str, Decision]()
    for step in history:
        changed = {path: parse_file(path, text.encode()) for path, text in step if text is not None}
        removed = {path for path, _ in step}
        files = {path: file for path, file in files.items() if path not in removed} | changed
        state = state.updated(removed, map(file_facts, answer_files(changed.values())))
        result = remapped(state, files, sheets, decisions)
        decisions = dict(result.decisions)

        assert columns(state) == columns(state_from(files))
        assert result.mapping == map_tree(list(files.values()), sheets, repo_family="demo")


def test_a_change_elsewhere_decides_nothing_anew(
    driver: list[SourceFile], sheet: Datasheet, source: Callable[[str, str], SourceFile]
) -> None:
    """A new file about another thing leaves all decisions as they are."""
    fillers = [source(f"lib/part{number}.c", "int part_on(void) { return 1; }\n") for number in range(40)]
    files = {file.path: file for file in [*driver, *fillers]}
    first = remapped(state_from(files), files, [sheet], {})
    files["lib/led.c"] = source("lib/led.c", "int led_on(void) { return 1; }\n")

    second = remapped(state_from(files), files, [sheet], dict(first.decisions))

    assert (first.num_files_decided, first.num_links_decided) == (1, 1)
    assert (second.num_files_decided, second.num_links_decided) == (0, 0)
    assert second.decisions[sheet.sha256] is first.decisions[sheet.sha256]


def test_an_edit_of_the_driver_decides_it_anew(driver: list[SourceFile], sheet: Datasheet) -> None:
    """What an accepted file says is read by both levels."""
    files = {file.path: file for file in driver}
    first = remapped(state_from(files), files, [sheet], {})
    edited = parse_file("src/drv_zq4071.h", b"#define ZQ4071_REG_CONTROL 0x00\n")
    files[edited.path] = edited

    second = remapped(state_from(files), files, [sheet], dict(first.decisions))

    assert (second.num_files_decided, second.num_links_decided) == (1, 1)
    assert second.mapping == map_tree(list(files.values()), [sheet], repo_family="demo")


def test_a_value_in_another_file_is_read(sheet: Datasheet, source: Callable[[str, str], SourceFile]) -> None:
    """The links follow a base that moves in a file that is not accepted itself."""
    text = "#define ZQ4071_REG_STATUS ZQ_STATUS_PLACE\n#define ZQ4071_REG_CONTROL 0x00\n"
    files = {f.path: f for f in (source("src/zq4071.h", text), source("lib/map.h", "#define ZQ_STATUS_PLACE 0x02\n"))}
    first = remapped(state_from(files), files, [sheet], {})
    files["lib/map.h"] = source("lib/map.h", "#define ZQ_STATUS_PLACE 0x09\n")

    second = remapped(state_from(files), files, [sheet], dict(first.decisions))

    def method(result: Remapped) -> str:
        return next(link.method for link in result.mapping.links if link.symbol.name == "ZQ4071_REG_STATUS")

    assert second.num_links_decided == 1
    assert method(first) == "address+name"
    assert method(second) != "address+name"


def test_a_datasheet_that_nobody_asks_for_is_not_read(driver: list[SourceFile], sheet: Datasheet) -> None:
    """A kept decision needs neither the datasheet nor the parsed files."""
    files = {file.path: file for file in driver}
    state = state_from(files)
    first = remapped(state, files, [sheet], {})

    def fail(*_: object) -> Datasheet:
        raise AssertionError("nothing is to be read")

    second = remap_tree(state, {}.__getitem__, {sheet.sha256: fail}, repo_family="demo", before=first.decisions)

    assert second.mapping == first.mapping


def test_copies_among_tests_and_drivers_keep_the_driver(sheet: Datasheet, driver: list[SourceFile]) -> None:
    """A file that an example repeats under a shorter path is still the answer."""
    header = driver[0]
    copy = replace(header, path="demo/drv_zq4071.h", role="example")

    mapping = map_tree([copy, header], [sheet], repo_family="demo")

    assert [file.path for file in mapping.files if file.accepted] == [header.path]
