"""The mapper: datasheet and source tree in, trace links and training samples out. Values in, values out."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mapper.code import parse_file
    from mapper.datasheet import diff_datasheets, read_datasheet
    from mapper.linking import map_tree
    from mapper.model import Datasheet, Mapping, SourceFile, Symbol, TraceLink
    from mapper.scoring import score

__all__ = [
    "Datasheet",
    "Mapping",
    "SourceFile",
    "Symbol",
    "TraceLink",
    "diff_datasheets",
    "map_tree",
    "parse_file",
    "read_datasheet",
    "score",
]

_HOMES = {
    "diff_datasheets": "mapper.datasheet",
    "map_tree": "mapper.linking",
    "parse_file": "mapper.code",
    "read_datasheet": "mapper.datasheet",
    "score": "mapper.scoring",
}


def __getattr__(name: str) -> object:
    """Import a public name's module at its first use, so that `import mapper` stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "mapper.model")), name)
