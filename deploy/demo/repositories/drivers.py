"""The history of the driver library, commit by commit."""

from dataclasses import replace

from deploy.demo.code.writing import Plant
from deploy.demo.repositories.drivers_tree import drivers_tree
from deploy.demo.repositories.plain import plain
from deploy.demo.repositories.state import Commit, History, State, play

_FIFO_ADDRESS = Plant("vla3160_fifo_address", "address", "FIFO_CTRL", None, 0x17)
_ODR_MASK = Plant("vla3160_odr_mask", "width", "CTRL1", "ODR", 0x70)
_CTRL1_RESET = Plant("vla3160_ctrl1_reset", "reset", "CTRL1", None, 0x17)
_WAKE_ADDRESS = Plant("vla3160_wake_address", "address", "WAKE_DUR", None, 0x1D)
_CHANNEL_MASK = Plant("vlr2470_channel_mask", "width", "CHANNEL", "CH", 0x3F)
_POWER_CODE = Plant("vlr2470_power_code", "value", "TX_POWER", "PWR", 7, "8DBM")
_PLL_ADDRESS = Plant("vlr2470_pll_address", "address", "PLL_STATUS", None, 0x1F)
_LIMIT_RESET = Plant("vlp2630_limit_reset", "reset", "OC_LIMIT", None, 0xFFFF)
_AVG_CODE = Plant("vlp2630_avg_code", "value", "CONFIG", "AVG", 6, "1024")
_SWAPPED = (
    Plant("vlr2470_swap_h", "address", "RX_TIMEOUT_H", None, 0x17),
    Plant("vlr2470_swap_l", "address", "RX_TIMEOUT_L", None, 0x16),
)

_REVERTED = "vlr2470: little-endian receive time-out"


def _start(state: State) -> State:
    state = state.write("LICENSE", plain("licence_apache.txt")).write("README.md", plain("drivers_readme.md"))
    state = state.write("drivers/bitbang.c", plain("bitbang.c")).write("Makefile", plain("Makefile_flat.txt"))
    return state.follow("vla3160", "A").plant(_FIFO_ADDRESS, _ODR_MASK, _WAKE_ADDRESS).add("clear_status")


def _move(state: State) -> State:
    state = replace(state, layout="src").remove("drivers/bitbang.c").write("Makefile", plain("Makefile_src.txt"))
    return state.write("src/common/bitbang.c", plain("bitbang.c"))


def _add_radio(state: State) -> State:
    return state.follow("vlr2470", "A").plant(_CHANNEL_MASK, _POWER_CODE, _PLL_ADDRESS).add("clear_quality")


def _add_monitor(state: State) -> State:
    return state.follow("vlp2630", "A").plant(_LIMIT_RESET, _AVG_CODE)


def _rename(state: State) -> State:
    names = (("vla3160_wake_setup", "vla3160_enable_wake_up"), ("vla3160_read_sample", "vla3160_read_xyz"))
    return replace(state, renames=(*state.renames, *names))


COMMITS = (
    Commit("Add VLA3160 accelerometer driver\n\nFollows revision A of the datasheet.", _start, always=True, step=True),
    Commit("vla3160: support the FIFO", lambda s: s.add("fifo"), always=True),
    Commit(
        "vla3160: fix address of FIFO_CTRL\n\nThe register is at 18h, not 17h. Found with a logic analyser.",
        lambda s: s.mend("vla3160_fifo_address"),
        always=True,
    ),
    Commit("Add VLR2470 radio driver", _add_radio, always=True),
    Commit("vlr2470: write the payload in one transfer", lambda s: s.add("burst_payload"), step=True),
    Commit("Add examples", lambda s: s.add("examples")),
    Commit("Add VLP2630 power monitor driver", _add_monitor, always=True),
    Commit("Move drivers below src, one folder a part", _move, always=True, step=True),
    Commit("vla3160: ODR has four bits", lambda s: s.mend("vla3160_odr_mask"), always=True),
    Commit(_REVERTED, lambda s: s.plant(*_SWAPPED)),
    Commit(
        f'Revert "{_REVERTED}"\n\nThe device keeps the high byte first. Broke reception on boards with a time-out.',
        lambda s: s.mend("vlr2470_swap_h", "vlr2470_swap_l"),
    ),
    Commit("vla3160: add calibration", lambda s: s.add("calibration")),
    Commit(
        "vla3160: correct power-on value of CTRL1\n\nThe device comes up with 17h whatever revision A says.",
        lambda s: s.plant(_CTRL1_RESET),
        always=True,
        step=True,
    ),
    Commit("Add unit tests against a fake bus", lambda s: s.add("tests"), always=True),
    Commit(
        "vla3160: units of the physical quantities",
        lambda s: s.write("src/vla3160/vla3160_units.h", plain("units.h", encoding="latin-1")),
    ),
    Commit("Remove bit-banged bus", lambda s: s.remove("src/common/bitbang.c"), always=True),
    Commit(
        "vla3160: clearer names for wake-up and sample functions",
        _rename,
        always=True,
    ),
    Commit(
        "tools: table generator (work in progress)",
        lambda s: s.write("tools/gen_table.c", plain("broken.c")),
        step=True,
    ),
    Commit("vla3160: STATUS is read only, drop clear_status", lambda s: s.drop("clear_status"), always=True),
    Commit("vlr2470: fix address of PLL_STATUS", lambda s: s.mend("vlr2470_pll_address"), always=True),
    Commit(
        "Follow revision B of the VLA3160 datasheet",
        lambda s: s.mend("vla3160_ctrl1_reset").follow("vla3160", "B"),
        always=True,
        step=True,
    ),
    Commit(
        "Follow revision B of the VLR2470 and VLP2630 datasheets",
        lambda s: s.follow("vlr2470", "B").follow("vlp2630", "B").add("notes"),
        always=True,
    ),
    Commit(
        "vlp2630: energy counter\n\nclear_energy restarts the accumulation.",
        lambda s: s.add("energy", "clear_energy"),
        always=True,
    ),
)


def drivers_history(*, small: bool) -> History:
    """Return the history of the driver library."""
    return play(State(small=small), COMMITS, drivers_tree, first_day=0.0)
