"""Which trees are measured, and which of them the rules were made on.

A figure on a tree that rules were tuned on says how well they fit; only the others say how well they hold. So totals
are given for both groups apart, and this list is the one place that says which is which.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.mapper.gold import GoldRow, below, gold_rows, named_directories, read_sheets
from bench.mapper.trees import Tree, join_trees, read_folder
from mapper.model import Datasheet

NOT_TUNED = frozenset(
    {"ina226_rt", "ld_as3935", "ld_ina219", "ld_lan8720", "ld_st7789", "ld_tcs34725", "ld_wm8978", "rfid_mb"}
)
"""Left aside while the linking rules were written, or not at hand then; their misses were not looked at one by one.
Everything else was. The kernel's tree was looked at for files, not for symbols."""
LIBDRIVER = "ld_"
"""Gold sets of one maker's repositories, one driver each; joined they are one haystack with many needles."""
JOINED = "libdriver joined"
JOINED_WITH_MORE = "libdriver + RIOT"
MORE = "riot"
"""Folder name of a second large collection, RIOT's drivers/; without labels, but what its directories are named."""
KERNEL = "linux-6.1"
GENERATED = "generated "
"""How names of the generated vendor's trees begin; what its labels ask is easier than what people wrote."""
COLLECTIONS = frozenset({"esp_idf_lib", "i2cdevlib", "sensorlib", JOINED, JOINED_WITH_MORE})
"""Trees with many drivers: where finding the right one is a question at all."""


@dataclass(frozen=True, slots=True)
class Case:
    """A tree, its datasheets and its labels; only labels of datasheets at hand."""

    tree: Tree
    sheets: tuple[Datasheet, ...]
    gold: tuple[GoldRow, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie. trees: folders that hold one folder a gold set."""

    trees: tuple[Path, ...]
    data: Path
    cache: Path | None

    def tree(self, name: str) -> Path | None:
        """Return the folder of a set's tree, None if it is not at hand."""
        return next((folder / name for folder in self.trees if (folder / name).is_dir()), None)


def set_names(places: Places) -> list[str]:
    """Return the sets whose tree and at least one datasheet are at hand, joined ones last, without the kernel."""
    labelled = {path.stem for folder in ("gold", "gold/read") for path in (places.data / folder).glob("*.jsonl")}
    names = sorted(name for name in labelled - {KERNEL} if places.tree(name) is not None)
    if sum(name.startswith(LIBDRIVER) for name in names) > 1:
        names.append(JOINED)
        if places.tree(MORE) is not None:
            names.append(JOINED_WITH_MORE)
    return names


def load_case(name: str, places: Places) -> Case:
    """Return a set. Raises KeyError when its tree is not at hand."""
    if name in {JOINED, JOINED_WITH_MORE}:
        return _joined(name, places)
    folder = places.tree(name)
    if folder is None:
        raise KeyError(name)
    return _case(read_folder(folder, name), gold_rows(places.data, name), places)


def group_of(name: str) -> str:
    """Return the group of totals that a set counts in; the joined trees repeat other sets' labels, so in none."""
    if name in {JOINED, JOINED_WITH_MORE}:
        return "joined"
    if name == KERNEL:
        return "kernel"
    if name.startswith(GENERATED):
        return "generated"
    return "not tuned on" if name in NOT_TUNED else "tuned on"


def _joined(name: str, places: Places) -> Case:
    parts: list[tuple[str, Tree]] = []
    gold: list[GoldRow] = []
    folders = sorted(path for folder in places.trees for path in folder.glob(f"{LIBDRIVER}*") if path.is_dir())
    for folder in folders:
        short = folder.name.removeprefix(LIBDRIVER)
        parts.append((short, read_folder(folder)))
        gold += below(short, gold_rows(places.data, folder.name))
    more = places.tree(MORE) if name == JOINED_WITH_MORE else None
    if more is not None:
        parts.append((MORE, read_folder(more)))
    case = _case(join_trees(name, parts), gold, places)
    if more is None:
        return case
    others = Tree(MORE, {path: data for path, data in case.tree.contents.items() if path.startswith(f"{MORE}/")})
    return Case(case.tree, case.sheets, (*case.gold, *named_directories(others, case.sheets)))


def _case(tree: Tree, gold: Sequence[GoldRow], places: Places) -> Case:
    sheets = read_sheets(places.data, sorted({str(row["file"]) for row in gold}), places.cache)
    read = {sheet.file for sheet in sheets}
    return Case(tree, tuple(sheets), tuple(row for row in gold if row["file"] in read))


def in_groups(names: Iterable[str]) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Yield the groups that totals are given for, those without a set left out."""
    kept = list(names)
    collections = COLLECTIONS - ({JOINED} if JOINED_WITH_MORE in kept else set())  # the same datasheets, once
    groups: list[tuple[str, Callable[[str], bool]]] = [
        ("tuned on", lambda name: group_of(name) == "tuned on"),
        ("not tuned on", lambda name: group_of(name) == "not tuned on"),
        ("kernel", lambda name: name == KERNEL),
        ("driver collections", lambda name: name in collections),
        ("generated", lambda name: group_of(name) == "generated"),
    ]
    yield from ((title, belongs) for title, belongs in groups if any(belongs(name) for name in kept))
