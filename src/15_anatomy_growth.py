"""Growth training against uniform training: at equal steps, equal FLOPs, equal restarts.

Claims    A-COST, A-GROW, A-LOSS, A-FAST, A-HALF (paper A, Growth Transformer Training)
Inputs    the authored text
Outputs   results/<profile>/anatomy/growth.json          what the ledger judges
          results/<profile>/anatomy/growth.csv           validation loss of every run at each check
          results/<profile>/timing/anatomy_growth.json   seconds, which differ from run to run
Cost      laptop: about a minute on 2 cores; an interrupted run goes on where it stopped
"""

from pathlib import Path

from strata import paths, stage
from strata.anatomy import growth_study as study
from strata.anatomy import growth_training
from strata.evidence import Evidence
from strata.params import Params
from strata.text import read_lines
from strata.work import Work


def run(settings: Params) -> None:
    section = settings.anatomy_growth
    evidence = Evidence("anatomy", settings.profile)
    timing = Evidence("timing", settings.profile)
    passages = [
        line
        for text in section.texts
        for line in read_lines(paths.ROOT / text, "anatomy_growth.texts")
    ]
    splits = growth_training.splits(passages, section.vocabulary, section.held_out)
    growth_training.check_fits(splits, section)
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
    evidence.rows("growth", study.run_table(runs, schedules, cost, tokens))
    evidence.add(
        study.measured_losses(runs, section), study.measured_cost(schedules, cost, section)
    )
    evidence.write("growth", about)
    timing.add(study.measured_seconds(runs))
    timed = {"metric": "seconds of training steps", "device": model.device.type}
    timing.write("anatomy_growth", about | timed)
    work.clear()


if __name__ == "__main__":
    stage.main(__doc__, run)
