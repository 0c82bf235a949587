"""Secrets in firmware: found, replaced by typed placeholders of one line, counted. Line numbers hold.

A private key is no span to cut out: the file it stands in is no text to learn from, and its owner should be told.
"""

import re
from collections import Counter
from dataclasses import dataclass

MIN_KEY_BYTES = 16

_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")
_KEY_ARRAY = re.compile(
    r"(?:priv(?:ate)?_?key|secret_?key|device_?key|signing_?key|root_?key)\w*\s*(?:\[[^\]]{0,80}\]\s*){1,3}"
    r"(?:\w+\s+){0,2}=\s*\{([^}]*)\}",
    re.IGNORECASE,
)
_BYTE = re.compile(r"0[xX][0-9A-Fa-f]{1,2}\b|\b\d{1,3}\b")

_TOKENS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("GITHUB_TOKEN", ("gh", "github_pat_"), re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{60,}\b")),
    ("GITLAB_TOKEN", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_\-]{20,}")),
    ("AWS_KEY", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("GOOGLE_KEY", ("AIza",), re.compile(r"\bAIza[0-9A-Za-z_\-]{35}")),
    ("SLACK_TOKEN", ("xox",), re.compile(r"\bxox[abprs]-[0-9A-Za-z\-]{10,}")),
    ("API_KEY", ("sk-",), re.compile(r"\bsk-[A-Za-z0-9_\-]{20,}")),
    ("JWT", ("eyJ",), re.compile(r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]+")),
    ("URL_PASSWORD", ("://",), re.compile(r"(?<=://)[^\s/:@\"]{1,64}:[^\s/:@\"]{1,64}(?=@)")),
)
"""Kind, what must stand in the text for a search to be worth it, pattern."""

_LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)+)\"")
_LOOK_BACK_CHARS = 120
_SECRET_NAME = re.compile(
    r"(\w*(?:passw(?:or)?d|passphrase|_pass|_psk|psk_|_pwd|ssid|secret|api_?key|auth_?token|access_?token|bot_?token"
    r"|wpa_?key|wifi_?key|mqtt_?pass|appkey|app_?eui|nwkskey|appskey)\w*)"
    r"(?:\s*\[[^\]\n]*\])?(?:[ \t]+\w+)?\s*=?\s*\(?\s*\Z",
    re.IGNORECASE,
)
_KIND_OF_NAME = (
    ("SSID", re.compile(r"ssid", re.IGNORECASE)),
    ("API_KEY", re.compile(r"api_?key|token|secret|appkey|eui|skey", re.IGNORECASE)),
)
_PLACEHOLDER = re.compile(
    r"[x*.\-_ #?]+|<[^>]*>|\[[^\]]*\]|\{[^}]*\}|\$.*|%.*|(?:(?:your|my|the|enter|insert|put|change|me|wifi|home|network"
    r"|access|point|ap|sta|mqtt|broker|user|test|example|demo|dummy|default|placeholder|password|passwd|passphrase|pass"
    r"|ssid|psk|pwd|secret|token|api|auth|key|name|here|id|none|null|todo)[\s_\-.!]*)+",
    re.IGNORECASE,
)
"""A value that only says what belongs there; anything else counts as real, since leaving one out costs nothing."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without secrets, and how many of which kind there were."""

    text: str
    counts: tuple[tuple[str, int], ...]
    has_private_key: bool


def scrub_secrets(text: str) -> Scrubbed:
    """Return the text with secrets replaced by <KIND> and counted by kind, sorted.

    Values that only stand for a secret ("your_password", "xxxx") are left: they are what code should look like.
    """
    counts: Counter[str] = Counter()
    has_private_key = bool(_PRIVATE_KEY.search(text)) or any(
        len(_BYTE.findall(match[1])) >= MIN_KEY_BYTES for match in _KEY_ARRAY.finditer(text)
    )
    for kind, hints, pattern in _TOKENS:
        if any(hint in text for hint in hints):
            text, count = pattern.subn(f"<{kind}>", text)
            counts[kind] += count
    text = _LITERAL.sub(lambda match: _named(match, counts), text)
    return Scrubbed(text, tuple(sorted((kind, count) for kind, count in counts.items() if count)), has_private_key)


def _named(match: re.Match[str], counts: Counter[str]) -> str:
    """Return a literal, as a placeholder of its kind if the name before it is a secret's."""
    before = match.string[max(match.start() - _LOOK_BACK_CHARS, 0) : match.start()]
    name = _SECRET_NAME.search(before)
    if name is None or _PLACEHOLDER.fullmatch(match[1][:_LOOK_BACK_CHARS]):
        return match.group()
    kind = next((kind for kind, pattern in _KIND_OF_NAME if pattern.search(name[1])), "PASSWORD")
    counts[kind] += 1
    return f'"<{kind}>"'
