"""Training speed of the seven variants: positions a second, MFU and memory, in one run.

Claims    B-TPS, B-TPS18, B-TPS12 (paper B, Table 3); they are about GPUs
Inputs    none; the tokens are random
Outputs   results/<profile>/lws/throughput.json              what the ledger judges; empty on a CPU
          results/<profile>/provenance/lws_throughput.csv    every window, on any device
          results/<profile>/provenance/lws_kernels.csv       where Baseline 18L's time goes
          results/<profile>/provenance/lws_throughput.json   the machine
Cost      laptop: one to two minutes; a GPU: about ten minutes, mostly compiling

    python src/23_lws_throughput.py
"""

import argparse
import sys
from functools import partial

from strata import params, paths, records
from strata.lws import throughput
from strata.lws.scaling import ShapeError
from strata.training import TrainingError, world


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="start no variant later"
    )
    options, sys.argv[1:] = parser.parse_known_args()
    settings = params.from_command_line(f"{__doc__}\n{parser.format_usage()}")
    section = settings.lws_throughput
    folder = paths.results(settings.profile)
    with world() as here:
        device = here.device.type
        with records.provenance(folder / "provenance" / "lws_throughput.json", device=device):
            save = partial(records.write_csv, folder / "provenance" / "lws_throughput.csv")
            table = throughput.measure(section, settings.lws_train, here, save, options.minutes)
            kernels = throughput.kernels(section, settings.lws_train, here)
            records.write_csv(folder / "provenance" / "lws_kernels.csv", kernels)
    about = {
        "model": f"LWS variants at d_model {section.d_model}",
        "device": records.gpu() if device == "cuda" else device,
        "batch": f"{section.sequences} x {section.sequence_length} random tokens",
        "precision": section.precision,
        "interval": f"95% t interval over {section.rounds} windows of {section.steps} steps",
        "note": "speeds on a CPU say nothing about the claims and are not judged",
    }
    judged = throughput.measurements(table if device == "cuda" else None)
    records.write_measurements(folder / "lws" / "throughput.json", about, judged)
    means = table.groupby(["compiled", "variant"], sort=False)["positions_per_second"].mean()
    print(means.round().to_string())


if __name__ == "__main__":
    try:
        main()
    except (ShapeError, TrainingError) as error:
        sys.exit(f"23_lws_throughput.py: {error}")
