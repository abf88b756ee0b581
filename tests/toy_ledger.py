"""A toy paper's ledger and evidence, for the tests of the judge."""

import json

import yaml

from strata.claims import judge, load_ledger

NULLS = ("random_initialisation", "shuffled_layers")
RANGE = {"kind": "range", "published": None, "says": "much"}


def entry(**changes):
    return {
        "id": "A-X",
        "source": {"kind": "abs"},
        "statement": "something",
        "protocol": "toy",
        "profile": "laptop",
        "nulls": list(NULLS),
        "analysis": {"rule": "a rule", "commit": "0123abc"},
        "checks": [check()],
        **changes,
    }


def at(key):
    return {"file": "anatomy/ablation.json", "key": key}


def bare(**changes):
    """An entry without null models."""
    return entry(nulls=[], no_null="none applies", **changes)


def check(**changes):
    return {
        "name": "number",
        "kind": "exact",
        "published": 10,
        "unit": "units",
        "tolerance": {"absolute": 1, "reason": "because"},
        "evidence": at("k"),
        **changes,
    }


def at_least(low, **changes):
    return check(**RANGE, tolerance={"low": low, "high": float("inf"), "reason": "r"}, **changes)


def above_zero(**changes):
    found = {"kind": "sign", "published": None, "says": "more"}
    return check(**found, tolerance={"side": "above", "reason": "r"}, **changes)


PAPER = {
    "letter": "A",
    "title": "Toy",
    "authors": "x",
    "year": 2026,
    "arxiv": "1",
    "about": "a toy",
    "notebook": "01_toy",
    "protocols": {"toy": [{"what": "model", "published": "toy"}]},
    "abilities": {"can": {"says": "it can", "key": "able", "above": 0}},
}


def ledger(folder, *entries):
    room = folder / "toy"
    room.mkdir(parents=True, exist_ok=True)
    (room / "paper.yaml").write_text(yaml.safe_dump(PAPER))
    (room / "claims.yaml").write_text(yaml.safe_dump(list(entries)))
    return load_ledger(folder)


def measured(**intervals):
    """subject=(low, high); the value is the middle."""
    return {
        subject: {"value": (low + high) / 2, "low": low, "high": high}
        for subject, (low, high) in intervals.items()
    }


def write(folder, about=(), **measurements):
    file = folder / "anatomy" / "ablation.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"about": {"model": "toy", **dict(about)}, "measurements": measurements}
    file.write_text(json.dumps(content))


def evidence(folder, **intervals):
    write(folder, k=measured(**intervals))


def verdict(tmp_path, claim, profile="laptop", about=(), able=None, **intervals):
    claims = ledger(tmp_path / "claims", claim)
    others = {} if able is None else {"able": measured(model=able)}
    write(tmp_path / "results", about, k=measured(**intervals), **others)
    return judge(claims, tmp_path / "results", profile)[0]


def outcome(*args, **kwargs):
    return verdict(*args, **kwargs).outcome


FAR = {"random_initialisation": (50, 60), "shuffled_layers": (50, 60)}
