"""Cut a datasheet into sections at its headings; running headers and footers belong to none."""

import hashlib
import re
from collections.abc import Iterable, Sequence

from mapper.datasheet.headings import Heading
from mapper.datasheet.page.pages import Page
from mapper.datasheet.page.running import is_running, running_lines
from mapper.model import Section

_RESET_NOTE = re.compile(r"\s*[\[(]\s*(?:reset|default)\b[^\])]*[\])]", re.IGNORECASE)


def cut_sections(pages: Sequence[Page], headings: Sequence[Heading], title: str) -> tuple[Section, ...]:
    """Return the sections that the headings open; a document without headings is one section under its title."""
    running = running_lines(pages)
    if not headings:
        headings = [Heading(title, None, 1, 1, -1)]
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    for index, heading in enumerate(headings):
        end = headings[index + 1] if index + 1 < len(headings) else Heading("", None, 0, len(pages), 1 << 30)
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, path_title(heading.title)))
        lines: list[str] = []
        for number in range(heading.page, end.page + 1):
            first = heading.line + 1 if number == heading.page else 0
            last = end.line if number == end.page else 1 << 30
            lines += [
                line.text
                for at, line in enumerate(pages[number - 1].lines)
                if first <= at < last and not is_running(line, pages[number - 1], running)
            ]
        end_page = end.page if end.page == heading.page or end.line > 0 else end.page - 1
        sections.append(
            Section(
                title=heading.title,
                number=heading.number,
                level=heading.level,
                path=tuple(name for _, name in path),
                page=heading.page,
                end_page=max(end_page, heading.page),
                text="\n".join(lines),
                content_hash=content_hash(lines),
            )
        )
    return tuple(sections)


def path_title(title: str) -> str:
    """Return a title as part of a path: without a reset value in brackets, which a revision may change."""
    return _RESET_NOTE.sub("", title).strip() or title


def content_hash(lines: Iterable[str]) -> str:
    """Return the sha256 of lines without their white space."""
    text = "\n".join(line for line in ("".join(line.split()) for line in lines) if line)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
