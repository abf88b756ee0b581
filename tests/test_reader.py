"""The report in a real browser: without a word from the network, on a phone, in the dark."""

import re
from itertools import groupby

import pytest
from reader import NOTEBOOKS, opened, requested

from strata.claims import load_ledger


@pytest.fixture
def phone(browser):
    """A screen 390 pixels wide."""
    look = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", look)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("name", ["index", *(notebook.stem for notebook in NOTEBOOKS)])
def test_page_loads_quietly_and_shows_its_pictures(report, browser, name):
    assert opened(browser, report / f"{name}.html").endswith("strata")
    browser.set_window_size(1200, 900)
    assert browser.get_log("browser") == []
    asked = requested(browser)
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
    pictures = browser.execute_script(
        "return [...document.images].map(image => image.naturalWidth).concat("
        "[...document.querySelectorAll('.drawing svg')].map(s => s.getBoundingClientRect().width))"
    )
    assert pictures and all(width > 50 for width in pictures)


@pytest.mark.parametrize("name", ["index", *(notebook.stem for notebook in NOTEBOOKS)])
def test_page_fits_a_phone(report, phone, name):
    opened(phone, report / f"{name}.html")
    widths = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scroll, client = phone.execute_script(widths)
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
    assert "A-BASE" not in searched(browser, report, "11"), "a script's number"
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


def test_figures_are_legible_on_a_phone_and_show_that_there_is_more(report, phone):
    opened(phone, report / "index.html")
    assert not phone.execute_script("return document.querySelector('.contents').open")
    sizes = phone.execute_script(
        "return [...document.querySelectorAll('.drawing text')]"
        ".map(text => text.getBoundingClientRect()).map(box => Math.min(box.height, box.width))"
    )
    assert sizes and max(sizes) >= 9
    wide = "const d = document.querySelector('.drawing'); return d.scrollWidth > d.clientWidth"
    hint = "return getComputedStyle(document.querySelector('.drawing')).backgroundImage"
    assert phone.execute_script(wide) and "gradient" in phone.execute_script(hint)


@pytest.mark.parametrize("name", ["index", *(notebook.stem for notebook in NOTEBOOKS)])
def test_every_picture_is_told_in_words(report, browser, name):
    opened(browser, report / f"{name}.html")
    told = browser.execute_script(
        "return [...document.querySelectorAll('img, svg[role=img]')]"
        ".map(each => each.alt ?? each.getAttribute('aria-label'))"
    )
    assert told and all(told) and not any("No description" in each for each in told)


def test_a_figure_is_in_the_colours_of_the_dark_page(report, browser):
    feature = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    opened(browser, report / "index.html")
    ink, paper, text, box = browser.execute_script(
        "const of = (what) => getComputedStyle(document.querySelector(what));"
        "return [of('body').color, of('body').backgroundColor, of('.drawing text').fill,"
        "of('.drawing path').fill]"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert text == ink and box in (paper, "none")


def test_a_command_is_copied(report, browser):
    opened(browser, report / "index.html")
    copied = browser.execute_async_script(
        "const done = arguments[0]; navigator.clipboard.writeText = async (text) => done(text);"
        "document.querySelector('.evidence .copy').click()"
    )
    assert copied.startswith("dvc repro --force --single-item ")


def test_print_numbers_its_pages_and_keeps_figures_whole(report, browser):
    opened(browser, report / "index.html")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    look = "return ['#filters', 'nav.pages', '.copy', '.drawing'].map(each => "
    look += "getComputedStyle(document.querySelector(each)).getPropertyValue(arguments[0]))"
    shown, breaks = (browser.execute_script(look, name) for name in ("display", "break-inside"))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == ["none", "none", "none", "block"] and breaks[-1] == "avoid"
    rules = "return [...document.styleSheets].flatMap(s => [...s.cssRules]).map(r => r.cssText)"
    assert any("counter(page)" in rule for rule in browser.execute_script(rules))
