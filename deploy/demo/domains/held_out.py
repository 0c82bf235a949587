"""Source trees of other origins that are never published: the benchmark's held-out side."""

import shutil
from pathlib import Path

from deploy.demo.domains.origin import HELD_OUT
from deploy.demo.domains.write import all_domains

_FILES_PER_DOMAIN = (5, 3, 3)
"""For each family; the first one alone covers every domain with four files or more."""


def write_held_out(folder: Path, *, seed: int, small: bool = False) -> None:
    """Write a folder for each family, each with its licence; what was there before is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    for origin, count in zip(HELD_OUT, _FILES_PER_DOMAIN, strict=True):
        if small and origin is not HELD_OUT[0]:
            continue
        family = folder / origin.name
        for file in all_domains(origin, count, seed=seed):
            path = family / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        licence = f"SPDX-License-Identifier: {origin.licence}\n\nCopyright {origin.year} {origin.vendor}\n"
        (family / "LICENSE").write_text(licence, encoding="utf-8")
