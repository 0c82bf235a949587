"""Exact duplicates of code: the same tokens, whatever the comments and white space."""

import hashlib

from mapper.code.normal import code_tokens


def content_hash(text: str) -> str:
    """Return the sha256 of a text's tokens without comments and white space."""
    return hashlib.sha256("\n".join(code_tokens(text)).encode()).hexdigest()
