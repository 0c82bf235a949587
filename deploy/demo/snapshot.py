"""Write the generated vendor as it is at last: trees, datasheets, and the gold labels about them."""

from pathlib import Path

from deploy.demo.gold import write_gold
from deploy.demo.vendor import Vendor


def write_snapshot(folder: Path, vendor: Vendor) -> None:
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
