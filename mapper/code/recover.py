"""Parse what no grammar can follow as it stands: try it with less, and keep what reads better.

A condition may cut through a construct, and a macro may stand where the grammar has no place for one. Both are tried
only where the parser was lost, and a trial counts only if fewer bytes lie under ERROR nodes than before. So what a file
says depends on this file alone; why not on its repository: docs/decisions.
"""

from mapper.code.blank import first_branches
from mapper.code.symbols import Parsed, find_declarations


def parse_recovered(code: bytes, language: str) -> Parsed:
    """Return the better of two readings: the file as it is, and with only the first branch of each condition.

    Conditions may cut through a construct, which no grammar can follow. What only the other reading saw is added.
    """
    parsed = find_declarations(code, language)
    if not parsed.bytes_under_error:
        return parsed
    single = find_declarations(first_branches(code), language)
    if single.bytes_under_error >= parsed.bytes_under_error:
        return parsed
    return _merged(single, parsed)


def _merged(better: Parsed, other: Parsed) -> Parsed:
    """Return a reading with the declarations that only another one saw."""
    seen = {(each.form, each.name, each.name_at) for each in better.declarations}
    extra = [each for each in other.declarations if (each.form, each.name, each.name_at) not in seen]
    known = {(each.form, each.name) for each in better.declarations}
    extra = [each for each in extra if each.form != "member" and (each.form, each.name) not in known]
    merged = sorted([*better.declarations, *extra], key=lambda each: (each.start, -each.end))
    return Parsed(tuple(merged), better.aggregates, better.errors)
