"""Pictures of pages: part of the page, in its colours, in words, linked to what they show."""

import re
from xml.etree import ElementTree

import lxml.html
import matplotlib.pyplot as plt
import nbformat
import pytest
from reader import NOTEBOOKS

from strata import paths
from strata.claims import load_ledger
from strata.claims.published import shown
from strata.claims.speaking import speaking
from strata.figures import style
from strata.painters.figures import painters_loops
from strata.report import pages, pictures

HOSTILE = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 viewBox="0 0 9 9" onload="alert(1)"><script>alert(1)</script><style>@import "//x.test"</style>
<a href="https://x.test"><path d="M0 0"/></a><use xlink:href="https://x.test/a.svg#b"/>
<image xlink:href="https://x.test/b.png"/><path id="own" style="fill: url(//x.test)" d="M1 1"/>
<path onclick="alert(1)" clip-path="url(//x.test)" d="M2 2"/><foreignObject><p>x</p></foreignObject>
<text>&lt;script&gt;</text></svg>"""


def drawn(svg):
    return lxml.html.fromstring(str(pictures.inline(svg, "what is <shown>", "figure")))


def test_a_picture_from_elsewhere_runs_and_loads_nothing():
    text = str(pictures.inline(HOSTILE, "a figure", "figure"))
    assert "x.test" not in text and "alert" not in text and "<script" not in text
    assert 'd="M1 1"' in text and 'd="M2 2"' in text and "&lt;script&gt;" in text


def test_a_picture_takes_the_colours_of_its_page():
    style.use_style()
    figure, axis = plt.subplots()
    axis.plot([0, 1], color="black", label="line")
    axis.text(0, 0, "on a dark cell", color="white")
    axis.axhline(0, color="0.3")
    axis.legend()
    text = str(pictures.drawing(figure, "a line", "figure"))
    for colour in ("#262626", "#cccccc", "#000000", "#4d4d4d"):
        assert colour not in text
    assert "currentColor" in text and "var(--line)" in text and "var(--paper)" in text
    assert "fill: #ffffff" in re.search(r"<text[^>]*>on a dark cell", text)[0]


def test_ids_of_two_pictures_do_not_meet():
    figure, axis = plt.subplots()
    axis.plot([0, 1], "o")
    one, other = (lxml.html.fromstring(str(pictures.drawing(figure, "", n))) for n in "ab")
    ids = [set(each.xpath("//@id")) for each in (one, other)]
    assert all(ids) and not ids[0] & ids[1]
    for each, own in zip((one, other), ids, strict=True):
        assert {link.removeprefix("#") for link in each.xpath("//use/@href")} <= own


def test_a_picture_is_told_in_words():
    root = drawn(HOSTILE)
    assert root.get("role") == "img" and root.get("aria-label") == "what is <shown>"


def test_what_is_not_xml_stays_an_image():
    image = pictures.embedded({pictures.SVG: "<svg><"}, "a figure")
    with pytest.raises(ElementTree.ParseError):
        pictures.inline("<svg><", "a figure", "figure")
    assert pictures.inlined(image, "figure") == image


@pytest.fixture(scope="module")
def spoken():
    return speaking(load_ledger())


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_picture_of_a_notebook_says_what_it_shows_and_links_to_it(file, spoken):
    node = pictures.described(nbformat.read(file, as_version=4), file.stem, spoken)
    data = [output.get("data", {}) for cell in node.cells for output in cell.get("outputs", ())]
    html = [each.get("text/html", "") for each in data]
    figures = [each for each in html if 'class="drawing"' in each]
    assert figures
    for each in figures:
        assert len(re.search(r'alt="([^"]*)"', each)[1]) > 15
    links = re.findall(r'href="([^"]+)"', "".join(figures))
    assert file.stem == "00_verdicts" or any(each.endswith(".csv") for each in links)
    for place in links:
        assert (paths.REPORT / place).resolve().is_file(), place


def test_a_figure_links_to_its_tables_its_svg_and_its_code(spoken):
    svg = pictures.vector(painters_loops(shown("laptop")))
    source = (
        "from strata.painters import figures\n"
        'figure = figures.painters_loops(reading.shown("loops"))'
    )
    output = nbformat.v4.new_output("display_data", {pictures.SVG: svg})
    cell = nbformat.v4.new_code_cell(source, outputs=[output])
    node = nbformat.v4.new_notebook(cells=[cell])
    assert pictures.vectors(node, "toy") == {"toy-1.svg": svg}
    (output,) = pictures.described(node, "toy", spoken).cells[0].outputs
    page = output.data["text/html"]
    assert re.findall(r'href="([^"]+)"', page) == [
        "../laptop/painters/loops.csv",
        "../laptop/painters/loops_best.csv",
        "../../src/strata/painters/figures/decoders.py",
        "toy-1.svg",
    ]
    inlined = pictures.inlined(pages._clean(page), "figure")
    assert "<svg" in inlined and pictures.SVG not in inlined
