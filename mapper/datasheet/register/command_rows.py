"""Turn the rows of a command table into drafts: one for each code that a row lists.

Flash memories, displays and radios are driven by commands: a name, a code ("06h", "A4/A5", "0010 0011"), parameters.
The same command may stand in several tables and under a heading of its own; drafts.assemble makes them one.
"""

from mapper.datasheet.register.drafts import Draft
from mapper.datasheet.register.heads import register_name
from mapper.datasheet.register.notation import access_mode, codes, is_reserved
from mapper.datasheet.table.grids import Grid

MAX_NAME_CHARS = 64


def command_drafts(grid: Grid, page: int, section_path: tuple[str, ...]) -> list[Draft]:
    """Return the commands of a table with names and codes, top to bottom; rows without a code add nothing."""
    drafts: list[Draft] = []
    for row in grid.rows:
        name = register_name(row.texts.get("name", ""))
        if row.title or is_reserved(name) or not 2 <= len(name) <= MAX_NAME_CHARS:
            continue
        for code in codes(row.texts.get("code") or row.texts.get("address", ""), grid.base):
            drafts.append(
                Draft(
                    name,
                    code,
                    access=access_mode(row.texts.get("access", "")),
                    page=page,
                    section_path=section_path,
                    box=row.box,
                    reader=grid.reader,
                    role="command",
                    description=row.texts.get("description", ""),
                )
            )
    for draft in drafts:
        draft.is_overview, draft.num_listed = len(drafts) > 1, len(drafts)
    return drafts
