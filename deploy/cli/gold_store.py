"""The files of a labelling session: labels, symbols left out as doubtful, a second reader's answers, disputes.

Every change writes a whole new file and puts it in place by rename, so that a session can end at any moment. Lines of
others (file labels, mechanical labels) are kept as they are.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from deploy.cli.jsonlines import read_lines
from mapper.errors import FormatError
from mapper.gold import GoldLabel, Merge, label_line, merge_readers, read_label
from mapper.gold.labels import LabelKey


class LabelFile:
    """A JSON lines file of labels, as it is on disk."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises FormatError with file and line for a line that is no gold."""
        self.path = path
        self._lines: list[str] = []
        self._labels: list[GoldLabel | None] = []
        for row in read_lines(path) if path.exists() else ():
            at = str(row.pop("_at"))
            try:
                label = read_label(row) if row["level"] == "symbol" and row.get("source") == "read" else None
            except FormatError as error:
                raise FormatError(f"{at}: {error}") from error
            self._lines.append(json.dumps(row, ensure_ascii=False))
            self._labels.append(label)

    @property
    def labels(self) -> tuple[GoldLabel, ...]:
        """The labels made by reading, in order."""
        return tuple(label for label in self._labels if label is not None)

    def add(self, *labels: GoldLabel) -> None:
        """Append labels, in place of earlier ones of the same symbols, and save; both of a pair are kept."""
        self._drop({label.key for label in labels})
        self._labels += labels
        self._lines += [_line(label) for label in labels]
        self._save()

    def remove(self, keys: Iterable[LabelKey]) -> None:
        """Take the labels of these symbols out and save."""
        self._drop(set(keys))
        self._save()

    def replace(self, labels: Iterable[GoldLabel]) -> None:
        """Put labels where those of the same symbols stand, and save."""
        new = {label.key: label for label in labels}
        for index, old in enumerate(self._labels):
            if old is not None and old.key in new:
                self._labels[index] = new[old.key]
                self._lines[index] = _line(new[old.key])
        self._save()

    def _drop(self, keys: set[LabelKey]) -> None:
        kept = [index for index, label in enumerate(self._labels) if label is None or label.key not in keys]
        self._labels = [self._labels[index] for index in kept]
        self._lines = [self._lines[index] for index in kept]

    def _save(self) -> None:
        partial = self.path.with_name(self.path.name + ".part")
        partial.write_text("".join(line + "\n" for line in self._lines), encoding="utf-8")
        partial.replace(self.path)


class Store:
    """Where answers go: the gold file itself, or, for a second reader, a file beside it until it is merged."""

    def __init__(self, gold: Path, *, second_reader: bool) -> None:
        """Open the files that are there. Raises FormatError."""
        self.gold = LabelFile(gold)
        self.doubtful = LabelFile(gold.with_name(f"{gold.stem}.doubtful.jsonl"))
        self.disputed = LabelFile(gold.with_name(f"{gold.stem}.disputed.jsonl"))
        self.second = LabelFile(gold.with_name(f"{gold.stem}.second.jsonl"))
        self.answers = self.second if second_reader else self.gold

    def answered(self) -> set[LabelKey]:
        """Return the symbols that this reader is not to be asked about again."""
        files = (self.answers, self.doubtful, self.disputed)
        return {label.key for file in files for label in file.labels}

    def undo(self, key: LabelKey) -> None:
        """Forget an answer."""
        self.answers.remove([key])
        self.doubtful.remove([key])

    def merge_second(self) -> Merge:
        """Merge the second reader's answers into the gold file and return what was agreed and what is disputed.

        Disputed labels leave the gold file and are kept, the first reader's beside the second's, in its own file.
        Interrupted at any point and done again, the end is the same: what was merged has left the second file last.
        """
        single = [label for label in self.gold.labels if label.readers == 1]
        merge = merge_readers(single, self.second.labels)
        if merge.disputed:
            self.disputed.add(*(label for pair in merge.disputed for label in pair))
            self.gold.remove(one.key for one, _ in merge.disputed)
        if merge.merged:
            self.gold.replace(merge.merged)
        self.second.path.unlink(missing_ok=True)
        return merge


def _line(label: GoldLabel) -> str:
    return json.dumps(label_line(label), ensure_ascii=False)
