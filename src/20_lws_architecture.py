"""Count every variant's parameters and lay out its layers, without allocating a weight.

Claims    B-PARAMS, B-TOTALS, B-KV, B-FRAME, B-TOKENS, B-HOURS (paper B, Table 2, Figure 3)
Inputs    none
Outputs   results/<profile>/lws/architecture.json          what the ledger judges
          results/<profile>/lws/architecture.csv           a row a variant: Table 2
          results/<profile>/lws/architecture_layers.csv    a row a variant and layer: Figure 3
          results/<profile>/lws/wording.csv                the paper's wording beside its code
Cost      a second
"""

from strata import stage
from strata.evidence import AS_PUBLISHED, MODEL, Evidence
from strata.lws import architecture
from strata.params import Params


def run(settings: Params) -> None:
    section = settings.lws_architecture
    evidence = Evidence("lws", settings.profile)
    table = architecture.variant_table(section.sequence_length)
    evidence.rows("architecture", table)
    evidence.rows("architecture_layers", architecture.layer_table())
    evidence.rows("wording", architecture.wording_table())
    evidence.measured(MODEL, architecture.counts(section))
    evidence.measured(AS_PUBLISHED, architecture.counts_with_zeros(section))
    about = {
        "model": "the seven variants at d_model 768, counted",
        "rule": "as released",
        "sequence_length": section.sequence_length,
    }
    evidence.write("architecture", about)
    print(table[["variant", "parameters", "non_embedding_millions"]].to_string(index=False))


if __name__ == "__main__":
    stage.main(__doc__, run)
