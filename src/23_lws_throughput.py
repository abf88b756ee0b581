"""Training speed of the seven variants: positions a second, MFU and memory, in one run.

Claims    B-TPS, B-TPS18, B-TPS12 (paper B, Table 3); they are about GPUs
Inputs    none; the tokens are random
Outputs   results/<profile>/lws/throughput.json              what the ledger judges; empty on a CPU
          results/<profile>/provenance/lws_throughput.csv    every window, on any device
          results/<profile>/provenance/lws_kernels.csv       where Baseline 18L's time goes
Cost      laptop: one to two minutes; a GPU: about ten minutes, mostly compiling
"""

import argparse
from functools import partial

from strata import paths, records, stage
from strata.evidence import MODEL, Evidence
from strata.lws import throughput
from strata.params import Params
from strata.training import world


def run(settings: Params, minutes: float) -> None:
    section = settings.lws_throughput
    folder = paths.results(settings.profile) / "provenance"
    with world() as here:
        device = here.device.type
        save = partial(records.write_csv, folder / "lws_throughput.csv")
        table = throughput.measure(section, settings.lws_train, here, save, minutes)
        kernels = throughput.kernels(section, settings.lws_train, here)
        records.write_csv(folder / "lws_kernels.csv", kernels)
    about = {
        "model": f"LWS variants at d_model {section.d_model}",
        "device": stage.device().get("gpu", device),
        "batch": f"{section.sequences} x {section.sequence_length} random tokens",
        "precision": section.precision,
        "interval": f"95% t interval over {section.rounds} windows of {section.steps} steps",
        "note": "speeds on a CPU say nothing about the claims and are not judged",
    }
    evidence = Evidence("lws", settings.profile, throughput.KEYS)
    if device == "cuda":
        evidence.measured(MODEL, throughput.speeds(table))
    evidence.write("throughput", about)
    means = table.groupby(["compiled", "variant"], sort=False)["positions_per_second"].mean()
    print(means.round().to_string())


def options(parser: argparse.ArgumentParser) -> None:
    limit = {"type": float, "default": float("inf"), "help": "start no variant later"}
    parser.add_argument("--minutes", **limit)


if __name__ == "__main__":
    stage.main(__doc__, run, extend=options)
