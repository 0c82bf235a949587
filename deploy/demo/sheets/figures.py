"""Drawings: a block diagram of boxes, and the frame of a bus transfer."""

from collections.abc import Sequence

from reportlab.platypus import Flowable

from deploy.demo.sheets.layout import INK, SHADE, TEXT_WIDTH


class BlockDiagram(Flowable):  # type: ignore[misc]  # reportlab has no types
    """Boxes in rows of four, joined by a bus line, with a caption."""

    def __init__(self, labels: Sequence[str], caption: str) -> None:
        super().__init__()
        self._labels, self._caption = tuple(labels), caption
        self._rows = (len(self._labels) + 3) // 4
        self.width, self.height = TEXT_WIDTH, 62.0 * self._rows + 30

    def draw(self) -> None:
        canvas = self.canv
        canvas.setStrokeColor(INK)
        for index, label in enumerate(self._labels):
            row, column = divmod(index, 4)
            left, bottom = 20 + column * 118, self.height - 52 - row * 62
            canvas.setFillColor(SHADE)
            canvas.roundRect(left, bottom, 100, 38, 3, stroke=1, fill=1)
            canvas.setFillColor(INK)
            canvas.setFont("Helvetica", 8)
            canvas.drawCentredString(left + 50, bottom + 16, label)
            if column < 3 and index + 1 < len(self._labels):
                canvas.line(left + 100, bottom + 19, left + 118, bottom + 19)
        canvas.setFont("Helvetica-Bold", 8.5)
        canvas.drawCentredString(TEXT_WIDTH / 2, 6, self._caption)


class TransferFrame(Flowable):  # type: ignore[misc]  # reportlab has no types
    """The parts of one bus transfer side by side, with a caption."""

    def __init__(self, parts: Sequence[str], caption: str) -> None:
        super().__init__()
        self._parts, self._caption = tuple(parts), caption
        self.width, self.height = TEXT_WIDTH, 52.0

    def draw(self) -> None:
        canvas = self.canv
        canvas.setFont("Helvetica", 7.5)
        canvas.setLineWidth(0.7)
        left = 10.0
        for part in self._parts:
            width = max(26.0, canvas.stringWidth(part, "Helvetica", 7.5) + 10)
            canvas.rect(left, 26, width, 18, stroke=1, fill=0)
            canvas.drawCentredString(left + width / 2, 32, part)
            left += width
        canvas.setFont("Helvetica-Bold", 8.5)
        canvas.drawCentredString(TEXT_WIDTH / 2, 8, self._caption)
