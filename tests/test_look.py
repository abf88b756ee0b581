"""`make look`: five families get a page; what cannot be looked at, one line."""

import re
import runpy
import subprocess
import sys
from copy import deepcopy

import lxml.html
import pytest
import torch
from conftest import FAMILIES, SHAPE, drawn
from transformers import AutoConfig, AutoTokenizer, BertConfig, BertForMaskedLM

from strata import paths, schedules
from strata.execution import scheduled
from strata.look import agreement, measuring
from strata.models import materialise
from strata.painters.catalogue import VARIANTS
from strata.results import read_table
from strata.text import TokenBatch

SCRIPT = paths.SRC / "look.py"


@pytest.fixture(scope="module")
def tokenizer(settings):
    folder, _ = materialise("anatomy_model", settings.anatomy_model)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def own_results(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "LOOK", tmp_path / "look")
    return tmp_path / "look"


def saved(folder, model, tokenizer):
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def of_family(family, tokenizer, **changes):
    config = deepcopy(FAMILIES[family])
    for name, value in ({"vocab_size": len(tokenizer)} | changes).items():
        setattr(config, name, value)
    return drawn(AutoConfig.for_model(**config.to_dict()))


def look(monkeypatch, *arguments):
    """What the command ends with: nothing, or its one line."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    try:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    except SystemExit as ending:
        return ending.code
    return None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_gets_its_page(family, tokenizer, own_results, tmp_path, monkeypatch, capsys):
    folder = saved(tmp_path / f"own {family}", of_family(family, tokenizer), tokenizer)
    before = _changed_files()
    assert look(monkeypatch, folder) is None
    name = f"own--{family}"
    price, *_, written = capsys.readouterr().out.strip().splitlines()
    assert re.fullmatch(rf"{name}: 6 layers, 0M parameters; about [\d.]+ minutes .*", price)
    assert written == str(own_results / name / "index.html")
    assert _changed_files() == before

    page = lxml.html.parse(written)
    headings = [each.text_content() for each in page.iter("h2")]
    assert len(headings) == 2 + 6
    pictures = page.xpath("//div[@class='drawing']/svg")
    assert len(pictures) == 6 and all(each.get("aria-label") for each in pictures)
    assert not page.xpath("//link[@href!='data:,'] | //script | //*[starts-with(@src, 'http')]")
    text = page.getroot().text_content()
    assert "C-SIM" in text and "A-RANGE" in text
    assert "A-CORE" not in text, "it has no layer 11"

    table = read_table(own_results / name / "painters" / "agreement.csv", text=("change",))
    assert set(table["change"]) == {"skip_layer", "swap_layer", *VARIANTS}
    assert table["agreement"].between(0, 1).all()
    assert (table["low"] <= table["agreement"]).all() and (
        table["agreement"] <= table["high"]
    ).all()


def _changed_files():
    status = ["git", "status", "--porcelain", "--", "results", "params.yaml", "notebooks"]
    return subprocess.run(status, cwd=paths.ROOT, capture_output=True, text=True).stdout


def test_agreement_is_of_the_models_own_choices(any_model, batch, settings):
    schedule = schedules.swap_layers(6, 2)
    section = settings.painters_variants
    found = agreement.table(any_model, [batch], [("swap_layer", 2, schedule)], section)
    inputs = {"input_ids": batch.ids_BxL, "attention_mask": batch.mask_BxL}
    with torch.no_grad():
        full = any_model(**inputs).logits.argmax(-1)
        with scheduled(any_model, schedule):
            edited = any_model(**inputs).logits.argmax(-1)
    real = batch.mask_BxL.bool()
    expected = float((full == edited)[real].double().mean())
    assert found["agreement"].item() == pytest.approx(expected)
    assert 0 < expected < 1


def test_the_full_model_agrees_with_itself(model, batch, settings):
    made = [("reverse", 1, schedules.reverse(6, 2)), ("full", 0, schedules.full(6))]
    found = agreement.table(model, [batch], made[1:], settings.painters_variants)
    assert found[["agreement", "low", "high"]].to_numpy().tolist() == [[1, 1, 1]]


def test_orders_are_averaged(model, settings):
    batch = TokenBatch([0], torch.arange(1, 13)[None], torch.ones(1, 12, dtype=torch.long))
    orders = [("random_order", 5, each) for each in schedules.random_orders(6, 0, 2, seed=0)]
    section = settings.painters_variants
    both = agreement.table(model, [batch], orders, section)["agreement"]
    apart = [
        agreement.table(model, [batch], [each], section)["agreement"].item() for each in orders
    ]
    assert both.tolist() == [pytest.approx(sum(apart) / 2)]


@pytest.mark.parametrize("T", [5, 6, 12, 30, 80])
def test_affected_layers_fit_every_depth(T):
    found = agreement.affected(T)
    assert found == sorted(set(found)) and len(found) <= agreement.POINTS
    assert all(schedules.start_for(T, M) >= 0 for M in found)
    assert found[-1] == T - 1


def encoder(folder, tokenizer):
    shape = SHAPE | {"vocab_size": len(tokenizer)}
    return saved(folder, BertForMaskedLM(BertConfig(**shape)), tokenizer)


def shallow(folder, tokenizer):
    return saved(folder, of_family("llama", tokenizer, num_hidden_layers=3), tokenizer)


def empty(folder, tokenizer):
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (encoder, "expected a decoder, found BertLMHeadModel"),
        (shallow, "expected 5 layers or more, found 3"),
        (empty, "expected config.json in "),
        (lambda *_: "no/such/folder", "expected a folder, or owner/name on the hub; found neither"),
        (lambda *_: "owner/absent", "no such folder, and the hub does not give it"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    made, complaint, tokenizer, own_results, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ending = look(monkeypatch, made(tmp_path / "model", tokenizer))
    assert complaint in ending and "\n" not in ending
    assert not own_results.exists()


def test_a_short_text_is_refused(tokenizer, own_results, tmp_path, monkeypatch):
    folder = saved(tmp_path / "model", of_family("llama", tokenizer), tokenizer)
    text = tmp_path / "short.txt"
    text.write_text("one two three four five six seven eight nine ten\n" * 7, encoding="utf-8")
    ending = look(monkeypatch, folder, "--text", text)
    assert f"TEXT={text}: expected 32 lines of ten words or more, found 7" in ending


def test_the_price_comes_first_and_may_be_all(
    tokenizer, own_results, tmp_path, monkeypatch, capsys
):
    folder = saved(tmp_path / "model", of_family("llama", tokenizer), tokenizer)
    assert look(monkeypatch, folder, "--dry-run") is None
    assert "minutes and" in capsys.readouterr().out
    assert not own_results.exists()


@pytest.mark.parametrize(
    ("model", "name"), [("a b", "a--b"), ("..", "model"), ("Ünï-1.5", "n---1.5"), ("o/n", "o--n")]
)
def test_names_are_fit_for_a_folder(model, name):
    assert measuring._name(model) == name
