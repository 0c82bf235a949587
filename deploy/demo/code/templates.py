"""Jinja2 with marks that C does not use: ${ value } and lines that start with %%."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent.parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        variable_start_string="${",
        variable_end_string="}",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        line_statement_prefix="%%",
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # writes C, never HTML
    )
    environment.filters["pad"] = lambda text, width: str(text).ljust(width)
    environment.filters["hx"] = lambda value, digits=2: f"0x{value:0{digits}X}"
    environment.filters["hxl"] = lambda value, digits=2: f"0x{value:0{digits}x}"
    environment.filters["camel"] = lambda text: "".join(word.capitalize() for word in str(text).split("_"))
    environment.filters["genmask"] = _genmask
    environment.filters["log2"] = lambda value: int(value).bit_length() - 1
    return environment


def _genmask(mask: int) -> str:
    """Return a mask of adjoining bits as the Linux kernel writes it."""
    high, low = mask.bit_length() - 1, (mask & -mask).bit_length() - 1
    return f"GENMASK({high}, {low})" if high > low else f"BIT({low})"


def render(template: str, **values: Any) -> str:
    """Return a template filled with values."""
    return _environment().get_template(template).render(**values)
