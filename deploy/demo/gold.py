"""Write the generated vendor's gold labels, and the trees and datasheets that they are about, as plain files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.demo.truth import Truth
    from deploy.demo.vendor import Vendor


def write_gold(folder: Path, truth: "Truth") -> None:
    """Write `<repository>.jsonl` for each repository's newest tree; the same truth gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for repo in truth.trees:
        lines = [json.dumps(line, ensure_ascii=False) for line in truth.gold_lines(repo)]
        (folder / f"{repo}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_snapshot(folder: Path, vendor: "Vendor") -> None:
    """Write the newest trees (trees/), the newest datasheets (datasheets/) and the labels (gold/) below a folder."""
    for repo, commits in vendor.truth.trees.items():
        for path, file in list(commits.values())[-1].items():
            target = folder / "trees" / repo / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
    sheets = folder / "datasheets"
    sheets.mkdir(parents=True, exist_ok=True)
    for sheet in vendor.sheets:
        newest = sheet.revisions[-1]
        (sheets / newest.name).write_bytes(newest.read_bytes())
    write_gold(folder / "gold", vendor.truth)
