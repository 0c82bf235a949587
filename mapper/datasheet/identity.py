"""Tell which parts a datasheet documents, its revision, and what makes two PDFs releases of one document.

Part numbers are looked for in the file's title, the large lines of page 1, the running headers and the file name;
one that several of them name is certain. Document numbers (UM10204, DS39632, JESD51) are no parts. The family is
made from the part and the kind of document, so neither a revision, a date nor the file name's digest changes it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from mapper.datasheet.page.pages import Page
from mapper.datasheet.page.running import edge_texts, running_lines

MAX_PARTS = 8
MAX_TITLE_CHARS = 200
TITLE_WEIGHT, LARGE_WEIGHT, RUNNING_WEIGHT, FILE_WEIGHT, TEXT_WEIGHT = 3.0, 3.0, 3.0, 1.5, 0.15
MIN_PART_SCORE = 2.5
MAX_TEXT_WEIGHT = 3.0
LARGE = 1.4  # times the page's usual size: a title line of page 1
LARGEST_SHARE = 0.75  # of the largest line's size: a title may have a smaller second line
NAMED_SHARE = 0.2  # of the pages print a name without digits: less is not what the document is about
REVISION_PAGES = 4
REVISION_LINES = 400

_PART = re.compile(
    r"(?<![A-Za-z0-9_-])([A-Za-z]{1,6}-?\d{2,6}[A-Za-z0-9]{0,8}(?:-[A-Z0-9]{1,6})?|[A-Z]{2,5}\d[A-Z]{1,3}\d{1,4}[A-Z]{0,3}"
    r"|[A-Z]\d[A-Z]{2,3}\d{1,4}[A-Z]{0,3}|[A-Z]{3,5}\d[A-Z]{0,2})(?![A-Za-z0-9_])"
)
_DOCUMENT = re.compile(
    r"^(?:(?:UM|AN|TN|RM|PM|ES|DOC|DOCID|JESD|IEC|ISO|IEEE|EN|IPC|AEC|RFC|REV|ID"
    r"|PAGE|FIG|FIGURE|TABLE|CH|PIN|BIT|USB|RS|MIL|ROHS|REACH|ANSI|SOT|SOIC|QFN|LGA|BGA|TSSOP|WLCSP|SSOP|MSOP|DFN|TDFN|SO|DIP"
    r"|PDIP|TO|VQFN|HVQFN|WQFN|UFQFPN|LQFP|TQFP|CSP|UTF|CP|MPEG|CRC|SHA|AES|DES|RC|HTTP|VER|TEL|FAX|ISBN|NOTE|PART|STEP|MODE"
    r"|LEVEL|CLASS|TYPE|BYTE|DATA|PORT|GPIO|INT|UART|TIM|PWM|ADC|DAC|REG|CTRL)-?\d|DS-?\d{4}|S[A-Z]{3}\d{3}[A-Z]?$|[VPX]-?\d+$)|-DS\d+",
    re.IGNORECASE,
)
_UNIT = re.compile(r"^\d|^[A-Za-z]\d{1,2}$|^(?:I2C|SPI|CO2|H2O|NO2|MHZ|KHZ|D\d+)$", re.IGNORECASE)
_MONTH = re.compile(r"^(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*-?\d", re.IGNORECASE)
_REVISION = re.compile(
    r"\b(?:rev(?:ision)?\.?|version|ver\.?|issue|release)\s*(?:no\.?|number|code)?\s*[:#_]?\s*"
    r"(?P<value>\d+(?:\.\d+){0,3}[a-z]?(?:\.[A-Z])?|[A-Z](?:\d{1,2})?)(?![A-Za-z0-9])(?!\s*(?:of|history)\b)",
    re.IGNORECASE,
)
_SHORT_REVISION = re.compile(r"(?:^|[\s,;|\[(])v\s?(?P<value>\d+(?:[.\-]\d{1,3}){1,3})\b", re.IGNORECASE)
_LETTERED = re.compile(r"\b(?:S[A-Z]{3}\d{3,4}|DS\d{5,8})(?P<value>[A-Z])\b")
_NOT_A_VALUE = frozenset(("is", "in", "of", "on", "to", "by", "or", "an", "at", "it", "as"))
_GENERIC = re.compile(
    r"^(?:(?:product|preliminary|production|final|objective|short|data|sheet|datasheet|specification|manual|users?|user's"
    r"|guide|reference|technical|document|microsoft word|untitled|title|confidential|draft|lorem|ipsum|dolor|sit|amet"
    r"|register map|and|descriptions?)\b[\s:|,-]*){1,12}$",
    re.IGNORECASE,
)
_KINDS = (
    ("register map", re.compile(r"\bregister\s+(?:map|description|list|reference)", re.IGNORECASE)),
    ("application note", re.compile(r"\bapplication\s+note\b", re.IGNORECASE)),
    ("errata", re.compile(r"\berrata\b", re.IGNORECASE)),
    ("reference manual", re.compile(r"\b(?:reference|user'?s?|technical)\s+(?:manual|guide)\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a datasheet is about and which release it is."""

    title: str
    parts: tuple[str, ...]
    family: str
    revision: str | None


def identify(pages: Sequence[Page], metadata_title: str, file: str, known: Sequence[str] = ()) -> Identity:
    """Return the identity of a datasheet; known part numbers (the source's own) come first among its parts."""
    running = _running_texts(pages)
    large = _large_lines(pages[0])
    title = _title(metadata_title, large, file)
    given = {part.lower() for part in known}
    found = [part for part in _parts(title, metadata_title, large, running, file, pages) if part.lower() not in given]
    parts = (*dict.fromkeys(known), *found)[: max(MAX_PARTS, len(known))]
    return Identity(
        title,
        parts,
        _family(title, parts, large, file),
        _revision(pages, running, metadata_title, file),
    )


def _title(metadata_title: str, large: Sequence[str], file: str) -> str:
    """Return the metadata's title if it says something, else the largest line of page 1, else the file's name."""
    cleaned = re.sub(
        r"^Microsoft Word\s*-\s*|\.(?:docx?|fm|pdf|indd|book)$",
        "",
        metadata_title.strip()[:MAX_TITLE_CHARS],
        flags=re.IGNORECASE,
    )
    readable = (
        cleaned.isprintable()
        and sum(c.isalpha() for c in cleaned) >= 4
        and not re.search(r"[\u00c0-\u00ff\ufffd]{2}", cleaned)
    )
    if readable and not _GENERIC.match(cleaned) and (" " in cleaned or not large):
        return cleaned
    named = [line for line in large if not _GENERIC.match(line)]
    if named:
        return named[0]
    return cleaned if readable and not _GENERIC.match(cleaned) else PurePath(file).stem


def _large_lines(page: Page) -> list[str]:
    """Return the large lines of page 1, largest first."""
    if not page.lines:
        return []
    usual = Counter(round(line.size) for line in page.lines for _ in line.words).most_common(1)[0][0]
    largest = max(line.size for line in page.lines)
    least = max(LARGE * usual, LARGEST_SHARE * largest)
    large = [line for line in page.lines if line.size >= least and len(line.text) <= 120]
    return [line.text for line in sorted(large, key=lambda line: (-round(line.size), line.top))][:8]


def _running_texts(pages: Sequence[Page]) -> list[str]:
    texts = edge_texts(pages, running_lines(pages))
    least = max(2, len(pages) // 10)
    return [text for text, count in texts.most_common(40) if count >= least]


def _parts(
    title: str, metadata_title: str, large: Sequence[str], running: Sequence[str], file: str, pages: Sequence[Page]
) -> list[str]:
    """Return part numbers, most certain first."""
    scores: Counter[str] = Counter()
    spelled: dict[str, str] = {}

    def note(text: str, weight: float) -> None:
        for part in dict.fromkeys(_part_numbers(text)):
            key = _key(part)
            scores[key] += weight  # type: ignore[assignment]
            spelled.setdefault(key, part)

    note(f"{metadata_title} {title}" if title != PurePath(file).stem else metadata_title, TITLE_WEIGHT)
    for line in large[:4]:
        note(line, LARGE_WEIGHT)
    seen_running = " ".join(running)
    note(seen_running, RUNNING_WEIGHT)
    body = Counter(_key(part) for page in pages[:12] for part in _part_numbers(page.text))
    stem = re.sub(r"[_\s]+", " ", PurePath(file).stem).upper()
    for part in _part_numbers(stem):
        spelling = next(
            (found for page in pages[:3] for found in _part_numbers(page.text) if _key(found) == _key(part)),
            part,
        )
        spelled.setdefault(_key(part), spelling)
        scores[_key(part)] += FILE_WEIGHT  # type: ignore[assignment]
    for key in list(scores):
        scores[key] += min(TEXT_WEIGHT * body[key], MAX_TEXT_WEIGHT)  # type: ignore[assignment]
    ranked = sorted(scores, key=lambda key: (-scores[key], key))
    return [spelled[key] for key in ranked if scores[key] >= MIN_PART_SCORE] or _named_things(title, pages)


def _named_things(title: str, pages: Sequence[Page]) -> list[str]:
    """Return the title's words of mixed capitals that many pages print: cores and boards have names without digits."""
    names = [word for word in re.findall(r"[A-Za-z][A-Za-z0-9-]{3,}", title) if word[1:] != word[1:].lower()]
    mixed = [name for name in dict.fromkeys(names) if not name.isupper()]
    return [name for name in mixed if sum(name in page.text for page in pages) >= NAMED_SHARE * len(pages)]


def _part_numbers(text: str) -> list[str]:
    found = []
    for match in _PART.finditer(text):
        part = match[1].rstrip("-")
        if _DOCUMENT.match(part) or _UNIT.match(part) or _MONTH.match(part) or re.fullmatch(r"[A-Za-z]+-\d{1,2}", part):
            continue
        letters = sum(c.isalpha() for c in part)
        if letters and len(part) >= 4 and not re.fullmatch(r"[0-9a-f]{6,}", part):
            found.append(part)
    return found


def _family(title: str, parts: Sequence[str], large: Sequence[str], file: str) -> str:
    """Return the name all revisions of this document share."""
    text = " ".join((title, *large[:3]))
    kind = next((name for name, pattern in _KINDS if pattern.search(text)), "datasheet")
    if parts:
        return f"{_key(parts[0])} {kind}"
    words = re.sub(
        r"\b(?:rev(?:ision)?|version|ver|v)[._ ]*\d[\w.]*|\b\d{4,}\b|\b[0-9a-f]{7,}\b|\bdata\s*sheet\b",
        " ",
        _plain(title),
    )
    words = re.sub(r"[^a-z0-9\u0080-\uffff]+", " ", words).strip()
    return f"{words} {kind}" if words else f"{_plain(PurePath(file).stem)} {kind}"


def _revision(pages: Sequence[Page], running: Sequence[str], metadata_title: str, file: str) -> str | None:
    """Return the revision as printed in the running lines, on the first pages, in the title or the file's name."""
    first = [line.text for page in pages[:REVISION_PAGES] for line in page.lines][:REVISION_LINES]
    last = [line.text for line in pages[-1].lines]
    for texts in (running, [metadata_title], first, last, [re.sub(r"[_]+", " ", PurePath(file).stem)]):
        for pattern in (_REVISION, _SHORT_REVISION, _LETTERED):
            for text in texts:
                match = pattern.search(text)
                if (
                    match
                    and match["value"].lower() not in _NOT_A_VALUE
                    and (match["value"][0].isupper() or match["value"][0].isdigit())
                ):
                    return match["value"]
    return None


def _key(part: str) -> str:
    return re.sub(r"[^a-z0-9]", "", part.lower())


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().replace("_", " ").split())
