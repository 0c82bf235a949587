"""Templates to HTML: Jinja2 with autoescape, a few filters, the navigation."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from deploy.cli.status import age, clock, duration, spell

NAVIGATION = {
    "/": "State",
    "/links": "Links",
    "/sheets": "Datasheets",
    "/conflicts": "Conflicts",
    "/audits": "Audits",
    "/checkpoints": "Checkpoints",
}


def render(template: str, context: dict[str, Any], *, path: str) -> str:
    """Return a page."""
    return _environment().get_template(template).render(**context, path=path, navigation=NAVIGATION)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("deploy.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": age,
        "clock": clock,
        "duration": duration,
        "spell": spell,
        "hex": _hex,
        "pair": _pair,
    }
    return environment


def _pair(word: str) -> tuple[str, str]:
    """Return an option's value and its text, which are the same."""
    return word, word


def _hex(value: int | None) -> str:
    return "" if value is None else f"0x{value:02X}"
