"""Linking: which files and symbols of a tree stand for which places of a datasheet, and how such links live on."""

from mapper.linking.lifecycle import LinkChange, OldLink, advance
from mapper.linking.mapping import map_tree

__all__ = ["LinkChange", "OldLink", "advance", "map_tree"]
