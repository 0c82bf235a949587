"""What a generated device is: registers, fields, commands, procedures, and the prose and figures around them.

The datasheet writers print a Part, the code writers implement it; both read the same values, so what they say agrees
except where a plant says otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Access = Literal["r", "w", "rw", "rc", "w1c"]
"""rc: cleared by reading; w1c: a bit is cleared by writing one to it."""
Verb = Literal["write", "read", "poll", "delay", "command", "burst", "push"]


@dataclass(frozen=True, slots=True)
class Value:
    """One encoding of a bit field."""

    code: int
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A bit range of a register."""

    name: str
    high: int
    low: int
    text: str
    access: Access = "rw"
    values: tuple[Value, ...] = ()

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    @property
    def bits(self) -> str:
        return f"{self.high}:{self.low}" if self.high != self.low else str(self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register at an address, or at an offset from its block's base."""

    name: str
    address: int
    title: str
    text: str
    reset: int = 0
    access: Access = "rw"
    width: int = 8
    fields: tuple[Field, ...] = ()

    def field(self, name: str) -> Field:
        """Return the field of that name; KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name}: no field {name}")

    def field_reset(self, field: Field) -> int:
        """Return the part of the reset value that lies in a field."""
        return (self.reset & field.mask) >> field.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Registers that belong together; instances give the base addresses of a microcontroller's peripherals."""

    name: str
    title: str
    text: tuple[str, ...]
    registers: tuple[Register, ...]
    instances: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command byte of a serial interface."""

    name: str
    opcode: int
    operands: str
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What a step of a procedure does to the device: the code writers turn it into a statement."""

    verb: Verb
    target: str
    field: str | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence of a procedure and the operations it means."""

    text: str
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """A sequence the datasheet describes in prose and a driver implements as one function."""

    name: str
    title: str
    intro: tuple[str, ...]
    steps: tuple[Step, ...]
    block: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A titled piece of prose; children are its subsections."""

    title: str
    paragraphs: tuple[str, ...]
    children: tuple["Topic", ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of an electrical or timing table."""

    symbol: str
    parameter: str
    condition: str
    low: str
    typical: str
    high: str
    unit: str


@dataclass(frozen=True, slots=True)
class Pin:
    """One pin of the package."""

    number: str
    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A device and all its datasheet says."""

    number: str
    title: str
    document: str
    summary: tuple[str, ...]
    features: tuple[str, ...]
    applications: tuple[str, ...]
    pins: tuple[Pin, ...]
    ratings: tuple[Limit, ...]
    characteristics: tuple[Limit, ...]
    timing: tuple[Limit, ...]
    topics: tuple[Topic, ...]
    blocks: tuple[Block, ...]
    procedures: tuple[Procedure, ...]
    application: tuple[Topic, ...]
    ordering: tuple[tuple[str, str, str, str], ...]
    commands: tuple[Command, ...] = ()
    hex_style: Literal["h", "0x"] = "0x"
    overview_style: Literal["ruled", "columns", "rules"] = "ruled"
    """How the register overview is printed: full grid, white space only, or horizontal rules."""
    bus: Literal["i2c", "spi", "memory"] = "i2c"
    bus_address: int = 0
    revision: str = "B"
    date: str = ""

    def registers(self) -> Iterator[tuple[Block, Register]]:
        """Yield every register with its block, in document order."""
        for block in self.blocks:
            for register in block.registers:
                yield block, register

    def register(self, name: str, block: str = "") -> Register:
        """Return a register by name, in a block if one is named; KeyError if there is none."""
        for owner, register in self.registers():
            if register.name == name and block in ("", owner.name):
                return register
        raise KeyError(f"{self.number}: no register {block} {name}")

    def hexadecimal(self, value: int, digits: int = 2) -> str:
        """Return a value as this part's datasheet prints it."""
        return f"{value:0{digits}X}h" if self.hex_style == "h" else f"0x{value:0{digits}X}"
