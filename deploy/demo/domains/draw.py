"""Seeded choices: numbers, words and whole register blocks."""

import random
from collections.abc import Sequence
from typing import TypeVar

from deploy.demo.domains.origin import Origin
from deploy.demo.model import Access, Block, Field, Register

_T = TypeVar("_T")
_ACCESSES: tuple[Access, ...] = ("rw", "rw", "rw", "r", "w1c")
_WIDTHS = (1, 1, 1, 1, 2, 2, 3, 4, 5, 8)
_VERBS = ("Selects", "Shows", "Controls", "Holds", "Sets", "Counts")
_OBJECTS = ("the event", "the channel", "the level", "the state", "the source", "the limit", "the number of words")


class Draw:
    """Choices for one file, the same for the same seed."""

    def __init__(self, origin: Origin, seed: str) -> None:
        self.origin = origin
        self._random = random.Random(seed)

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of the choices."""
        return self._random.choice(choices)

    def some(self, choices: Sequence[_T], count: int) -> list[_T]:
        """Return different ones of the choices, in their order."""
        chosen = sorted(self._random.sample(range(len(choices)), min(count, len(choices))))
        return [choices[index] for index in chosen]

    def num(self, low: int, high: int) -> int:
        """Return a number, both ends included."""
        return self._random.randint(low, high)

    def hexnum(self, low: int, high: int, step: int = 1) -> str:
        """Return a number in C's hexadecimal notation, with as many digits as the highest one has."""
        digits = max(2, len(f"{high:X}"))
        return f"0x{self._random.randrange(low, high + 1, step):0{digits}X}"

    def flip(self) -> bool:
        """Return true or false."""
        return self._random.random() < 0.5

    def block(self, name: str, num_registers: int | None = None) -> Block:
        """Return invented registers of 32 bits."""
        names = list(self.origin.registers)
        while len(names) < (num_registers or 0):
            names += [f"{register}{len(names) // len(self.origin.registers)}" for register in self.origin.registers]
        wanted = num_registers or self.num(8, 12)
        registers = [self._register(register, 4 * index) for index, register in enumerate(self.some(names, wanted))]
        return Block(name=name.upper(), title=f"{name.upper()} module", text=(), registers=tuple(registers))

    def _register(self, name: str, address: int) -> Register:
        fields: list[Field] = []
        words = list(self.origin.fields)
        self._random.shuffle(words)
        low = 0
        for word in words[: self.num(2, 6)]:
            low += self.pick((0, 0, 0, 1, 2, 4))
            width = self.pick(_WIDTHS)
            if low + width > 32:
                break
            text = f"{self.pick(_VERBS)} {self.pick(_OBJECTS)}."
            fields.append(Field(name=word, high=low + width - 1, low=low, text=text, access=self.pick(_ACCESSES)))
            low += width
        reset = 0
        for field in fields:
            if self.flip():
                reset |= self.num(0, 2**field.width - 1) << field.low
        title = f"{name.capitalize()} register"
        return Register(
            name=name, address=address, title=title, text=title, reset=reset, width=32, fields=tuple(reversed(fields))
        )
