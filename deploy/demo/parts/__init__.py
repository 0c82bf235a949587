"""The vendor's devices: one .device file each, read when asked for."""

from functools import cache
from pathlib import Path

from deploy.demo.model import Part
from deploy.demo.reader import read_device
from deploy.demo.revisions import Change

NAMES = ("vla3160", "vm32p20", "vlr2470", "vlp2630")


@cache
def device(name: str) -> tuple[Part, tuple[Change, ...]]:
    """Return a device in its newest revision, with the changes that its first datasheet has not yet."""
    return read_device(Path(__file__).with_name(f"{name}.device"))
