"""Write files of a domain for an origin."""

from collections.abc import Sequence
from functools import cache

from deploy.demo.code.templates import render
from deploy.demo.code.writing import Written
from deploy.demo.domains.draw import Draw
from deploy.demo.domains.origin import Origin
from deploy.demo.domains.restyle import restyle
from deploy.demo.domains.shapes import SHAPES, Shape


@cache
def domain_files(origin: Origin, domain: str, count: int, *, seed: int, small: bool = False) -> tuple[Written, ...]:
    """Return that many files of a domain; each kind of file comes in turn, each time about another subject."""
    shapes = SHAPES[domain]
    start = list(SHAPES).index(domain)
    return tuple(
        shape_file(origin, shapes[index % len(shapes)], start * 3 + index, seed=seed, small=small)
        for index in range(count)
    )


def shape_file(origin: Origin, shape: Shape, turn: int, *, seed: int, small: bool = False) -> Written:
    """Return one file of a kind; turn chooses the subject."""
    subject = origin.subjects[turn % len(origin.subjects)]
    draw = Draw(origin, f"{seed}:{origin.name}:{shape.template}:{turn}")
    names = {"s": subject, "S": subject.capitalize(), "SU": subject.upper(), "o": origin}
    values = {**names, **shape.values(draw)}
    path = shape.path.format(n=turn % 10, **values)
    text = render(
        f"sdk/{shape.template}.j2",
        b=draw.block(subject),
        pick=draw.pick,
        num=draw.num,
        hexnum=draw.hexnum,
        flip=draw.flip,
        small=small,
        **values,
    )
    if shape.house_style:
        text = restyle(text, indent=origin.indent, allman=origin.allman)
    return Written(path, text.encode())


def all_domains(origin: Origin, counts: Sequence[int] | int, *, seed: int, small: bool = False) -> list[Written]:
    """Return files of every domain; counts is one number, or one for each domain."""
    numbers = [counts] * len(SHAPES) if isinstance(counts, int) else list(counts)
    return [
        file
        for domain, count in zip(SHAPES, numbers, strict=True)
        for file in domain_files(origin, domain, count, seed=seed, small=small)
    ]
