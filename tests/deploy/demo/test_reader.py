"""Device files and what they say."""

import pytest

from deploy.demo.parts import NAMES, device
from deploy.demo.revisions import older


@pytest.mark.parametrize("name", NAMES)
def test_fields_fit_their_registers(name: str) -> None:
    """No two fields share a bit, none leaves its register, encodings fit their fields, in both revisions."""
    part, changes = device(name)

    for revision in (part, older(part, changes, revision="A", date="")):
        for _, register in revision.registers():
            taken = 0
            for field in register.fields:
                assert field.low <= field.high < register.width
                assert not taken & field.mask
                assert all(value.code < 1 << field.width for value in field.values)
                taken |= field.mask


@pytest.mark.parametrize("name", NAMES)
def test_procedures_name_what_exists(name: str) -> None:
    """Each operation of a procedure names a register, field or command of the part, with a value that fits."""
    part, changes = device(name)

    for revision in (part, older(part, changes, revision="A", date="")):
        commands = {command.name for command in revision.commands}
        for procedure in revision.procedures:
            for step in procedure.steps:
                for operation in step.operations:
                    if not operation.target or operation.target in commands:
                        continue
                    register = revision.register(operation.target)
                    if operation.field:
                        assert operation.value < 1 << register.field(operation.field).width


def test_operations_are_read_from_a_step() -> None:
    """The part behind "::" becomes operations."""
    part, _ = device("vla3160")
    reset = part.procedures[0].steps[1]

    assert [(op.verb, op.target, op.field, op.value) for op in reset.operations] == [
        ("write", "CTRL3", "SW_RESET", 1),
        ("poll", "CTRL3", "SW_RESET", 0),
    ]
