"""The report as its readers open it: all pages in a folder, and a real browser."""

import json
import shutil

import nbformat
import pytest

from strata import paths
from strata.figures import style
from strata.report import pages
from strata.report.material import read_material

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def write_report(folder):
    """All pages, from the notebooks' committed outputs."""
    style.use_style()
    every = pages.pages_of(NOTEBOOKS)
    material = read_material()
    index = pages.index_page(material, NOTEBOOKS, every)
    (folder / "index.html").write_text(index)
    for notebook in NOTEBOOKS:
        node = nbformat.read(notebook, as_version=4)
        page = pages.notebook_page(node, notebook, every, material.spoken)
        (folder / f"{notebook.stem}.html").write_text(page)


def driver():
    """A browser without a window, which logs what it asks for; skipped where there is none."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("no browser: install Debian's chromium and chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))


def opened(browser, file):
    browser.get(file.as_uri())
    return browser.execute_script("return document.title")


def requested(browser):
    """Addresses asked for since the last call."""
    events = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    sent = [e["params"]["request"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [request["url"] for request in sent]
