"""The generated vendor's gold in tests/data/gold: complete, true to the printed page, what `make gold` writes."""

import filecmp
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from deploy.demo.gold import write_gold
from deploy.demo.snapshot import write_snapshot
from deploy.demo.vendor import Vendor
from mapper.code import is_relevant_path, parse_file

GOLD = Path(__file__).resolve().parents[2] / "data" / "gold"
REPOSITORIES = ("veldra-drivers", "veldra-sdk")


def labels(repository: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLD / f"{repository}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_committed_labels_are_what_the_generator_writes(full_vendor: Vendor, tmp_path: Path) -> None:
    """`make gold` would change nothing, byte for byte."""
    write_gold(tmp_path, full_vendor.truth)

    _, changed, missing = filecmp.cmpfiles(tmp_path, GOLD, [f"{name}.jsonl" for name in REPOSITORIES], shallow=False)

    assert (changed, missing) == ([], []), "run `make gold` and commit tests/data/gold"


def test_labels_cover_every_kind_with_and_without_a_counterpart() -> None:
    """All six kinds and members occur with anchors, conflicts of five kinds are marked, an absent part is named."""
    lines = [line for name in REPOSITORIES for line in labels(name)]
    kinds = Counter((line["kind"], line["nil"]) for line in lines if line["level"] == "symbol")
    conflicts = {side["kind"] for line in lines for side in line.get("conflicts", ())}
    roles = {line["role"] for line in lines if line["level"] == "file"}

    linked = {kind for kind, is_nil in kinds if not is_nil}
    assert linked == {"function", "macro", "struct", "struct_member", "constant", "config", "register"}
    assert {kind for kind, is_nil in kinds if is_nil} == linked - {"register"}
    assert conflicts == {"address", "width", "access", "reset", "value"}
    assert roles == {"primary", "support", "absent"}


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_no_symbol_of_a_labelled_file_is_without_a_label(full_vendor: Vendor, repository: str) -> None:
    """Include guards and prototypes apart, whatever a labelled file defines has a line, and no line comes twice."""
    known = Counter(
        (line["path"], line["name"], line["line"]) for line in labels(repository) if line["level"] == "symbol"
    )
    tree = list(full_vendor.truth.trees[repository].values())[-1]

    defined = {
        (path, symbol.name, symbol.line)
        for path in {path for path, *_ in known}
        if is_relevant_path(path)
        for symbol in parse_file(path, tree[path].data).symbols
        if symbol.form not in {"guard", "prototype"}
    }

    assert defined == set(known)
    assert max(known.values()) == 1


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_the_page_of_each_label_prints_what_the_label_names(full_vendor: Vendor, repository: str) -> None:
    """Register, field or title stand in the text of the anchor's page, words in the same order."""
    pages = {sheet.revisions[-1].name: page_texts(sheet.revisions[-1]) for sheet in full_vendor.sheets}

    absent = [
        (line["name"], anchor["page"], wanted)
        for line in labels(repository)
        for anchor in line.get("anchors", ())
        for wanted in ([anchor["register"], anchor["field"]] if anchor["register"] else [anchor["title"]])
        if wanted is not None
        if "".join(wanted.split()) not in pages[line["file"]][anchor["page"] - 1]
    ]

    assert absent == []


def page_texts(pdf: Path) -> list[str]:
    """Return each page's text without white space."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return ["".join(page.get_textpage().get_text_bounded().split()) for page in document]
    finally:
        document.close()


def test_a_snapshot_has_what_the_labels_speak_of(full_vendor: Vendor, tmp_path: Path) -> None:
    """Every labelled file and datasheet is written beside the labels."""
    write_snapshot(tmp_path, full_vendor)

    for name in REPOSITORIES:
        for line in labels(name):
            assert (tmp_path / "datasheets" / line["file"]).is_file()
            assert line["path"] is None or (tmp_path / "trees" / name / line["path"]).is_file()
    assert filecmp.cmp(tmp_path / "gold" / "veldra-sdk.jsonl", GOLD / "veldra-sdk.jsonl", shallow=False)
