"""Pictures of pages: drawn in the page itself, described in words, with links to what they show."""

import base64
import copy
import html
import inspect
import io
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import nbformat
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from strata import paths, rooms
from strata.claims.speaking import Spoken
from strata.report.reading import profile_for
from strata.report.sections import HEADING

SVG, PNG = "image/svg+xml", "image/png"
HREF = "{http://www.w3.org/1999/xlink}href"
SHAPES = {"svg", "g", "defs", "use", "path", "rect", "text", "tspan", "clipPath", "image"}
GEOMETRY = {"d", "x", "y", "width", "height", "transform", "viewBox"}
STYLE = re.compile(r"[\w\s:;#.,'%()-]*")  # of a style attribute, without url()
GREY = re.compile(r"#([0-9a-f]{2})\1\1")
ROOM = re.compile(r"from strata\.(\w+) import (?:\w+, )*figures")
SHOWN = re.compile(r'(\w+) = reading\.shown\("(\w+)"\)')
DRAWN = re.compile(r'figures\.(\w+)\((?:reading\.shown\("(\w+)"\)|(\w+)\))')
EMBEDDED = re.compile(rf'<img alt="([^"]*)" src="data:{re.escape(SVG)};base64,([\w+/=]+)"/?>')


class Drawn(NamedTuple):
    """A figure's function, and the profile whose evidence it shows."""

    draw: Callable
    profile: str


def inline(svg: str, says: str, name: str) -> Markup:
    """A picture as part of the page, in its colours in the dark too: shapes and text, no more.

    Args:
        name: begins the ids of its parts, which are those of a page.

    Raises:
        ParseError: not XML.
    """
    root = ElementTree.fromstring(svg)
    wide = root.get("width", "")
    said = escape(says)
    start = f'<svg role="img" aria-label="{said}" viewBox="{escape(root.get("viewBox", ""))}"'
    if re.fullmatch(r"[\d.]+pt", wide):
        start += f' style="--wide: {wide}"'
    inner = "".join(part for child in root for part in _markup(child, f"{name}-"))
    return Markup(f"{start}><title>{said}</title>{inner}</svg>")


def drawing(figure: Figure, says: str, name: str) -> Markup:
    """A figure as part of a page (see `inline`)."""
    return inline(vector(figure), says, name)


def vector(figure: Figure) -> str:
    """A figure as SVG, the same for the same figure."""
    picture = io.StringIO()
    figure.savefig(picture, format="svg", bbox_inches="tight", metadata={"Date": None})
    return picture.getvalue()


def _markup(element: ElementTree.Element, prefix: str) -> Iterator[str]:
    tag = element.tag.rpartition("}")[2]
    if tag not in SHAPES:
        return
    attributes = "".join(
        f' {key}="{escape(value)}"' for key, value in _attributes(tag, element, prefix)
    )
    yield f"<{tag}{attributes}>{escape((element.text or '').strip())}"
    for child in element:
        yield from _markup(child, prefix)
    yield f"</{tag}>"


def _attributes(tag: str, element: ElementTree.Element, prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        if key in GEOMETRY:
            yield key, " ".join(value.split())
        elif key == "id" and tag not in {"g", "text"}:
            yield key, prefix + value
        elif key == HREF and value.startswith("#"):
            yield "href", f"#{prefix}{value[1:]}"
        elif key == HREF and value.startswith("data:image/png;base64,") and tag == "image":
            yield "href", value
        elif key == "clip-path" and (place := re.fullmatch(r"url\(#(\w+)\)", value)):
            yield key, f"url(#{prefix}{place[1]})"
        elif key == "style" and STYLE.fullmatch(value) and "url" not in value:
            yield key, _coloured(value, tag)


def _coloured(style: str, tag: str) -> str:
    """A style in the page's colours: no white behind the whole, and white is the paper's elsewhere
    but in text."""
    if style == "fill: #ffffff" and tag == "path":
        return "fill: none"
    return GREY.sub(lambda found: _grey(found[0], tag), style)


def _grey(colour: str, tag: str) -> str:
    if colour < "#707070":
        return "currentColor"
    if colour == "#ffffff" and tag not in {"text", "tspan"}:
        return "var(--paper)"
    return "var(--line)" if "#c0c0c0" < colour < "#f0f0f0" else colour


def inlined(page: str, name: str) -> str:
    """A page whose embedded SVG pictures are part of it; what is not XML stays an image."""
    numbers = itertools.count(1)

    def drawing(found: re.Match[str]) -> str:
        svg = base64.b64decode(found[2]).decode()
        try:
            return inline(svg, html.unescape(found[1]), f"{name}-{next(numbers)}")
        except ElementTree.ParseError:
            return found[0]

    return EMBEDDED.sub(drawing, page)


def embedded(data: Mapping[str, str], says: str) -> str:
    """A notebook's picture, by its kinds, as an image with a text for those who do not see it."""
    if SVG in data:
        kind, content = SVG, base64.b64encode(data[SVG].encode()).decode()
    else:
        kind, content = PNG, data[PNG].strip()
    return f'<img alt="{escape(says)}" src="data:{kind};base64,{content}">'


def vectors(notebook: nbformat.NotebookNode, stem: str) -> dict[str, str]:
    """A notebook's pictures that are SVG: the file of each beside its page, and its content."""
    every = [output.data for _, _, output in _pictures(notebook)]
    return {f"{stem}-{n}.svg": data[SVG] for n, data in enumerate(every, 1) if SVG in data}


def described(
    notebook: nbformat.NotebookNode, stem: str, spoken: Sequence[Spoken]
) -> nbformat.NotebookNode:
    """A notebook whose pictures are HTML: in words too, and with links to the tables they show,
    their SVG and the code that draws them."""
    notebook = copy.deepcopy(notebook)
    source = "\n".join(cell.source for cell in notebook.cells)
    svgs = vectors(notebook, stem)
    for number, (section, cell, output) in enumerate(_pictures(notebook), 1):
        drawn = _drawn(cell.source, source, spoken)
        says = inspect.getdoc(drawn.draw) if drawn else section
        links = list(_links(drawn)) if drawn else []
        links += [(name, "SVG") for name in svgs if name == f"{stem}-{number}.svg"]
        anchors = " · ".join(f'<a href="{place}">{escape(text)}</a>' for place, text in links)
        image = embedded(output.data, " ".join(says.split("\n\n")[0].split()))
        page = f'<div class="drawing">{image}</div><p class="links">{anchors}</p>'
        output.data = nbformat.from_dict({"text/html": page})
    return notebook


def _pictures(
    notebook: nbformat.NotebookNode,
) -> Iterator[tuple[str, nbformat.NotebookNode, nbformat.NotebookNode]]:
    """The heading over a picture, its cell and its output."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (titles := HEADING.findall(cell.source)):
            section = titles[-1][1]
        for output in list(cell.get("outputs", ())):
            if {SVG, PNG} & set(output.get("data", ())):
                yield section, cell, output


def _drawn(cell: str, source: str, spoken: Sequence[Spoken]) -> Drawn | None:
    """What a cell draws, where it names one of its room's figures and what that is shown of."""
    room, figure = ROOM.search(source), DRAWN.search(cell)
    if not (room and figure):
        return None
    name, file, variable = figure.groups()
    draw = getattr(rooms.modules("figures").get(room[1]), name, None)
    file = file or dict(SHOWN.findall(source)).get(variable)
    profile = profile_for(f"{room[1]}/{file}.json", spoken) if file else variable
    return Drawn(draw, profile) if draw else None


def _links(drawn: Drawn) -> Iterator[tuple[str, str]]:
    """Places from the report's folder, and what they are called."""
    for name in _tables(drawn.draw):
        yield f"../{drawn.profile}/{name}.csv", f"{name}.csv ({drawn.profile})"
    code = Path(inspect.getsourcefile(drawn.draw)).relative_to(paths.ROOT).as_posix()
    yield f"../../{code}", f"code: {drawn.draw.__name__}"


def _tables(draw: Callable) -> list[str]:
    """The tables that a function reads, itself or by private functions of its module."""
    own = re.findall(r'\.table\("([\w/]+)"', inspect.getsource(draw))
    private = (name for name in draw.__code__.co_names if name.startswith("_"))
    helpers = (draw.__globals__.get(name) for name in private)
    own += [table for each in helpers if inspect.isfunction(each) for table in _tables(each)]
    return list(dict.fromkeys(own))
