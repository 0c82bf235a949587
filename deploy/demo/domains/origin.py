"""Who writes a file: names, licence, layout and the words its devices are made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One house style."""

    name: str
    """As in a compatible string."""
    vendor: str
    prefix: str
    licence: str
    author: str
    year: int
    chip: str
    board: str
    uart: str
    indent: str
    """One level, in files whose style is not set by their project."""
    allman: bool
    """Opening braces on a line of their own."""
    subjects: tuple[str, ...]
    """Peripherals."""
    registers: tuple[str, ...]
    fields: tuple[str, ...]
    places: tuple[str, ...]
    """What applications deal with."""

    @property
    def p(self) -> str:
        return self.prefix.lower()

    @property
    def upper(self) -> str:
        return self.prefix.upper()

    @property
    def camel(self) -> str:
        return self.prefix.capitalize()


VELDRA = Origin(
    name="veldra",
    vendor="Veldra Semiconductor",
    prefix="vl",
    licence="MIT",
    author="Tomasz Wrona <tomasz.wrona@veldra.example>",
    year=2024,
    chip="vm32p20",
    board="VM32-Nucleus",
    uart="uart",
    indent="    ",
    allman=False,
    subjects=(
        "lin",
        "qdec",
        "sdadc",
        "cryp",
        "can",
        "dacq",
        "pdm",
        "lcdc",
        "rng",
        "xbar",
        "mbox",
        "tsens",
        "emc",
        "hash",
    ),
    registers=("CTRL", "STAT", "CFG", "DATA", "IER", "ICR", "THR", "CNT", "CMP", "BASE", "LEN", "MODE", "TRIG", "WIN"),
    fields=(
        "EN",
        "RDY",
        "ERR",
        "BUSY",
        "SEL",
        "DIV",
        "IE",
        "OVF",
        "CH",
        "GAIN",
        "POL",
        "LVL",
        "RST",
        "PSC",
        "DIR",
        "LOCK",
    ),
    places=("pump", "lamp", "tank", "valve", "fan", "door"),
)

KORSUND = Origin(
    name="korsund",
    vendor="Korsund Elektronikk",
    prefix="kde",
    licence="Apache-2.0",
    author="Sunniva Aas <sunniva.aas@korsund.example>",
    year=2023,
    chip="ke9210",
    board="Fjordboard",
    uart="serial",
    indent="\t",
    allman=True,
    subjects=(
        "swio",
        "adcx",
        "tally",
        "echo",
        "psu",
        "ledc",
        "optic",
        "fuse",
        "relay",
        "vcam",
        "ulpi",
        "gauge",
        "trace",
        "clkgen",
    ),
    registers=(
        "CONTROL",
        "FLAGS",
        "SETUP",
        "SAMPLE",
        "MASK",
        "ACK",
        "LIMIT",
        "TICKS",
        "MATCH",
        "POINTER",
        "SIZE",
        "SHAPE",
        "FIRE",
        "EDGE",
    ),
    fields=(
        "ENABLE",
        "DONE",
        "FAULT",
        "ACTIVE",
        "SOURCE",
        "RATIO",
        "NOTIFY",
        "LOST",
        "LANE",
        "SCALE",
        "INVERT",
        "DEPTH",
        "CLEAR",
        "STEP",
        "TURN",
        "HOLD",
    ),
    places=("winch", "beacon", "hatch", "anchor", "heater", "sonar"),
)

BREVIQ = Origin(
    name="breviq",
    vendor="Breviq Labs",
    prefix="bq",
    licence="BSD-3-Clause",
    author="Oriol Casals <oriol@breviq.example>",
    year=2022,
    chip="bv77",
    board="Kestrel",
    uart="usart",
    indent="  ",
    allman=False,
    subjects=(
        "pwrc",
        "evsys",
        "acmp",
        "i3cx",
        "dsi",
        "jpeg",
        "hsem",
        "tpm",
        "sdc",
        "pcap",
        "vref",
        "ebu",
        "mac",
        "touch",
    ),
    registers=("CR", "SR", "CCR", "DR", "MR", "IFCR", "TR", "PR", "OAR", "ARR", "BSR", "KEYR", "WRPR", "OPTR"),
    fields=(
        "ON",
        "RF",
        "NF",
        "PE",
        "SRC",
        "MUL",
        "WIE",
        "UDF",
        "MUX",
        "AMP",
        "INVP",
        "THS",
        "SWR",
        "PRE",
        "UPDN",
        "LCK",
    ),
    places=("kiln", "loom", "press", "mixer", "lathe", "oven"),
)

TALLOW = Origin(
    name="tallow",
    vendor="Tallow Instruments",
    prefix="twi",
    licence="MIT",
    author="Wren Halloran <wren@tallow.example>",
    year=2025,
    chip="tx404",
    board="Lantern",
    uart="lpuart",
    indent="   ",
    allman=True,
    subjects=(
        "bridge",
        "scale",
        "ramp",
        "probe",
        "latch",
        "sync",
        "burst",
        "frame",
        "mixer",
        "phase",
        "cache",
        "guard",
        "relayx",
        "port",
    ),
    registers=(
        "GATE",
        "VIEW",
        "PLAN",
        "WORD",
        "WATCH",
        "QUIT",
        "BOUND",
        "AGE",
        "GOAL",
        "ROOT",
        "SPAN",
        "FORM",
        "KICK",
        "SLOT",
    ),
    fields=(
        "GO",
        "OK",
        "BAD",
        "RUN",
        "PICK",
        "OVER",
        "TELL",
        "DROP",
        "PATH",
        "LOUD",
        "FLIP",
        "FILL",
        "WIPE",
        "CUT",
        "SIDE",
        "KEEP",
    ),
    places=("boiler", "shutter", "turbine", "crane", "silo", "chiller"),
)

HELD_OUT = (KORSUND, BREVIQ, TALLOW)
