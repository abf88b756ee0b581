"""Tiny random models of every decoder that transformers can build, and whether each works here.

`python tests/families.py` tries all of them and writes docs/decoders.md.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from strata import paths, schedules
from strata.errors import StrataError
from strata.execution import passage_nll, scheduled, sweep, trace
from strata.models import blocks
from strata.painters.harness import log_likelihoods, shares_contexts
from strata.painters.packing import Request, packed
from strata.schedules import Schedule
from strata.surgery import SurgeryError, neighbour_average, noised, zeroed
from strata.text import TokenBatch

PAGE = paths.ROOT / "docs" / "decoders.md"
WORKS = "works"
LAYERS, VOCABULARY, LARGEST, LENGTH = 6, 61, 20_000_000, 12
# what configurations call their sizes; each takes those that it has
NAMES = {
    LAYERS: "num_hidden_layers num_layers decoder_layers encoder_layers",
    VOCABULARY: "vocab_size vocab_size_per_layer_input",
    64: "max_position_embeddings n_positions mamba_d_ssm",
    48: "intermediate_size decoder_ffn_dim encoder_ffn_dim ffn_hidden_size n_inner dim_ff "
    "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size",
    32: "hidden_size d_model word_embed_proj_dim embedding_size",
    16: "kv_lora_rank q_lora_rank mamba_d_head mamba_head_dim",
    8: "head_dim v_head_dim qk_rope_head_dim qk_nope_head_dim linear_key_head_dim d_head "
    "linear_value_head_dim mamba_d_state sliding_window",
    4: "rotary_dim num_attention_heads decoder_attention_heads num_heads encoder_attention_heads "
    "linear_num_value_heads mamba_num_heads n_mamba_heads mamba_n_heads num_experts "
    "num_local_experts n_routed_experts moe_num_experts",
    2: "num_key_value_heads linear_num_key_heads num_kv_heads num_experts_per_tok moe_topk "
    "top_k_experts moe_k",
    1: "expand n_shared_experts n_group topk_group mamba_n_groups n_groups",
    0: "num_kv_shared_layers hidden_size_per_layer_input",
}
SIZES: dict[str, Any] = {
    **{name: size for size, names in NAMES.items() for name in names.split()},
    "is_decoder": True,
    "attn_layer_indices": [2, 5],
    "attention_types": [[["global", "local"], LAYERS // 2]],
    "default_language": "en_XX",
}


class NotBuiltError(Exception):
    """No small model of the family can be had from its configuration, or it does not run alone."""


def build(family: str) -> PreTrainedModel:
    """A small random model in evaluation mode."""
    try:
        config = small(CONFIG_MAPPING[family]())
        with torch.device("meta"):
            parameters = AutoModelForCausalLM.from_config(config).num_parameters()
        if parameters > LARGEST:
            raise NotBuiltError(f"{family}: {parameters:,} parameters")
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.1)
        model.requires_grad_(False).eval()
        for use_cache in (False, True):
            model(input_ids=tokens().ids_BxL, use_cache=use_cache)
    except Exception as error:
        raise NotBuiltError(f"{family}: {error}") from error
    return model


def small(config: PreTrainedConfig) -> PreTrainedConfig:
    """The same kind of configuration at the sizes above, its parts too."""
    has = {**vars(config), **config.attribute_map}
    sizes = {name: size for name, size in SIZES.items() if name in has}
    if "kv_lora_rank" in sizes:  # latent attention has a key of its own for every head
        sizes["num_key_value_heads"] = sizes["num_attention_heads"]
    for name, value in vars(config).items():
        if name.endswith("_token_id") and isinstance(value, int) and value >= VOCABULARY:
            sizes[name] = 1
    parts = {name: getattr(config, name, None) for name in config.sub_configs}
    sizes |= {name: small(part).to_dict() for name, part in parts.items() if part is not None}
    return type(config)(**sizes)


def tokens() -> TokenBatch:
    """Two passages, the second shorter."""
    ids = torch.randint(5, VOCABULARY, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, LENGTH - 4 :] = 0
    return TokenBatch([0, 1], ids, mask)


def outcome(family: str) -> str:
    """WORKS, or why the family is refused, in one line.

    Raises:
        NotBuiltError: there is nothing to try.
        AssertionError: a number is wrong and nothing said so.
    """
    model = build(family)
    try:
        with torch.no_grad():
            for law in (any_order, cached_decoding, shared_rows):
                law(model)
    except StrataError as error:
        return str(error)
    for edit in (neighbour_average, zeroed, lambda *chosen: noised(*chosen, 0.5, seed=0)):
        with torch.no_grad():
            edits_are_undone(model, edit)
    return WORKS


def orders(model: PreTrainedModel) -> list[Schedule]:
    """Every kind of step; every layer is visited, as hybrids need their attention layers."""
    T = len(blocks(model))
    return [
        schedules.reverse(T, 0),
        schedules.parallel(T, 0, loops=2),
        Schedule(T, (*reversed(range(T)), 0, 0)),
        schedules.skip_layer(T, 0),
    ]


def any_order(model: PreTrainedModel) -> None:
    """The sweep, `scheduled` and, for the full schedule, the model itself score alike."""
    batch, made = tokens(), [schedules.full(len(blocks(model))), *orders(model)]
    swept = sweep(model, made, [batch], passage_nll)
    close(swept[0][0], own_nll(model, batch))
    for schedule, [found] in zip(made, swept, strict=True):
        with scheduled(model, schedule):
            close(found, own_nll(model, batch))


def cached_decoding(model: PreTrainedModel) -> None:
    """Token by token with a cache gives what one pass gives, in every order."""
    ids, prompt = tokens().ids_BxL, LENGTH - 4
    for schedule in orders(model):
        with scheduled(model, schedule):
            options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
            cached = model.generate(ids[:, :prompt], **options)
            assert torch.equal(cached, model.generate(ids[:, :prompt], use_cache=False, **options))


def shared_rows(model: PreTrainedModel) -> None:
    """Answers score as the model alone scores them, whether or not they share a row."""
    context = tuple(range(20, 30))
    requests = [Request(context, answer) for answer in ((31, 32, 33), (34,), (35, 36))]
    together = shares_contexts(model, requests, 64)
    batches = packed(requests, 3, 64, together)
    for schedule in orders(model)[:2]:
        [[answers]] = sweep(model, [schedule], batches, log_likelihoods)
        for place, (found, _) in zip(batches[0].requests, answers, strict=True):
            asked = requests[place].answer
            ids = torch.tensor([context + asked])
            with scheduled(model, schedule):
                logits = model(input_ids=ids, use_cache=False).logits[0, -len(asked) - 1 : -1]
            alone = logits.double().log_softmax(-1)[range(len(asked)), list(asked)].sum()
            close(torch.tensor(found), alone)


def edits_are_undone(model: PreTrainedModel, edit: Any) -> None:
    """An edit changes what it says and comes back bit for bit, or is refused."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        with edit(model, 2):
            states = trace(model, tokens()).inputs
            if edit is zeroed:
                assert torch.equal(states[2], states[3])
    except SurgeryError:
        pass
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def own_nll(model: PreTrainedModel, batch: TokenBatch) -> torch.Tensor:
    """Nats of each passage, from the logits of the model's own forward pass."""
    logits = model(input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL, use_cache=False).logits[
        :, :-1
    ]
    targets = batch.ids_BxL[:, 1:]
    nll = cross_entropy(logits.double().mT, targets, reduction="none")
    return (nll * batch.mask_BxL[:, 1:]).sum(dim=1)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found.double(), expected.double(), rtol=1e-4, atol=1e-3)


def outcomes() -> Iterator[tuple[str, str]]:
    """Every family of transformers that can be built, and its outcome."""
    for family in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        try:
            yield family, outcome(family)
        except NotBuiltError:
            continue


def read(page: Path = PAGE) -> dict[str, str]:
    """What the table says: family -> outcome."""
    rows = [line.split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    return {row[0][2:].strip("`"): row[1].removesuffix(" |") for row in rows if row[0][:3] == "| `"}


def page(found: dict[str, str]) -> str:
    works = sum(result == WORKS for result in found.values())
    rows = "".join(f"| `{family}` | {result} |\n" for family, result in found.items())
    return (
        "# Decoders\n\n"
        "A small random model of every decoder that transformers "
        f"{transformers.__version__} builds from a configuration of {LAYERS} layers, tried by "
        f"`make families`: {works} of {len(found)} work. To work is: the sweep, `scheduled` and "
        "the model alone score alike in every order of layers, cached decoding is one pass, and "
        "answers score as they do alone. Every other is refused at its first use by the line "
        "beside it.\n\n"
        "| model type | outcome |\n|---|---|\n" + rows
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    PAGE.write_text(page(dict(outcomes())), encoding="utf-8")
