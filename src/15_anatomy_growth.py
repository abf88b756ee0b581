"""Growth training against uniform training: at equal steps, equal FLOPs, equal restarts.

Claims    A-COST, A-GROW, A-LOSS, A-FAST, A-HALF (paper A, Growth Transformer Training)
Inputs    the authored text
Outputs   results/<profile>/anatomy/growth.json          what the ledger judges
          results/<profile>/anatomy/growth.csv           validation loss of every run at each check
          results/<profile>/timing/anatomy_growth.json   seconds, which differ from run to run
Cost      laptop: about a minute on 2 cores; an interrupted run goes on where it stopped

    python src/15_anatomy_growth.py
"""

import sys
from pathlib import Path

import torch

from strata import params, paths, records
from strata.anatomy import growth_study as study
from strata.anatomy import growth_training
from strata.anatomy.recovery import TrainingError
from strata.params import Params
from strata.text import TextError, read_lines
from strata.work import Work


def main() -> None:
    settings = params.from_command_line(__doc__)
    folder = paths.results(settings.profile)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with records.provenance(folder / "provenance" / "anatomy_growth.json", device=device):
        run(settings)


def run(settings: Params) -> None:
    section = settings.anatomy_growth
    folder = paths.results(settings.profile)
    passages = [
        line
        for text in section.texts
        for line in read_lines(paths.ROOT / text, "anatomy_growth.texts")
    ]
    splits = growth_training.splits(passages, section.vocabulary, section.held_out)
    model = growth_training.build(section, seed=0)
    cost = growth_training.cost(model)
    schedules = {seed: study.arms(section, cost, seed) for seed in section.seeds}
    facts = {"params": section.model_dump(mode="json"), "passages": passages}
    work = Work("anatomy_growth", facts)
    runs = study.train_all(section, splits, schedules, work)
    about = {
        "model": f"{section.layers}-layer Llama, {model.num_parameters():,} parameters",
        "text": ", ".join(Path(text).name for text in section.texts),
        "metric": "validation loss, nats per token",
        "overlap": {setting: split.overlap for setting, split in splits.items()},
        "train_tokens": {setting: len(split.train) for setting, split in splits.items()},
        "params": section.model_dump(mode="json", exclude={"workers", "texts"}),
        "dtype": "float32",
        "interval": "95% t interval over seeds, paired",
    }
    tokens = section.batch_size * section.sequence_length
    table = study.run_table(runs, schedules, cost, tokens)
    records.write_csv(folder / "anatomy" / "growth.csv", table)
    judged = study.judged_losses(runs, section) | study.judged_cost(schedules, cost, section)
    records.write_measurements(folder / "anatomy" / "growth.json", about, judged)
    timed = study.judged_seconds(runs)
    about |= {"metric": "seconds of training steps", "device": model.device.type}
    records.write_measurements(folder / "timing" / "anatomy_growth.json", about, timed)
    work.clear()


if __name__ == "__main__":
    try:
        main()
    except (TextError, TrainingError, ValueError) as error:
        sys.exit(f"15_anatomy_growth.py: {error}")
