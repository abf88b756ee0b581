"""What people and broken disks hand in, beside what the one line that refuses it says."""

import math

from toy_ledger import at, check, measured

from strata.report.texts import Covered, Deviation, Headline

GROUP = ("lws_train", "groups", 0)
PARAMETERS = [
    (("anatomy_ablation", "draws"), True, "expected a number, not true or false"),
    (("anatomy_ablation", "draws"), 10**13, "less than or equal to 10000000000, found 10"),
    (("anatomy_ablation", "draws"), 10**30, "less than or equal to"),
    (("anatomy_ablation", "draws"), 2.5, "valid integer"),
    (("anatomy_ablation", "draws"), "many", "valid integer.*found 'many'"),
    (("anatomy_ablation", "draws"), None, "valid integer.*found None"),
    (("anatomy_ablation", "draws"), [5], "valid integer"),
    (("anatomy_ablation", "seed"), -1, "greater than or equal to 0"),
    (("anatomy_ablation", "seed"), 2**32, "less than 4294967296"),
    (("anatomy_ablation", "seed"), math.nan, "finite number|valid integer"),
    (("anatomy_ablation", "seed"), False, "expected a number, not true or false"),
    (("anatomy_ablation",), [], "valid dictionary"),
    (("anatomy_recovery", "learning_rate"), math.inf, "finite number"),
    (("anatomy_recovery", "learning_rate"), math.nan, "finite number"),
    (("anatomy_recovery", "learning_rate"), True, "expected a number, not true or false"),
    (("anatomy_recovery", "learning_rate"), 1e13, "less than or equal to"),
    (("anatomy_recovery", "seeds"), [], "seeds: expected at least one entry, found none"),
    (("anatomy_recovery", "seeds"), [0, 0], "seeds: expected each entry once, found 0 again"),
    (("anatomy_recovery", "seeds"), [0, True], "expected a number, not true or false"),
    (("anatomy_recovery", "seeds"), [0, -3], "greater than or equal to 0"),
    (("anatomy_recovery", "layers"), [], "layers: expected at least one entry"),
    (("anatomy_recovery", "layers"), [3, 3], "layers: expected each entry once"),
    (("anatomy_recovery", "checks"), [0, 5, 5], "once|ascend"),
    (("anatomy_weights", "counts"), [], "counts: expected at least one entry"),
    (("anatomy_weights", "counts"), [1, 1], "counts: expected each entry once"),
    (("anatomy_manipulation", "alphas"), [0.9, math.inf], "finite number"),
    (("anatomy_growth", "heads"), 3, "width 64: expected a multiple of 6"),
    (("anatomy_growth", "width"), 68, "width 68: expected a multiple of 8"),
    (("anatomy_growth", "layers"), 20, "roles must hold each of layers 0 to 19 once"),
    (("anatomy_growth", "phases"), [], "phases"),
    (("anatomy_growth", "texts"), [], "texts: expected at least one entry"),
    (("benchmarks", "tasks"), [], "tasks: expected at least one entry"),
    (("benchmarks", "tasks"), ["arc_easy", "arc_easy"], "found arc_easy again"),
    (("painters_variants", "affected"), [3, 3], "affected: expected each entry once, found 3"),
    (("painters_glue", "tasks"), ["sst2", "sst2"], "found sst2 again"),
    (("painters_model", "path", "name"), "../elsewhere", "painters_model.path.name"),
    (("painters_model", "tiny", "width"), 40, "multiple of 16"),
    (("lws_train", "groups"), [], "groups"),
    ((*GROUP, "name"), "../main", "groups.0.name"),
    ((*GROUP, "name"), "a/b", "groups.0.name"),
    ((*GROUP, "d_model"), 100, "d_model 100: expected a multiple of 24"),
    ((*GROUP, "variants"), [], "variants: expected at least one entry"),
    ((*GROUP, "variants"), ["crown", "crown"], "found crown again"),
    ((*GROUP, "variants"), ["tiara"], "unknown variant 'tiara'"),
    ((*GROUP, "name"), "a" * 300, "groups.0.name"),
    (("lws_train", "loop", "betas"), [0.9, 2], "less than 1"),
    (("lws_train", "loop", "batch_tokens"), 100, "expected a multiple of sequence_length 128"),
    (("anatomy_growth", "steps"), 3, "steps 3: expected one a phase, 6"),
    (("anatomy_growth", "layers"), 10**10, "less than or equal to 1000"),
    (("anatomy_growth", "texts"), ["../../etc/passwd"], "texts.0"),
    (("anatomy_recovery", "checks"), [0], "at least 2 items"),
    (("anatomy_weights", "workers"), 10**6, "less than or equal to 1000"),
    (("across_papers", "permutations"), 10**13, "less than or equal to 1000000"),
    (("painters_variants", "items"), {}, "items: expected at least one entry"),
    (("painters_glue", "loops"), 10**13, "less than or equal to 1000"),
    (("benchmarks", "tasks"), ["../x"], "tasks.0"),
    (("anatomy_model", "wheel", "requirement"), "../x==1", "requirement"),
    (("anatomy_model", "wheel", "gguf"), "../x.gguf", "gguf"),
    (("profile",), "../smoke", "profile"),
    (("profile",), "a/b", "profile"),
]


def bomb(leaf, grown):
    """Each of twelve lines holds the one before many times."""
    lines = [b"a: &a " + leaf]
    for name in range(ord("b"), ord("n")):
        lines.append(b"%c: &%c %s" % (name, name, grown(b"*%c" % (name - 1))))
    return b"\n".join(lines)


YAML = [
    (b"a: 1\na: 2\n", "expected the key a once"),
    (b"a: {b: 1, b: 2}\n", "expected the key b once"),
    (b"a: \xff\n", "not valid YAML"),
    (b"", "expected a mapping, found NoneType"),
    (b"- a\n", "expected a mapping, found list"),
    (b"a: &a [*a]\n", "nested without end"),
    (b"? [a]\n: 1\n", "not valid YAML"),
    (b"a: 2001-99-99\n", "month must be in 1..12"),
    (b"a: " + b"9" * 6000, "not valid YAML: Exceeds the limit"),
    (b"a: !!int x\n", "not valid YAML"),
    (b"a: !!bool x\n", "not valid YAML"),
    (bomb(b"[]", lambda each: b"[" + b",".join([each] * 10) + b"]"), "less than 100,000 values"),
    (bomb(b"{x: 1}", lambda each: b"{<<: [" + b",".join([each] * 10) + b"]}"), "merge"),
    (b"a: " + b"[" * 3000, "nested without end|not valid YAML"),
    (bomb(b"1", lambda each: b"[" + b",".join([each] * 10) + b"]"), "less than 100,000 values"),
    (b"a: !!python/object:os.system {}\n", "not valid YAML"),
    (b"\ta: 1\n", "not valid YAML"),
]
EARLIER = {"rule": "a rule", "commit": "0123abc"}
HEADLINE = {"claim": "A-X", "shown": "k", "found": "much"}
DEVIATION = dict.fromkeys(("about", "says", "code", "here", "changes"), "x") | {"claims": ["A-X"]}
REGION = {"kind": "range", "published": None, "says": "much"}


def region(low, high):
    return {"checks": [check(**REGION, tolerance={"low": low, "high": high, "reason": "r"})]}


CLAIMS = [
    (region(2, 1), "expected low at most high"),
    (region(math.nan, 1), "expected low at most high"),
    (region(math.inf, math.inf), "expected a finite end"),
    (region(-math.inf, -math.inf), "expected a finite end"),
    (region(-math.inf, math.inf), "expected a finite end"),
    ({"checks": [check(published=math.nan)]}, "finite number"),
    ({"checks": [check(published=True)]}, "expected a number, not true or false"),
    ({"checks": [check(evidence={"file": "../a.json", "key": "k"})]}, "evidence.file"),
    ({"checks": [check(evidence={"file": "anatomy/none.json", "key": "k"})]}, "evidence.file"),
    ({"checks": [check(evidence=at(" "))]}, "evidence.key"),
    ({"nulls": ["nobody"]}, "nulls 'nobody': expected one of"),
    ({"statement": "  "}, "statement"),
    ({"protocol": "none"}, "protocol 'none': expected one of toy"),
    ({"able": "fly"}, "able 'fly': expected one of can"),
    ({"requires": ["A-NONE"]}, "requires 'A-NONE': expected one of A-X"),
    ({"requires": ["A-X"]}, "expected no circle"),
    ({"checks": []}, "checks"),
    (region(None, 1), "needs .*, found"),
    ({"checks": [check(published=None, says="  ")]}, "says"),
    ({"checks": [check(), check()]}, "checks: expected each entry once, found number again"),
    ({"nulls": ["shuffled_layers"] * 2}, "nulls: expected each entry once"),
    ({"analysis": EARLIER | {"earlier": {"rule": "r", "profile": "../x"}}}, "earlier.profile"),
    ({"analysis": EARLIER | {"earlier": {"rule": "r", "keys": {"none": "k"}}}}, "earlier.keys"),
    ({"source": {"kind": "abs", "page": -1}}, "source.page"),
]
TEXTS = [
    (Headline, HEADLINE | {"claim": "A-NONE"}, "expected claims of the ledger, found A-NONE"),
    (Headline, HEADLINE | {"shown": "none"}, "shown 'none': expected one of k"),
    (Headline, HEADLINE | {"found": " "}, "found"),
    (Headline, [HEADLINE, HEADLINE], "expected each claim once, found A-X again"),
    (Deviation, DEVIATION | {"claims": ["A-NONE"]}, "expected claims of the ledger"),
    (Deviation, DEVIATION | {"claims": []}, "claims"),
    (Deviation, DEVIATION | {"claims": ["A-X", "A-X"]}, "found A-X again"),
    (Covered, {"item": "Table 1", "shows": "numbers", "reason": " "}, "reason"),
]
WHOLE = measured(model=(9, 11), random_initialisation=(50, 60), shuffled_layers=(50, 60))
EVIDENCE = [
    ("[]", "expected a mapping, found list"),
    ("3", "expected a mapping, found int"),
    ("{", "not readable JSON"),
    ("", "not readable JSON"),
    ("[" * 100_000, "not readable JSON"),
    ('{"about": {"model": null}, "measurements": {}}', "name of a `model`, found None"),
    ("{}", "about: Field required; measurements: Field required"),
    ('{"about": {}, "measurements": {}}', "expected the name of a `model`"),
    ('{"about": {"model": "toy"}, "measurements": [1]}', "valid dictionary"),
    ({"model": {"value": "ten", "low": 1, "high": 2}}, "k.model.value"),
    ({"model": {"value": None, "low": 1, "high": 2}}, "k.model.value"),
    ({"model": {"value": 1, "low": 1}}, "k.model"),
    ({"model": [1, 1]}, "k.model"),
    ({"model": {"value": 1, "low": 3, "high": 2}}, "expected low, value and high in order"),
    ({"model": {"value": 4, "low": 1, "high": 2}}, "expected low, value and high in order"),
    ({"model": {"value": math.nan, "low": 1, "high": 2}}, "NaN is no number"),
    ({"model": {"value": 1, "low": 1, "high": math.inf}}, "Infinity is no number"),
]
TABLES = [
    (None, "not a readable table"),
    ("", "not a readable table"),
    ("layer,nll\n", "found no row"),
    ("layer,nll\n0,1.5\n1,2", "found its last line cut"),
    ("layer,nll\n0,1.5,3\n1,2,3,4\n", "not a readable table"),
    ("layer,loss\n0,1.5\n", "expected columns nll"),
    ("layer,nll\n0,\n", "expected numbers in nll, found none"),
    ("layer,nll\n0,nan\n", "expected numbers in nll, found none"),
    ("layer,nll\n0,high\n", "expected numbers in nll, found high"),
    ("layer,nll\n0,inf\n", "expected numbers in nll, found inf"),
    ("layer,nll_L0\n0,\n", "expected columns nll"),
]
