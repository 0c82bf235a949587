"""From the newer revision back to the older one."""

from deploy.demo.parts import device
from deploy.demo.revisions import older


def test_older_revision_lacks_what_was_added() -> None:
    """Register, field and section that revision B added are absent, with the procedure that needs the register."""
    part, changes = device("vla3160")

    old = older(part, changes, revision="A", date="January 2024")

    assert "TAP_CFG" not in {register.name for _, register in old.registers()}
    assert "TAP1_EN" not in {field.name for field in old.register("INT1_MAP").fields}
    assert "Tap recognition" not in {topic.title for topic in old.topics}
    assert "tap_setup" not in {procedure.name for procedure in old.procedures}


def test_older_revision_has_the_old_values() -> None:
    """Reset value, width and access are those of revision A; the newer part is not touched."""
    part, changes = device("vla3160")

    old = older(part, changes, revision="A", date="January 2024")

    assert (old.register("CTRL1").reset, part.register("CTRL1").reset) == (0x07, 0x17)
    assert (old.register("FIFO_CTRL").field("WTM").bits, part.register("FIFO_CTRL").field("WTM").bits) == ("4:0", "5:0")
    assert (old.register("REV_ID").access, part.register("REV_ID").access) == ("rw", "r")
