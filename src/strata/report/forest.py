"""One check as a strip: where it passes, the published value, ours with its interval, the nulls.

SVG in the page itself, so that it takes the page's colours, in the dark too.
"""

import math
from collections.abc import Callable

from markupsafe import Markup, escape

from strata.claims.entries import Check
from strata.claims.judging import Judged
from strata.claims.tables import measured, published, region

WIDTH, HEIGHT, MARGIN = 240, 22, 6


def strip(check: Check, judged: Judged) -> Markup:
    """A check on an axis of its own, from its least to its greatest value; empty if not measured.

    A ratio of positive values is drawn in logarithms. A region without an end fills its side.
    """
    if judged.model is None:
        return Markup("")
    nulls = [each["value"] for each in judged.nulls.values()]
    known = [] if check.published is None else [check.published]
    known += [*judged.model.values(), *nulls, *filter(math.isfinite, check.region)]
    place = _axis(known, logarithmic=check.kind == "ratio" and min(known) > 0)
    low, high = map(place, check.region)
    middle = HEIGHT / 2
    parts = [
        f'<rect class="zone" x="{low:.1f}" width="{max(high - low, 2):.1f}" height="{HEIGHT}"/>'
    ]
    parts += [_bar("null", place(each), place(each), 4, HEIGHT - 4) for each in nulls]
    if check.published is not None:
        at = place(check.published)
        diamond = f"M{at:.1f} {middle - 5}l5 5l-5 5l-5-5z"
        parts.append(f'<path class="published" d="{diamond}"/>')
    ends = (place(judged.model[end]) for end in ("low", "high"))
    parts.append(_bar("ours", *ends, middle, middle))
    parts.append(
        f'<circle class="ours" cx="{place(judged.model["value"]):.1f}" cy="{middle}" r="4"/>'
    )
    said = escape(_said(check, judged))
    return Markup(
        f'<svg class="strip" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">'
        f"<title>{said}</title>{''.join(parts)}</svg>"
    )


def _axis(known: list[float], logarithmic: bool) -> Callable[[float], float]:
    scale = math.log if logarithmic else float
    least, most = scale(min(known)), scale(max(known))
    width = (most - least) or 1.0

    def place(value: float) -> float:
        if math.isinf(value):
            return WIDTH if value > 0 else 0.0
        return MARGIN + (WIDTH - 2 * MARGIN) * (scale(value) - least) / width

    return place


def _bar(name: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1}" y2="{y2}"/>'


def _said(check: Check, judged: Judged) -> str:
    nulls = (f"{name.replace('_', ' ')} {measured(check, e)}" for name, e in judged.nulls.items())
    ours = f"{check.name}: ours {measured(check, judged.model)}; passes: {region(check)}"
    return "; ".join([ours, f"published: {published(check)}", *nulls])
