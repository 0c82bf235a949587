"""Datasheets: from the bytes of a PDF to sections and registers, and from two revisions to what changed."""

from mapper.datasheet.reader import read_datasheet
from mapper.datasheet.revision import SheetChange, diff_datasheets

__all__ = ["SheetChange", "diff_datasheets", "read_datasheet"]
