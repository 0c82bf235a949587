"""What one would do without a mapper: lexical ranking, the part number as a query, every section against every file."""

from mapper.baselines.answers import link_symbols_by_text, page_index, rank_files_by_part, rank_files_by_text
from mapper.baselines.direct import PROMPT, SECONDS_PER_TOKEN, DirectCost, direct_cost
from mapper.baselines.lexical import LEXICAL, Ranker, make_ranker
from mapper.baselines.texts import TextIndex

__all__ = [
    "LEXICAL",
    "PROMPT",
    "SECONDS_PER_TOKEN",
    "DirectCost",
    "Ranker",
    "TextIndex",
    "direct_cost",
    "link_symbols_by_text",
    "make_ranker",
    "page_index",
    "rank_files_by_part",
    "rank_files_by_text",
]
