"""Traced and resumed execution against whole forward passes of the Hugging Face model."""

import torch
from transformers import PreTrainedModel

from strata.execution import passage_nll, resume, trace
from strata.models import blocks
from strata.text import TokenBatch


def reference_nll(model: PreTrainedModel, batch: TokenBatch) -> torch.Tensor:
    """Nats of each passage, one passage at a time and without padding."""
    totals = []
    for ids, mask in zip(batch.ids_BxL, batch.mask_BxL, strict=True):
        real = ids[mask.bool()][None]
        log_probabilities = (
            model(input_ids=real, use_cache=False).logits[0, :-1].double().log_softmax(dim=-1)
        )
        totals.append(-log_probabilities.gather(1, real[0, 1:, None]).sum())
    return torch.stack(totals)


def test_trace_records_the_models_own_hidden_states(any_model, batch):
    traced = trace(any_model, batch)
    hidden = any_model(
        input_ids=batch.ids_BxL, attention_mask=batch.mask_BxL, output_hidden_states=True
    ).hidden_states
    assert len(traced.inputs) == len(blocks(any_model)) + 1
    for ours, theirs in zip(traced.inputs[:-1], hidden[:-1], strict=True):
        assert torch.equal(ours, theirs)


def test_resuming_anywhere_ends_bit_equal(any_model, batch):
    traced = trace(any_model, batch)
    for start in range(len(blocks(any_model)) + 1):
        end = resume(blocks(any_model), traced, traced.inputs[start], start)
        assert torch.equal(end, traced.inputs[-1])


def test_passage_nll_equals_unpadded_forward(any_model, batch):
    ours = passage_nll(any_model, trace(any_model, batch).inputs[-1], batch)
    torch.testing.assert_close(ours, reference_nll(any_model, batch), rtol=1e-5, atol=1e-4)


def test_trace_leaves_no_hooks(model, batch):
    trace(model, batch)
    assert not any(layer._forward_pre_hooks or layer._forward_hooks for layer in blocks(model))
