"""Names that a narrow cell breaks."""

import pytest

from mapper.datasheet.register.broken_names import join_broken_names
from mapper.model import BitField, Register

BROKEN = "FIFO_ROLL OVER_EN CTRL9_HandSha ke_Type DRD Y"
PROSE = "The CTRL9 handshake follows the handshake of DRDY and FIFO_ROLLOVER_EN. Bus Voltage, Bus current: BusVoltage."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FIFO_ROLL OVER_EN", "FIFO_ROLLOVER_EN"),
        ("CTRL9_HandSha ke_Type", "CTRL9_HandShake_Type"),
        ("DRD Y", "DRDY"),
        ("FIFO_EN ABLE", "FIFO_EN ABLE"),
        ("Bus Voltage", "Bus Voltage"),
    ],
)
def test_broken_name_is_joined_where_the_datasheet_tells_how(name: str, expected: str) -> None:
    """The join is printed elsewhere, or the word across the break is; words of their own stay apart."""
    register = Register(name=name, fields=(BitField(name=name, high=0, low=0),))

    (mended,) = join_broken_names([register], [BROKEN, PROSE])

    assert (mended.name, mended.fields[0].name) == (expected, expected)
