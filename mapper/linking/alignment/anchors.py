"""Places of a datasheet as anchors: the datasheet end of a link."""

from mapper.model import Anchor, BitField, Place, Register, Section


def register_anchor(register: Register, *, place: Place = "description", page: int | None = None) -> Anchor:
    """Return the anchor of a register: its description, or with place and page an overview row."""
    if place == "description" and register.role == "command":
        place = "command"
    elif place == "description" and register.page in register.overview_pages and not register.fields:
        place = "overview"
    title = register.section_path[-1] if register.section_path and place != "overview" else register.name
    path = register.section_path if place != "overview" else ()
    return Anchor(
        kind="register",
        title=title,
        path=path,
        page=page or register.page,
        place=place,
        address=register.address,
        register=register.name,
    )


def field_anchor(register: Register, field: BitField) -> Anchor:
    """Return the anchor of a bit field."""
    title = register.section_path[-1] if register.section_path else register.name
    return Anchor(
        kind="field",
        title=title,
        path=register.section_path,
        page=field.page or register.page,
        place="field",
        address=register.address,
        register=register.name,
        field=field.name,
    )


def section_anchor(section: Section, *, place: Place = "procedure", page: int | None = None) -> Anchor:
    """Return the anchor of a section, or of a line in it."""
    return Anchor(kind="section", title=section.title, path=section.path, page=page or section.page, place=place)
