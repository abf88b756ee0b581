"""The dtype mismatch in ten tokens of real text."""

import pandas as pd

from strata.text import Corpus
from strata.text.as_published import GUESSED, WRITTEN

TOKENS = 10


def first_tokens(corpus: Corpus) -> pd.DataFrame:
    """One row a position that the wrong reader shows of the first training document: the bytes on
    disk, what they are read as, and the token (if any) they came from."""
    ids = corpus.train.document(0)[:TOKENS].astype(WRITTEN)
    rows = []
    for place, (token, pair) in enumerate(zip(ids, ids.view(GUESSED).reshape(-1, 2), strict=True)):
        text = corpus.tokenizer.decode([int(token)], skip_special_tokens=False)
        for half, value in enumerate(pair):
            rows.append(
                {
                    "position": 2 * place + half,
                    "bytes": value.tobytes().hex(" "),
                    "read_as": int(value),
                    "written_id": int(token) if half == 0 else "",
                    "text": repr(text) if half == 0 else "",
                }
            )
    return pd.DataFrame(rows)
