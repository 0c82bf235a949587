"""Names and addresses of people in comments -> placeholders. Line numbers hold; code is left alone."""

import re

_COMMENT = re.compile(
    r"(?P<comment>//[^\n\\]*+(?:\\(?:\r?\n|.)[^\n\\]*+)*|/\*.*?(?:\*/|\Z))"
    r"|\"[^\"\\\n]*+(?:\\.[^\"\\\n]*+)*\"|'(?:[^'\\\n]|\\.){1,8}'",
    re.DOTALL,
)
_HASH_COMMENT = re.compile(
    r"(?P<comment>^[ \t]*#(?![ \t]*(?:include|define|if|ifdef|ifndef|el|endif|error|pragma|undef)).*$)", re.MULTILINE
)
_MAIL = re.compile(
    r"<?[A-Za-z0-9][\w.+\-]*(?:@| at | \(at\) |\[at\])[A-Za-z0-9][\w\-]*(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}>?"
)
_AUTHOR = re.compile(
    r"(?P<head>(?:[@\\]author\b|\bauthors?\s*:|\bwritten\s+by\b|\bcreated\s+by\b|\bmodified\s+by\b|\bmaintainers?\s*:|\bcontributors?\s*:"
    r"|\bported\s+by\b)[ \t]*:?[ \t]*)(?P<name>[^\n*]*[^\s*])",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"(?P<head>(?:\bcopyright\b[ \t]*(?:\([cC]\)|©|&copy;)?|\([cC]\)[ \t]*(?=\d{4})|©)[ \t]*:?[ \t]*"
    r"(?:\d{4}(?:[ \t]*[-,–/][ \t]*(?:\d{2,4}|present))*[,.]?[ \t]*)(?:by[ \t]+)?)(?P<name>[^\n*]*[^\s*])",
    re.IGNORECASE,
)
_TAIL = re.compile(r"\s*(?:\*/|\.?\s*All rights reserved\.?.*)$", re.IGNORECASE)


def strip_people(text: str, *, hash_comments: bool = False) -> str:
    """Return the text with authors, copyright holders and mail addresses in comments replaced.

    `hash_comments`: the language's comments begin with "#" (Kconfig).
    """
    pattern = _HASH_COMMENT if hash_comments else _COMMENT
    return pattern.sub(lambda match: _stripped(match.group()) if match.lastgroup == "comment" else match.group(), text)


def _stripped(comment: str) -> str:
    comment = _AUTHOR.sub(_without_name, comment)
    comment = _COPYRIGHT.sub(_without_name, comment)
    return _MAIL.sub("<EMAIL>", comment)


def _without_name(match: re.Match[str]) -> str:
    tail = _TAIL.search(match["name"])
    return f"{match['head']}<NAME>{tail.group() if tail else ''}"
