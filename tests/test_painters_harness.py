"""One sweep answers the harness as the harness's own model would, schedule by schedule."""

import copy
import runpy
from dataclasses import replace

import pandas as pd
import pytest
from lm_eval.models.huggingface import HFLM
from tokenizers.processors import TemplateProcessing

from strata import paths, ranks, schedules
from strata.execution import scheduled
from strata.models import blocks, load
from strata.painters.harness import SweepLM, harness_results, per_item
from strata.painters.item_study import item_scores
from strata.params import compose
from strata.params.benchmarks import BenchmarkParams
from strata.tasks import load_task
from strata.tasks.benchmarks import TaskError
from strata.work import Work, WorkError

TASKS = ("lambada_openai", "arc_easy", "hellaswag", "winogrande")
METRICS = ("acc", "acc_norm", "perplexity")
ITEMS = 6
T = 20
MADE = {
    "full": schedules.full(T),
    "skip": schedules.skip(T, 4),
    "reverse": schedules.reverse(T, 7),
    "looped": schedules.parallel(T, 6, loops=3),
}


@pytest.fixture(scope="module")
def loaded():
    return load("anatomy_model", compose("smoke"))


@pytest.fixture(scope="module")
def tasks():
    section = BenchmarkParams(source="authored", tasks=list(TASKS))
    return {name: load_task(name, section, "data/nowhere") for name in TASKS}


@pytest.fixture(scope="module")
def swept(loaded, tasks):
    lm = SweepLM(loaded, list(MADE.values()), batch_size=8)
    return lm, per_item(tasks, lm, list(MADE), range(ITEMS))


@pytest.mark.parametrize("name", MADE)
def test_every_item_scores_as_with_the_harness_alone(loaded, tasks, swept, name):
    with scheduled(loaded.model, MADE[name]):
        plain = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=8)
        expected = harness_results(tasks, plain, range(ITEMS))
    lm, table = swept
    lm.current = list(MADE).index(name)
    ours = harness_results(tasks, lm, range(ITEMS))
    for task in TASKS:
        for mine, theirs in zip(ours["samples"][task], expected["samples"][task], strict=True):
            for (a,), (b,) in zip(mine["resps"], theirs["resps"], strict=True):
                assert a[0] == pytest.approx(b[0], abs=1e-4) and a[1] == b[1]
        rows = table.query("schedule == @name and task == @task")
        for metric in set(METRICS) & set(expected["samples"][task][0]["metrics"]):
            theirs = [sample[metric] for sample in expected["samples"][task]]
            assert rows[metric].tolist() == pytest.approx(theirs, abs=1e-4)
        assert ours["results"][task]["acc,none"] == expected["results"][task]["acc,none"]


def test_parts_of_the_items_by_two_processes_are_the_whole(
    loaded, tasks, swept, settings, monkeypatch, tmp_path
):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.setattr(ranks, "SIZE", 2)
    monkeypatch.setattr(ranks, "wait", lambda: None)
    counts, section = dict.fromkeys(tasks, ITEMS), settings.painters_single_layer
    arguments = Work("items", {}), {"all": tasks}, MADE, section, "model", loaded, counts, 2
    monkeypatch.setattr(ranks, "RANK", 1)
    with pytest.raises(WorkError):
        item_scores(*arguments)
    assert [file.name for file in tmp_path.rglob("*.json")] == ["model-all-2-4.json"]
    monkeypatch.setattr(ranks, "RANK", 0)
    monkeypatch.setattr(ranks, "SIZE", 1)
    columns = ["schedule", "task", "item", "guess", "acc"]
    found, whole = (
        table[columns].sort_values(columns[:3]).reset_index(drop=True)
        for table in (item_scores(*arguments), swept[1])
    )
    pd.testing.assert_frame_equal(found, whole)


def test_all_schedules_come_from_one_sweep(loaded, tasks):
    seen = []
    hook = blocks(loaded.model)[T - 1].register_forward_hook(lambda *_: seen.append(1))
    lm = SweepLM(loaded, list(MADE.values()), batch_size=64)
    per_item(tasks, lm, list(MADE), range(2))
    hook.remove()
    requests = 2 * (1 + 4 + 4 + 2)
    tried = 2  # the answers of one row, together and alone
    assert len(lm._answers) <= requests and len(seen) == len(MADE) + tried


@pytest.mark.parametrize(
    ("asked", "message"),
    [([], "has 0 tokens"), ([5] * 2000, "has 2000 tokens, expected 1 to 1024")],
)
def test_an_answer_that_cannot_be_scored_is_refused(loaded, asked, message):
    lm = SweepLM(loaded, [MADE["full"]], batch_size=8)
    with pytest.raises(TaskError, match=message):
        lm._loglikelihood_tokens([(("a question", "an answer"), [1, 2], asked)])


@pytest.mark.parametrize("length", [1022, 1024, 1025, 3000])
def test_a_context_too_long_is_cut_as_the_harness_does(loaded, length):
    context, asked = [i % 500 for i in range(length)], [7, 8]
    request = [(("a question", "an answer"), context, asked)]
    plain = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=8)
    [(expected, greedy)] = plain._loglikelihood_tokens(request, disable_tqdm=True)
    [found] = SweepLM(loaded, [MADE["full"]], batch_size=8)._loglikelihood_tokens(request)
    assert found == (pytest.approx(expected, abs=1e-4), greedy)


def bos_tokenizer(loaded):
    """The tokenizer, putting its BOS token before every text as Gemma's does."""
    made = copy.deepcopy(loaded.tokenizer)
    template = TemplateProcessing(
        single=f"{made.bos_token} $A", special_tokens=[(made.bos_token, made.bos_token_id)]
    )
    made.backend_tokenizer.post_processor = template
    return made


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("bos", ["never", "always", "tokenizer"])
def test_bos_is_added_where_asked(loaded, adds, bos, capfd):
    each = replace(loaded, tokenizer=bos_tokenizer(loaded)) if adds else loaded
    lm, first = SweepLM(each, [MADE["full"]], 8, bos=bos), each.tokenizer.bos_token_id
    expected = bos == "always" or (bos == "tokenizer" and adds)
    plain = each.tokenizer("A plain", add_special_tokens=False)["input_ids"]
    context, asked = lm._encode_pair("A plain", " line.")
    assert context == [first] * expected + plain
    assert context + asked == [first] * expected + loaded.tokenizer("A plain line.")["input_ids"]
    assert lm.tok_batch_encode(["A plain"])[0][0].tolist() == context
    assert ("bos is never" in capfd.readouterr().err) == (adds and bos == "never")


def test_table_has_a_row_for_every_schedule_task_and_item(swept):
    table = swept[1]
    assert len(table) == len(MADE) * len(TASKS) * ITEMS
    assert not table.duplicated(["schedule", "task", "item"]).any()
    assert table["acc"].isin([0, 1]).all()


def test_the_bench_gives_one_by_one_what_the_sweep_gives(loaded, tasks):
    bench = runpy.run_path(str(paths.ROOT / "bench" / "sweep.py"))
    whole = bench["full_set"](30, range(1, 29))
    assert len(whole) == 662
    assert sum(len(schedule.visits) for schedule in whole) == 104_655
    few = [MADE["full"], MADE["reverse"], MADE["looped"]]
    found = bench["compare"](loaded, {"winogrande": tasks["winogrande"]}, few, "without_loops")
    assert found["largest_difference_nats"] < 1e-4 and found["greedy_differs"] == 0
    shared = {"sweep": 20 + 12 + 27, "one_by_one": 20 + 20 + 34}  # prefixes of 8 and 7 layers
    assert found["layer_executions"] == shared
