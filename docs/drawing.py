"""The few shapes that the drawings of the chapters consist of, as SVG: box, arrow, label, curve and axes.

A drawing is 440 units wide, which a phone shows at three quarters of its size: no text is smaller than 15. The colours
follow the reader's light or dark scheme. The ground is drawn too, so that a drawing is legible on a page whose scheme
is another one.
"""

import re
from collections.abc import Callable, Iterable
from html import escape
from itertools import pairwise

Point = tuple[float, float]

WIDTH = 440
GROUND = ("#ffffff", "#131416")
COLOURS = {  # of lines and text, and of the inside of a box: on a light ground, then on a dark one
    "plain": (("#3f4650", "#f2f3f5"), ("#c9d1d9", "#23272d")),
    "quiet": (("#5b636d", "#ffffff"), ("#9aa4ae", "#131416")),
    "input": (("#0b5c8a", "#e4f0f8"), ("#79bbe3", "#14303f")),
    "state": (("#a04f04", "#fdf0e1"), ("#f0a763", "#3d2a17")),
    "output": (("#1d6b3a", "#e5f4ea"), ("#7bc796", "#16331f")),
    "gradient": (("#5a2d91", "#f0e9f8"), ("#c0a6ea", "#2e2143")),
}


def _style() -> str:
    def rules(scheme: int) -> str:
        lines = [f".ground {{ fill: {GROUND[scheme]} }}"]
        for kind, colours in COLOURS.items():
            line, inside = colours[scheme]
            lines.append(f".{kind} {{ stroke: {line}; fill: none }} .{kind}.box {{ fill: {inside} }}")
            lines.append(f"text.{kind}, .{kind}.head {{ fill: {line}; stroke: none }}")
        return "\n".join(lines)

    return f"{rules(0)}\n@media (prefers-color-scheme: dark) {{\n{rules(1)}\n}}\n.dashed {{ stroke-dasharray: 5 4 }}"


def _number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{round(value, 1) + 0.0:g}"


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _subscripts(text: str) -> str:
    """W_hh, h_{t-1} and d_h with their subscripts lowered."""
    parts = re.split(r"(?<=[A-Za-z])_(\{[^}]+\}|[A-Za-z0-9]+)", text)
    spans, lowered = [], False
    for number, part in enumerate(parts):
        if not part:
            continue
        is_lower = number % 2 == 1
        shift = (5 if is_lower else -5) if is_lower != lowered else 0
        lowered = is_lower
        size = ' font-size="15"' if is_lower else ""
        move = f' dy="{shift}"' if shift else ""
        body = escape(part.strip("{}") if is_lower else part)
        spans.append(f"<tspan{move}{size}>{body}</tspan>" if move or size else body)
    return "".join(spans)


class Drawing:
    """An SVG to which shapes are added. Boxes and labels are placed by their centres."""

    def __init__(self, title: str, description: str, height: float) -> None:
        self.title, self.description, self.height = title, description, height
        self.shapes: list[str] = []

    def box(
        self, x: float, y: float, width: float, height: float, text: str = "", kind: str = "plain", *,
        strong: bool = False, dashed: bool = False, size: float = 17
    ) -> None:  # fmt: skip
        """A rectangle with round corners, and a text in it."""
        place = f'x="{_number(x - width / 2)}" y="{_number(y - height / 2)}"'
        sides = f'width="{_number(width)}" height="{_number(height)}"'
        more = (' stroke-width="3.5"' if strong else "") + (' stroke-dasharray="4 4"' if dashed else "")
        self.shapes.append(f'<rect class="{kind} box" {place} {sides} rx="5"{more}/>')
        if text:
            self.label(x, y, text, kind, size=size)

    def dot(self, x: float, y: float, radius: float, kind: str) -> None:
        """A circle."""
        self.shapes.append(f'<circle class="{kind} box" cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"/>')

    def label(
        self, x: float, y: float, text: str, kind: str = "plain", *, size: float = 15, anchor: str = "middle"
    ) -> None:
        """Text whose middle line is at y."""
        place = f'x="{_number(x)}" y="{_number(y + size * 0.34)}"'
        look = "" if (anchor, size) == ("middle", 15) else f' text-anchor="{anchor}" font-size="{_number(size)}"'
        self.shapes.append(f'<text class="{kind}" {place}{look}>{_subscripts(text)}</text>')

    def line(self, points: Iterable[Point], kind: str = "plain", *, dashed: bool = False, thick: float = 1.6) -> None:
        """A line through the points."""
        more = (" dashed" if dashed else "", f' stroke-width="{thick}"' if thick != 1.6 else "")
        self.shapes.append(f'<polyline class="{kind}{more[0]}" points="{_points(points)}"{more[1]}/>')

    def arrow(self, *points: Point, kind: str = "plain", dashed: bool = False) -> None:
        """A line through the points, with a head whose tip is at the last one."""
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        u, v = (x1 - x0) / length, (y1 - y0) / length  # the direction
        foot = (x1 - 8 * u, y1 - 8 * v)
        self.line([*points[:-1], foot], kind, dashed=dashed)
        head = [(x1, y1), (foot[0] - 4 * v, foot[1] + 4 * u), (foot[0] + 4 * v, foot[1] - 4 * u)]
        self.shapes.append(f'<polygon class="{kind} head" points="{_points(head)}"/>')

    def axes(
        self, box: tuple[float, float, float, float], x: Iterable[float], y: Iterable[float], names: tuple[str, str],
        scale: Callable[[float], float] = float, written: Callable[[float], str] = "{:g}".format
    ) -> Callable[[float, float], Point]:  # fmt: skip
        """Draw axes with a tick for each x and y within (left, top, right, bottom); return the place of a point."""
        left, top, right, bottom = box
        x, y = list(x), list(y)

        def place(a: float, b: float) -> Point:
            across = (a - x[0]) / (x[-1] - x[0])
            up = (scale(b) - scale(y[0])) / (scale(y[-1]) - scale(y[0]))
            return left + across * (right - left), bottom - up * (bottom - top)

        for b in y:
            height = place(x[0], b)[1]
            self.line([(left, height), (right, height)], "quiet", thick=0.4)
            self.label(left - 8, height, written(b), "quiet", anchor="end")
        for a in x:
            across = place(a, y[0])[0]
            self.line([(across, bottom), (across, bottom + 5)], "quiet", thick=1)
            self.label(across, bottom + 18, f"{a:g}".replace("-", "−"), "quiet")
        self.line([(left, bottom), (right, bottom)], "quiet", thick=1)
        self.label((left + right) / 2, bottom + 42, names[0], "quiet")
        self.label(left - 40, top - 22, names[1], "quiet", anchor="start")
        return place

    def svg(self) -> str:
        """The text of the file."""
        size = f'viewBox="0 0 {WIDTH} {_number(self.height)}" width="{WIDTH}" height="{_number(self.height)}"'
        font = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif" font-size="15"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}',
                '     text-anchor="middle" stroke-width="1.6" stroke-linejoin="round"',
                '     role="img" aria-labelledby="title desc">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                f"<style>\n{_style()}\n</style>",
                f'<rect class="ground" width="{WIDTH}" height="{_number(self.height)}"/>',
                *self.shapes,
                "</svg>\n",
            ]
        )

    def chain(self, xs: Iterable[float], y: float, half: float, kind: str = "state") -> None:
        """Arrows from each box of a row to the next; the boxes are `half` wide on each side."""
        for a, b in pairwise(xs):
            self.arrow((a + half, y), (b - half, y), kind=kind)
