"""Look at any decoder: which layers matter, what it keeps when they are moved, what holds on it.

python src/look.py MODEL [--text FILE]      # make look MODEL=folder or owner/name [TEXT=FILE]

Inputs   a folder in the hub's layout, or a repository of the hub; a text, one passage a line
Outputs  results/look/<name>/index.html, and the evidence behind it (not in git)
Cost     under five minutes for 135M parameters on 2 cores; told before it starts
"""

import argparse
from pathlib import Path

import matplotlib
from transformers.utils import logging

from strata import paths
from strata.command_line import one_line_errors
from strata.figures import style
from strata.look import measuring, page
from strata.records import write_text


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("model", metavar="MODEL", help="a folder, or owner/name on the hub")
    options.add_argument("--text", type=Path, help="a UTF-8 file, one passage a line")
    options.add_argument("--dry-run", action="store_true", help="print the cost and stop")
    chosen = options.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with one_line_errors():
        settings = measuring.settings_for(*measuring.found(chosen.model), chosen.text)
        model = measuring.loaded(settings)
        price = measuring.price(settings, model)
        print(price, flush=True)
        if chosen.dry_run:
            return
        matplotlib.use("agg")
        style.use_style()
        with measuring.results_in(paths.LOOK):
            measuring.measure(settings, model)
            shown = page.page(settings, price)
        file = paths.LOOK / settings.profile / "index.html"
        write_text(file, shown)
        print(file)


if __name__ == "__main__":
    main()
