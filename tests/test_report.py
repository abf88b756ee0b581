"""The HTML report: complete, linked, and in a real browser without a word from the network."""

import html
import io
import json
import re
import shutil
from importlib.resources import files
from itertools import groupby
from urllib.parse import unquote

import lxml.html
import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from strata import paths
from strata.claims import load_ledger
from strata.claims.tables import command, measured
from strata.figures import style
from strata.papers import load_papers
from strata.report import pages
from strata.report.forest import strip
from strata.report.material import read_material
from strata.report.sections import section_of, section_of_claims

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
HOSTILE = (
    "<script>document.title = 'x'</script><img src=https://x.test/a onerror=alert(1)>"
    "<meta http-equiv=refresh content='0;url=https://x.test'><link rel=preconnect href=//x.test>"
    "<form action=//x.test><iframe src=//x.test></iframe><svg onload=alert(1)>"
    "[x](javascript:alert(1)) ![x](https://x.test/b)"
)
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """All pages, from the notebooks' committed outputs."""
    folder = tmp_path_factory.mktemp("report")
    style.use_style()
    every = pages.pages_of(NOTEBOOKS)
    material = read_material()
    index = pages.index_page(material, NOTEBOOKS, every)
    (folder / "index.html").write_text(index)
    for notebook in NOTEBOOKS:
        node = nbformat.read(notebook, as_version=4)
        page = pages.notebook_page(node, notebook, every, material.spoken)
        (folder / f"{notebook.stem}.html").write_text(page)
    return folder


def test_every_claim_is_in_the_index_with_a_command_and_its_verdict(report):
    index = (report / "index.html").read_text()
    for each in read_material().spoken:
        claim, profile = each.claim, each.profile
        assert f'id="{claim.id}"' in index
        assert f"{command(claim, profile)}</code>" in index


def test_every_headline_says_what_was_found_how_sure_and_how_to_rerun(report):
    index = (report / "index.html").read_text()
    boxes = re.findall(r'<div class="headline">(.*?)</div>', index, flags=re.DOTALL)
    headlines = [each for every in read_material().headlines.values() for each in every]
    for box, headline in zip(boxes, headlines, strict=True):
        assert f">{headline.claim}</a>" in box
        for fact in ('data-verdict="', "because", "null models", "tried on"):
            assert fact in box, (headline.claim, fact)
        assert "dvc repro" in box, headline.claim


def test_notebooks_are_light():
    for notebook in NOTEBOOKS:
        assert notebook.stat().st_size < 600_000, f"{notebook.name}: embed pictures by style.png"


def test_links_lead_somewhere(report):
    text = {file.name: html.unescape(file.read_text()) for file in report.glob("*.html")}
    ids = {name: set(re.findall(r'\bid="([^"]*)"', page)) for name, page in text.items()}
    for name, page in text.items():
        for file, _, anchor in re.findall(r'href="([\w.]*)(#([^"]+))?"', page):
            target = file or name
            assert target in text, f"{name} links to {target}"
            found = not anchor or {anchor, unquote(anchor)} & ids[target]
            assert found, f"{name} links to {target}#{anchor}"


def hostile(material):
    """The same with other words in every text of the ledger."""
    words = lambda entry, *names: entry.model_copy(update=dict.fromkeys(names, HOSTILE))
    texts = {
        "headlines": ("found",),
        "deviations": ("about", "says", "code", "here", "changes"),
    }
    changed = {
        kind: {
            letter: [words(each, *names) for each in entries]
            for letter, entries in getattr(material, kind).items()
        }
        for kind, names in texts.items()
    }
    spoken = [each._replace(claim=words(each.claim, "statement")) for each in material.spoken]
    return material._replace(
        papers=[words(each, "title") for each in material.papers], spoken=spoken, **changed
    )


def loud(page):
    """What of a page runs, loads, or leads away by itself or to code."""
    parsed = BeautifulSoup(page, "lxml")
    search = (files("strata.report") / "verdicts.js").read_text()
    scripts = parsed.find_all("script", string=[search, pages.NARROW])
    own = [*parsed.find_all("link", rel="icon"), *scripts, *parsed.select("main svg[role=img]")]
    for tag in set(parsed.find_all(True)) - set(own):
        refreshes = tag.get("http-equiv", "").lower() == "refresh"
        loads = not tag.get("src", "data:image/").startswith("data:image/")
        leads = tag.get("href", "").split(":")[0] in {"javascript", "data"}
        handles = any(name.startswith("on") for name in tag.attrs)
        known = tag.name not in {"script", "link", "iframe", "object", "embed", "svg"}
        if refreshes or loads or leads or handles or not known:
            yield tag


def test_texts_from_elsewhere_run_load_and_lead_nowhere(tmp_path, request):
    kinds = ("text/html", "text/markdown", "application/javascript", "image/svg+xml")
    outputs = [nbformat.v4.new_output("display_data", {kind: HOSTILE}) for kind in kinds]
    code = nbformat.v4.new_code_cell(outputs=outputs)
    cells = [nbformat.v4.new_markdown_cell(f"# Title {HOSTILE}\n\n{HOSTILE}"), code]
    node, file = nbformat.v4.new_notebook(cells=cells), tmp_path / "toy.ipynb"
    nbformat.write(node, file)
    every = pages.pages_of([file])
    index = pages.index_page(hostile(read_material()), [file], every)
    (tmp_path / "toy.html").write_text(pages.notebook_page(node, file, every, []))
    (tmp_path / "index.html").write_text(index)
    assert index.count("&lt;script&gt;") > len(load_ledger())
    for page in ("index", "toy"):
        assert list(loud((tmp_path / f"{page}.html").read_text())) == []
    browser = request.getfixturevalue("browser")
    for page in ("index", "toy"):
        assert opened(browser, tmp_path / f"{page}.html").endswith("strata")
        assert all(url.startswith(("file:", "data:")) for url in requested(browser))
        assert browser.get_log("browser") == []


def test_claims_are_found_under_their_headings():
    places = section_of_claims(NOTEBOOKS, load_papers())
    assert places["A-CORE"].notebook == "01_anatomy"
    assert places["A-CORE"].anchor == "Which-layers-matter?-(A-BASE,-A-CORE,-A-RANGE)"
    assert section_of("C-BERT-SKIP", places) == places["C-BERT"]
    assert section_of("C-LATENCY", places) == places["C"]
    assert section_of("Z-NONE", places) is None


def test_executed_notebook_has_svg_pictures(tmp_path):
    cells = [
        "import matplotlib.pyplot as plt\nfigure = plt.figure(figsize=(1, 1))\nplt.plot([0, 1])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    file = tmp_path / "toy.ipynb"
    nbformat.write(notebook, file)
    outputs = pages.executed(file).cells[0].outputs
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)


def test_png_has_few_colours_and_the_same_bytes():
    style.use_style()
    figure, axis = plt.subplots()
    axis.plot([0, 1], label="line")
    axis.legend()
    first = style.png(figure, dpi=150)
    assert first == style.png(figure, dpi=150)
    picture = Image.open(io.BytesIO(first))
    assert picture.mode == "P" and len(picture.convert("RGB").getcolors()) <= style.COLOURS
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_strip_shows_zone_published_ours_and_nulls():
    core = next(each for each in read_material().spoken if each.claim.id == "A-ANTI")
    for check, judged in zip(core.claim.checks, core.verdict.checks, strict=True):
        drawn = lxml.html.fromstring(strip(check, judged))
        assert drawn.get("role") == "img" and "passes: below 0" in drawn.get("aria-label")
        assert measured(check, judged.model) in drawn.get("aria-label")
        (zone,) = drawn.find_class("zone")
        line, dot = drawn.find_class("ours")
        assert float(zone.get("x")) == 0, "a region without an end fills its side"
        assert float(line.get("x1")) <= float(dot.get("cx")) <= float(line.get("x2"))
        inside = float(dot.get("cx")) <= float(zone.get("x")) + float(zone.get("width"))
        assert inside == (judged.model["value"] < 0)
        assert len(drawn.find_class("null")) == len(judged.nulls)
        assert len(drawn.find_class("published")) == (check.published is not None)


def test_what_is_not_measured_has_no_strip():
    spoken = next(each for each in read_material().spoken if each.verdict.checks[0].model is None)
    assert strip(spoken.claim.checks[0], spoken.verdict.checks[0]) == ""


@pytest.fixture(scope="module")
def browser():
    if not (CHROMIUM and DRIVER):
        pytest.skip("no browser: install Debian's chromium and chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def opened(browser, file):
    browser.get(file.as_uri())
    return browser.execute_script("return document.title")


def requested(browser):
    """Addresses asked for since the last call."""
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    sent = [e["params"]["request"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [request["url"] for request in sent]


@pytest.mark.parametrize("name", ["index", *(notebook.stem for notebook in NOTEBOOKS)])
def test_page_loads_quietly_and_shows_its_pictures(report, browser, name):
    assert opened(browser, report / f"{name}.html").endswith("strata")
    browser.set_window_size(1200, 900)
    assert browser.get_log("browser") == []
    asked = requested(browser)
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
    pictures = browser.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert pictures and all(width > 50 for width in pictures)


@pytest.mark.parametrize("name", ["index", *(notebook.stem for notebook in NOTEBOOKS)])
def test_page_fits_a_phone(report, browser, name):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    opened(browser, report / f"{name}.html")
    widths = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scroll, client = browser.execute_script(widths)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert client == 390 and scroll <= client


def visible(browser):
    script = "return [...document.querySelectorAll('#claims tbody')].filter(c => c.offsetHeight)"
    return [claim.get_attribute("data-verdict") for claim in browser.execute_script(script)]


def test_search_and_filters_choose_claims(report, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    opened(browser, report / "index.html")
    all_claims = visible(browser)
    assert len(all_claims) == len(load_ledger())

    Select(browser.find_element(By.NAME, "verdict")).select_by_visible_text("open")
    chosen = visible(browser)
    assert chosen == [each for each in all_claims if each == "open"] != []
    Select(browser.find_element(By.NAME, "paper")).select_by_visible_text("A")
    assert 0 < len(visible(browser)) < len(chosen)
    Select(browser.find_element(By.NAME, "verdict")).select_by_index(0)
    browser.find_element(By.NAME, "search").send_keys("A-ANTI ablated")
    assert len(visible(browser)) == 1
    assert browser.find_element(By.ID, "shown").text.startswith("1 of ")
    browser.find_element(By.NAME, "search").send_keys(" nosuchword")
    assert visible(browser) == []


def searched(browser, report, text):
    """The claims that a search shows."""
    opened(browser, report / "index.html")
    script = (
        "const f = document.forms.filters; f.search.value = arguments[0];"
        "f.dispatchEvent(new Event('input'));"
        "return claims.filter(c => !c.hidden).map(c => c.rows[0].id)"
    )
    return browser.execute_script(script, text)


def test_a_number_is_searched_for_as_a_whole(report, browser):
    assert "A-CORE" in searched(browser, report, "63419")
    assert "A-CORE" in searched(browser, report, "63,419%")
    assert searched(browser, report, "6341") == []
    assert "A-ANTI" in searched(browser, report, "-0.6")
    eleven = searched(browser, report, "layer 11")
    assert "A-CORE" in eleven and "A-LOSS" not in eleven


def test_models_and_papers_are_searched_too(report, browser):
    assert "C-BERT-REPEAT" in searched(browser, report, "MiniLM")
    of_c = searched(browser, report, "painters")
    assert of_c and all(each.startswith("C-") for each in of_c)


def test_the_address_keeps_what_is_chosen(report, browser):
    opened(browser, report / "index.html")
    browser.execute_script("document.querySelector('.counts [data-verdict=open]').click()")
    chosen = visible(browser)
    assert set(chosen) == {"open"}
    browser.get(browser.current_url)
    assert visible(browser) == chosen
    assert "verdict=open" in browser.current_url


def test_a_claim_that_is_linked_to_is_shown(report, browser):
    browser.get((report / "index.html").as_uri() + "?search=63419#C-SIM")
    ids = browser.execute_script("return claims.filter(c => !c.hidden).map(c => c.rows[0].id)")
    assert "C-SIM" in ids


def test_an_empty_result_says_so_and_order_is_by_verdict(report, browser):
    searched(browser, report, "nosuchword")
    shown = "return document.getElementById('shown').textContent"
    assert "Nothing matches" in browser.execute_script(shown)
    opened(browser, report / "index.html")
    before = visible(browser)
    browser.execute_script(
        "const f = document.forms.filters; f.order.value = 'verdict';"
        "f.dispatchEvent(new Event('change'))"
    )
    after = visible(browser)
    assert sorted(after) == sorted(before)
    assert [each for each, _ in groupby(after)] == list(dict.fromkeys(after))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_are_legible(report, browser, scheme):
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    opened(browser, report / "index.html")
    colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (
        sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in browser.execute_script(colours)
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (ink < paper) == (scheme == "light") and abs(ink - paper) > 500
