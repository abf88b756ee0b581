"""Draw the figures of every room from the evidence of one profile, for `dvc plots show`.

Inputs    results/<profile>/{anatomy,lws,painters,across}/*.csv, results/<profile>/verdicts.json,
          data/papers/*/claims.yaml
Outputs   results/<profile>/figures/<name>.png, each by the function of its name in
          strata/<room>/figures
Cost      seconds
"""

import matplotlib

from strata import paths, rooms, stage
from strata.claims.published import shown
from strata.figures import style
from strata.params import Params
from strata.results import NoResultError


def run(settings: Params) -> None:
    matplotlib.use("agg")
    style.use_style()
    source = shown(settings.profile)
    folder = paths.results(settings.profile) / "figures"
    for room in rooms.modules("figures").values():
        for draw in room.FIGURES:
            try:
                style.save(draw(source), folder / f"{draw.__name__}.png")
            except NoResultError as missing:
                print(f"{draw.__name__}: not drawn: {missing}")


if __name__ == "__main__":
    stage.main(__doc__, run)
