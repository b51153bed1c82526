"""The tiny drawing of a flow on its tile: where it sends, waits and splits. Lengths are SVG attributes, no styles."""

from dataclasses import dataclass

from flows.models import Step
from flows.path import TRUNK, Path
from flows.steps import KINDS

MIDDLE, GAP, WIDE, ROUND, FORK = 16, 10, 28, 14, 34
MOST_STEPS = 5  # more would not fit on a tile


@dataclass(frozen=True)
class Shape:
    """One thing of the drawing. `kind`: wire, box, message, circle, fork, more or dot; `x` is its left edge."""

    kind: str
    x: int

    @property
    def middle(self) -> int:
        """Where a circle has its centre."""
        return self.x + ROUND // 2

    @property
    def line(self) -> str:
        """A wire to the next step, or the two ways of a split that come together again."""
        if self.kind == "wire":
            return f"M{self.x} {MIDDLE}h{GAP}"
        x = self.x
        return f"M{x} 16c6 0 3-10 9-10h16c6 0 3 10 9 10M{x} 16c6 0 3 10 9 10h16c6 0 3-10 9-10"


def shapes_of(path: Path) -> list[Shape]:
    """The trunk from left to right, without Finish."""
    steps = [step for step in path.sequences.get(TRUNK, []) if step.kind != "finish"]
    shapes, x = [Shape("wire", 1)], 1 + GAP
    for step in steps[:MOST_STEPS]:
        kind = _kind(step)
        shapes.append(Shape(kind, x))
        x += {"circle": ROUND, "fork": FORK}.get(kind, WIDE)
        shapes.append(Shape("wire", x))
        x += GAP
    if len(steps) > MOST_STEPS:
        return [*shapes, Shape("more", x)]
    return [*shapes, Shape("dot", x)]


def _kind(step: Step) -> str:
    if KINDS[step.kind].has_branches:
        return "fork"
    if KINDS[step.kind].family == "message":
        return "message"
    return "circle" if KINDS[step.kind].waits else "box"
