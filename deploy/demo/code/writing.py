"""A file being written: what its symbols implement, and what its values claim about the device.

Templates ask a Writing for every address, mask and reset value, so each symbol is noted as it is printed. A plant
makes it answer with a wrong value; the wrong value is then a claim like any other, and disagrees with the datasheet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from deploy.demo.model import Block, Field, Operation, Part, Procedure, Register, Value
from deploy.demo.sheets.layout import Key

ClaimKind = Literal["address", "width", "access", "reset", "value"]


@dataclass(frozen=True, slots=True)
class Plant:
    """A wrong value to be printed instead of the right one."""

    name: str
    kind: ClaimKind
    register: str
    field: str | None
    value: int
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A symbol and the places of the datasheet that specify it, best first; no key: nothing specifies it."""

    part: str
    path: str
    kind: str
    name: str
    scope: str | None
    keys: tuple[Key, ...]
    register: Register | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a symbol says about a register or a field; encoding names an enumerated value."""

    kind: ClaimKind
    part: str
    path: str
    symbol: str
    block: str
    register: str
    field: str | None
    value: int
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A file of a tree with what is known about it."""

    path: str
    data: bytes
    mentions: tuple[Mention, ...] = ()
    claims: tuple[Claim, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    """(part, "primary" or "support") for each device the file is about."""
    copied: bool = False
    """A copy of another repository's file: its symbols are not labelled."""


@dataclass(slots=True)
class Writing:
    """Notes for one file about one part; templates call its methods."""

    part: Part
    path: str
    plants: Sequence[Plant] = ()
    mentions: list[Mention] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    def block_of(self, register: Register) -> Block:
        """Return the block of a register."""
        return next(block for block, other in self.part.registers() if other is register)

    def address(self, name: str, register: Register, kind: str = "register", scope: str | None = None) -> int:
        """Note a symbol that holds a register's address and return the address."""
        value = self._planted("address", register, None, None, register.address)
        self._claim("address", name, register, None, value)
        self._mention(kind, name, scope, self._register_keys(register), register)
        return value

    def mask(self, name: str, register: Register, field: Field, kind: str = "macro", scope: str | None = None) -> int:
        """Note a symbol that holds a field's mask and return the mask."""
        value = self._planted("width", register, field, None, field.mask)
        self._claim("width", name, register, field, value)
        self._mention(kind, name, scope, self._field_keys(register, field), register)
        return value

    def shift(self, name: str, register: Register, field: Field, kind: str = "macro", scope: str | None = None) -> int:
        """Note a symbol that holds a field's lowest bit and return it."""
        self._mention(kind, name, scope, self._field_keys(register, field), register)
        return field.low

    def reset(self, name: str, register: Register, kind: str = "macro", scope: str | None = None) -> int:
        """Note a symbol that holds a register's reset value and return the value."""
        value = self._planted("reset", register, None, None, register.reset)
        self._claim("reset", name, register, None, value)
        self._mention(kind, name, scope, self._register_keys(register), register)
        return value

    def encoding(
        self,
        name: str,
        register: Register,
        field: Field,
        value: Value,
        kind: str = "constant",
        scope: str | None = None,
    ) -> int:
        """Note a symbol that holds one encoding of a field and return its code."""
        code = self._planted("value", register, field, value.name, value.code)
        self._claims_value(name, register, field, value.name, code)
        self._mention(kind, name, scope, self._field_keys(register, field), register)
        return code

    def fixed(self, name: str, register: Register, value: int, kind: str = "macro") -> int:
        """Note a symbol that holds a value of a register without bit fields, as an identifier, and return it."""
        self._mention(kind, name, None, self._register_keys(register), register)
        return value

    def opcode(self, name: str, command: str, kind: str = "constant", scope: str | None = None) -> int:
        """Note a symbol that holds a command byte and return it."""
        found = next(c for c in self.part.commands if c.name == command)
        self._mention(kind, name, scope, (("command", command),), None)
        return found.opcode

    def base(self, name: str, block: Block, address: int) -> int:
        """Note a symbol that holds the base address of a peripheral and return the address."""
        self._mention("register", name, None, (("section", "Peripheral instances"),), None)
        return address

    def struct(self, name: str, block: Block) -> str:
        """Note a struct that mirrors a block of registers and return its name."""
        first = block.registers[0]
        self._mention("struct", name, None, (("overview", block.name, first.name),), None)
        return name

    def member(self, name: str, scope: str, *registers: Register) -> str:
        """Note a member that is a register, or holds what was read from some, and return its name."""
        keys = tuple(key for register in registers for key in self._register_keys(register))
        self._mention("struct_member", name, scope, keys, registers[0])
        return name

    def holds(self, name: str, kind: str, register: Register, field: Field, scope: str | None = None) -> str:
        """Note a member, parameter or limit whose value is one for a field, and return its name."""
        self._mention(kind, name, scope, self._field_keys(register, field), register)
        return name

    def type(self, name: str, *targets: tuple[Register, Field | None] | Register) -> str:
        """Note an enum of a field's values, or a struct of what some registers hold, and return its name."""
        return self.function(name, *targets, kind="struct")

    def commands(self, name: str) -> str:
        """Note an enum of the command bytes and return its name."""
        self._mention("struct", name, None, (("section", "Command set"),), None)
        return name

    def section(self, name: str, kind: str, title: str) -> str:
        """Note a symbol that a section's text or table specifies and return its name."""
        self._mention(kind, name, None, (("section", title),), None)
        return name

    def waits(self, name: str, procedure: str) -> str:
        """Note a configuration parameter that is a pause of a procedure and return its name."""
        self._mention("config", name, None, (("procedure", procedure),), None)
        return name

    def function(self, name: str, *targets: tuple[Register, Field | None] | Register, kind: str = "function") -> str:
        """Note a function that exists to read or write some registers or fields and return its name."""
        keys: list[Key] = []
        first: Register | None = None
        for target in targets:
            register, target_field = target if isinstance(target, tuple) else (target, None)
            first = first or register
            if target_field is not None:
                keys.append(("field", self.block_of(register).name, register.name, target_field.name))
            keys.extend(self._register_keys(register))
        self._mention(kind, name, None, tuple(keys[:6]), first)
        return name

    def follows(self, name: str, procedure: Procedure) -> str:
        """Note a function that follows a procedure and return its name."""
        keys: list[Key] = [("procedure", procedure.name)]
        for operation in operations(procedure):
            for _, register in self.part.registers():
                if register.name == operation.target:
                    keys.append(("description", self.block_of(register).name, register.name))
                    if operation.verb in ("write", "push"):
                        self.writes(name, register, operation.field)
            keys += [("command", operation.target) for c in self.part.commands if c.name == operation.target]
        self._mention("function", name, None, tuple(dict.fromkeys(keys))[:6], None)
        return name

    def writes(self, function: str, register: Register, field_name: str | None = None) -> str:
        """Claim that a function writes a register; returns the register's name."""
        self.claims.append(
            Claim(
                "access",
                self.part.number,
                self.path,
                function,
                self.block_of(register).name,
                register.name,
                field_name,
                1,
            )
        )
        return register.name

    def planted(self, name: str) -> bool:
        """Return whether a plant of that name is active."""
        return any(plant.name == name for plant in self.plants)

    def nil(self, name: str, kind: str = "function", scope: str | None = None) -> str:
        """Note a symbol that nothing in the datasheet specifies and return its name."""
        self._mention(kind, name, scope, (), None)
        return name

    def done(self, text: str, role: str = "primary") -> Written:
        """Return the finished file; role is "primary" or "support"."""
        about = ((self.part.number, role),)
        return Written(self.path, text.encode(), tuple(self.mentions), tuple(self.claims), about)

    def _planted(
        self, kind: ClaimKind, register: Register, field: Field | None, encoding: str | None, right: int
    ) -> int:
        for plant in self.plants:
            wanted = (kind, register.name, field.name if field else None, encoding)
            if (plant.kind, plant.register, plant.field, plant.encoding) == wanted:
                return plant.value
        return right

    def _claim(self, kind: ClaimKind, symbol: str, register: Register, field: Field | None, value: int) -> None:
        block = self.block_of(register).name
        field_name = field.name if field else None
        self.claims.append(Claim(kind, self.part.number, self.path, symbol, block, register.name, field_name, value))

    def _claims_value(self, symbol: str, register: Register, field: Field, encoding: str, code: int) -> None:
        block = self.block_of(register).name
        self.claims.append(
            Claim("value", self.part.number, self.path, symbol, block, register.name, field.name, code, encoding)
        )

    def _mention(
        self, kind: str, name: str, scope: str | None, keys: tuple[Key, ...], register: Register | None
    ) -> None:
        self.mentions.append(Mention(self.part.number, self.path, kind, name, scope, keys, register))

    def _register_keys(self, register: Register) -> tuple[Key, ...]:
        block = self.block_of(register).name
        return ("description", block, register.name), ("overview", block, register.name)

    def _field_keys(self, register: Register, field: Field) -> tuple[Key, ...]:
        block = self.block_of(register).name
        return ("field", block, register.name, field.name), ("description", block, register.name)


def operations(procedure: Procedure) -> Iterable[Operation]:
    """Yield the operations of all steps."""
    for step in procedure.steps:
        yield from step.operations
