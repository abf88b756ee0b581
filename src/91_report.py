"""Write the report as HTML pages that need no network: a summary and a page a notebook.

Figure or table  all of them
Inputs           notebooks/*.ipynb, data/, results/<profile>/ of every profile
Outputs          results/report/*.html, *.svg (not in git); open results/report/index.html
Cost             about two minutes: every notebook is run anew with its pictures as SVG
"""

import argparse

import matplotlib
from tqdm import tqdm

from strata import paths
from strata.figures import style
from strata.records import write_text
from strata.report import pages
from strata.report.material import read_material
from strata.report.pictures import vectors


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    matplotlib.use("agg")
    style.use_style()
    notebooks = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
    every = pages.pages_of(notebooks)
    material = read_material()
    index = pages.index_page(material, notebooks, every)
    write_text(paths.REPORT / pages.INDEX.file, index)
    for notebook in tqdm(notebooks, desc="pages", disable=None):
        node = pages.executed(notebook)
        page = pages.notebook_page(node, notebook, every, material.spoken)
        write_text(paths.REPORT / f"{notebook.stem}.html", page)
        for name, svg in vectors(node, notebook.stem).items():
            write_text(paths.REPORT / name, svg)
    print(paths.REPORT / pages.INDEX.file)


if __name__ == "__main__":
    main()
