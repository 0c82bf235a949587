"""Where things stand on a page: user space to points from the top left corner, matrices, straight strokes."""

from dataclasses import dataclass

from mapper.datasheet.page.rules import Rule

STRAIGHT_PT = 0.7  # a stroke that leaves its axis by less is straight

Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class View:
    """How a page's user space maps to points from the visible top left corner."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def size(self) -> tuple[float, float]:
        """Return the visible width and height."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.rotation % 180 else (width, height)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of user space stands."""
        if self.rotation == 90:
            return y - self.bottom, x - self.left
        if self.rotation == 180:
            return self.right - x, y - self.bottom
        if self.rotation == 270:
            return self.top - y, self.right - x
        return x - self.left, self.top - y

    def box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the rectangle between two points of user space."""
        ax, ay = self.point(x0, y0)
        bx, by = self.point(x1, y1)
        return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def straight_strokes(a: tuple[float, float], b: tuple[float, float]) -> list[Rule]:
    """Return the rule from a to b, or nothing when it is too short or slopes."""
    if abs(a[1] - b[1]) <= STRAIGHT_PT < abs(a[0] - b[0]):
        return [Rule(True, (a[1] + b[1]) / 2, min(a[0], b[0]), max(a[0], b[0]))]
    if abs(a[0] - b[0]) <= STRAIGHT_PT < abs(a[1] - b[1]):
        return [Rule(False, (a[0] + b[0]) / 2, min(a[1], b[1]), max(a[1], b[1]))]
    return []


def is_straight(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return min(abs(a[0] - b[0]), abs(a[1] - b[1])) <= STRAIGHT_PT


def compose(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that applies inner, then outer."""
    a, b, c, d, e, f = inner
    return (
        a * outer[0] + b * outer[2],
        a * outer[1] + b * outer[3],
        c * outer[0] + d * outer[2],
        c * outer[1] + d * outer[3],
        *apply(outer, e, f),
    )


def apply(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """Return the point (x, y) moved by a matrix."""
    return matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]
