"""Write the generated vendor's gold labels as plain files."""

import json
from pathlib import Path

from deploy.demo.truth import Truth


def write_gold(folder: Path, truth: Truth) -> None:
    """Write `<repository>.jsonl` for each repository's newest tree; the same truth gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for repo in truth.trees:
        lines = [json.dumps(line, ensure_ascii=False) for line in truth.gold_lines(repo)]
        (folder / f"{repo}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
