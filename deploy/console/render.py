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
    environment.filters |= {"age": age, "clock": clock, "duration": duration, "spell": spell, "hex": _hex}
    return environment


def _hex(value: int | None) -> str:
    return "" if value is None else f"0x{value:02X}"
