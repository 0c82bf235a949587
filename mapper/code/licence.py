"""The licence a file names: its SPDX tag, else one of a few standard texts in its header comment.

Deliberately short of guessing: a text that is not recognised gives None, which a cautious reader takes as "not
allowed".
"""

import re

SCAN_CHARS = 6000

_TAG = re.compile(r"SPDX-License-Identifier:\s*([^\n*]+?)\s*(?:\*/|-->|$)", re.MULTILINE)
_EXPRESSION = re.compile(r"^[\w.+()\- ]+$")
_SPACE = re.compile(r"[\s*/#;]+")

_TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Apache-2.0", ("licensed under the apache license, version 2.0",)),
    ("Apache-2.0", ("apache license version 2.0",)),
    ("SHL-0.51", ("solderpad hardware license, version 0.51",)),
    ("LGPL-2.1-or-later", ("gnu lesser general public license", "version 2.1", "any later version")),
    ("LGPL-3.0-or-later", ("gnu lesser general public license", "version 3", "any later version")),
    ("LGPL-2.0-or-later", ("gnu library general public license", "any later version")),
    ("GPL-3.0-or-later", ("gnu general public license", "version 3", "any later version")),
    ("GPL-2.0-or-later", ("gnu general public license", "version 2", "any later version")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice")),
    ("MIT", ("licensed under the mit license",)),
    ("MIT", ("mit licensed",)),
    ("BSD-3-Clause", ("licensed by", "bsd 3-clause license")),
    ("BSD-3-Clause", ("opensource.org/licenses/bsd-3-clause",)),
    ("MIT", ("released under the mit license",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose with or without fee",)),
    ("BSD-3-Clause", ("redistributions of source code must retain", "endorse or promote products derived")),
    ("BSD-2-Clause", ("redistributions of source code must retain", "redistributions in binary form must reproduce")),
    ("Zlib", ("this software is provided 'as-is'", "altered source versions must be plainly marked")),
    ("CC0-1.0", ("creative commons", "cc0")),
)
_ADDED_TERMS = (
    "only be used with",
    "exclusively on",
    "only on",
    "solely with",
    "non-commercial",
    "noncommercial",
    "confidential",
)
"""Terms that narrow a standard text ("may only be used with our parts"): then it is no longer that licence."""


def find_licence(text: str) -> str | None:
    """Return the SPDX expression that a file's head names, or None."""
    head = text[:SCAN_CHARS]
    if tag := _TAG.search(head):
        expression = tag[1].strip()
        return expression if _EXPRESSION.match(expression) else None
    plain = _SPACE.sub(" ", head).lower()
    for licence, phrases in _TEXTS:
        if all(phrase in plain for phrase in phrases):
            return None if any(term in plain for term in _ADDED_TERMS) else licence
    return None
