"""Gold made by reading: which symbols to ask about, what an answer means, how two readers are merged, what is valid."""

from mapper.gold.check import check_gold
from mapper.gold.draw import Candidate, candidates_of, draw
from mapper.gold.labels import GoldAnchor, GoldLabel, label_line, read_label
from mapper.gold.merge import Merge, merge_readers

__all__ = [
    "Candidate",
    "GoldAnchor",
    "GoldLabel",
    "Merge",
    "candidates_of",
    "check_gold",
    "draw",
    "label_line",
    "merge_readers",
    "read_label",
]
