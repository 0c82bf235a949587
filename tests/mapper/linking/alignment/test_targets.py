"""Look-ups in a datasheet made ready for linking."""

import os
import subprocess
import sys

RETRIEVE = """
from itertools import product
from mapper.linking.alignment.targets import SheetIndex
from mapper.linking.words import name_of
from mapper.model import Datasheet, Register

words = ("offset", "accel", "fifo", "status", "gain", "acc", "off", "sta")
names = [f"{one}_{two}_{three}" for one, two, three in product(words, repeat=3)]
registers = tuple(Register(name=name, address=place, page=1) for place, name in enumerate(names[::3]))
sheet = Datasheet(sha256="0", file="a.pdf", title="A", parts=(), family="a", revision=None, num_pages=1, sections=(),
                  registers=registers)
index = SheetIndex(sheet)
for name in names[1::7]:
    print([target.register.name for target in index.retrieve(name_of(f"{name}_config"))])
"""


def test_what_is_retrieved_does_not_hang_on_the_hash_seed() -> None:
    """Two processes with other string hashes retrieve the same registers in the same order."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", RETRIEVE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]

    assert runs[0]
    assert runs[1:] == runs[:1] * 2
