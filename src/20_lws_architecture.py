"""Count every variant's parameters and lay out its layers, without allocating a weight.

Claims    B-PARAMS, B-TOTALS, B-KV, B-FRAME, B-TOKENS, B-HOURS (paper B, Table 2, Figure 3)
Inputs    none
Outputs   results/<profile>/lws/architecture.json          what the ledger judges
          results/<profile>/lws/architecture.csv           a row a variant: Table 2
          results/<profile>/lws/architecture_layers.csv    a row a variant and layer: Figure 3
          results/<profile>/lws/deviations.csv             the paper's wording beside its code
Cost      a second

    python src/20_lws_architecture.py
"""

from strata import params, paths, records
from strata.lws import architecture


def main() -> None:
    settings = params.from_command_line(__doc__)
    section = settings.lws_architecture
    folder = paths.results(settings.profile) / "lws"
    table = architecture.variant_table(section.sequence_length)
    records.write_csv(folder / "architecture.csv", table)
    records.write_csv(folder / "architecture_layers.csv", architecture.layer_table())
    records.write_csv(folder / "deviations.csv", architecture.deviation_table())
    about = {
        "model": "the seven variants at d_model 768, counted",
        "rule": "as released",
        "sequence_length": section.sequence_length,
    }
    records.write_measurements(
        folder / "architecture.json", about, architecture.measurements(section)
    )
    print(table[["variant", "parameters", "non_embedding_millions"]].to_string(index=False))


if __name__ == "__main__":
    main()
