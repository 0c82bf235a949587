"""The licence policy."""

import pytest

from mapper.code.licence import find_licence
from mapper.corpus.licence import decide, is_allowed

MIT_TEXT = """/*
 * Permission is hereby granted, free of charge, to any person obtaining a copy ...
 * The above copyright
 * notice and this permission notice shall be included in all copies */
"""


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("apache-2.0", True),
        ("GPL-2.0-only", False),
        ("GPL-2.0-only OR MIT", True),
        ("MIT AND GPL-2.0-only", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("LicenseRef-vendor-terms", False),
        ("(MIT", False),
        ("MIT MIT", False),
        ("", False),
    ],
)
def test_expression_is_judged(expression: str, allowed: bool) -> None:
    """Only permissive SPDX identifiers pass, through OR, AND and parentheses; what is malformed does not."""
    assert is_allowed(expression) is allowed


def test_repository_licence_stands_in() -> None:
    """A file that says nothing is taken under its repository's licence, and refused without one."""
    assert decide(None, "A driver.", "MIT").licence == "MIT"
    assert not decide(None, "A driver.", None).allowed
    assert not decide(None, "A driver.", "GPL-3.0-only").allowed


def test_own_terms_beat_the_repository() -> None:
    """Terms that nobody recognises are refused even in an MIT repository; a pointer to its LICENSE file is none."""
    header = "This software may only be used with devices of Acme. Redistribution is prohibited."

    assert not decide(None, header, "MIT").allowed
    assert not decide(None, header, "MIT").known
    assert decide(None, "Licensed under the terms of the LICENSE file.", "MIT").allowed


def test_file_licence_beats_the_repository() -> None:
    """A GPL file in an MIT repository stays out, with its licence named."""
    verdict = decide("GPL-2.0-only", "", "MIT")

    assert (verdict.allowed, verdict.known) == (False, True)
    assert "GPL-2.0-only" in verdict.detail


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("// SPDX-License-Identifier: GPL-2.0-only OR MIT\n", "GPL-2.0-only OR MIT"),
        ("/* SPDX-License-Identifier: BSD-3-Clause */\n", "BSD-3-Clause"),
        ("/*\n * Licensed under the Apache License, Version 2.0 (the \"License\");\n */", "Apache-2.0"),
        (MIT_TEXT, "MIT"),
        ("/* This is free and unencumbered software released into the public domain. */", "Unlicense"),
        ("/* GNU General Public License, either version 2, or any later version */", "GPL-2.0-or-later"),
        ("/* Licensed under the MIT license. May only be used with parts of Acme. */", None),
        ("/* Copyright Acme. All rights reserved. */", None),
        ("int main(void);", None),
    ],
)  # fmt: skip
def test_licence_is_found(text: str, licence: str | None) -> None:
    """A tag or a standard text names the licence; anything else gives None."""
    assert find_licence(text) == licence
