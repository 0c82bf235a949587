"""The generated vendor as something to measure on: its newest trees and datasheets, which every machine can write."""

from pathlib import Path

from deploy.demo.play import write_tree
from deploy.demo.vendor import Vendor, build_vendor


def write_generated(folder: Path) -> tuple[Vendor, dict[str, Path]]:
    """Return the vendor written below folder, and the newest tree of each of its repositories by name."""
    vendor = build_vendor(folder / "vendor")
    trees = {repository.name: folder / "trees" / repository.name for repository in vendor.repositories}
    for repository in vendor.repositories:
        write_tree(repository, trees[repository.name])
    return vendor, trees
