"""Fine-tuning an encoder while it runs a schedule, by transformers' Trainer."""

import copy
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments, set_seed

from strata.execution import scheduled
from strata.models import LoadedModel, arithmetic
from strata.painters.classifiers import INITIAL_STD, decided
from strata.painters.encoder import EncodedBatch, encoded, pooled
from strata.painters.params import GlueParams, Pooling
from strata.schedules import Schedule
from strata.tasks.glue import GlueData


class Reader(nn.Module):
    """An encoder, its pooling, dropout and a linear classifier, as `Trainer` calls them."""

    def __init__(self, encoder: PreTrainedModel, pooling: Pooling, outputs: int) -> None:
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.dropout = nn.Dropout(getattr(encoder.config, "hidden_dropout_prob", 0.1))
        self.classifier = nn.Linear(encoder.config.hidden_size, outputs)
        nn.init.normal_(self.classifier.weight, std=INITIAL_STD)
        nn.init.zeros_(self.classifier.bias)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        **segments: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        hidden_BxLxD = self.encoder(
            input_ids, attention_mask=attention_mask, **segments
        ).last_hidden_state
        read_BxD = pooled(self.encoder, hidden_BxLxD, attention_mask, self.pooling)
        logits_BxC = self.classifier(self.dropout(read_BxD))
        if labels is None:
            return {"logits": logits_BxC}
        return {"loss": _loss(logits_BxC, labels), "logits": logits_BxC}


class Tuned(NamedTuple):
    """A fine-tuned reader and its predictions for the validation examples: N."""

    reader: Reader
    predictions_N: torch.Tensor


def fine_tune(
    loaded: LoadedModel,
    schedule: Schedule,
    data: GlueData,
    outputs: int,
    params: GlueParams,
    seed: int,
) -> Tuned:
    """Train a copy of the encoder on a schedule and read its predictions on the same schedule.

    Layers that the schedule leaves out are not among the trained parameters. Where `params.dtype`
    comes to bfloat16, training runs under autocast.

    Raises:
        ExecutionError: the schedule is for another depth.
    """
    set_seed(seed)
    encoder = copy.deepcopy(loaded.model).requires_grad_(True)
    reader = Reader(encoder, params.pooling, outputs).to(loaded.model.device)
    section = params.finetuned

    def collate(rows: Sequence[int]) -> dict[str, Any]:
        batch = encoded(data.train.texts, rows, loaded.tokenizer, params.max_tokens)
        return _inputs(batch) | {"labels": torch.as_tensor(data.train.labels_N[list(rows)])}

    with scheduled(encoder, schedule), TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=section.epochs,
            per_device_train_batch_size=section.batch_size,
            learning_rate=section.learning_rate,
            lr_scheduler_type="linear",
            seed=seed,
            use_cpu=not torch.cuda.is_available(),
            bf16=arithmetic(params.dtype, loaded.model.device.type) == "bfloat16",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        rows = list(range(len(data.train.texts)))
        trainer = Trainer(reader, arguments, data_collator=collate, train_dataset=rows)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return Tuned(reader, _predictions(reader, loaded, data, params))


@torch.no_grad()
def _predictions(
    reader: Reader, loaded: LoadedModel, data: GlueData, params: GlueParams
) -> torch.Tensor:
    reader.eval()
    device = reader.classifier.weight.device
    texts, size = data.validation.texts, params.batch_size
    parts = [range(len(texts))[start : start + size] for start in range(0, len(texts), size)]
    batches = (encoded(texts, rows, loaded.tokenizer, params.max_tokens) for rows in parts)
    outputs = [reader(**_inputs(batch.to(device)))["logits"].cpu() for batch in batches]
    return decided(torch.cat(outputs))


def _inputs(batch: EncodedBatch) -> dict[str, torch.Tensor]:
    inputs = {"input_ids": batch.ids_BxL, "attention_mask": batch.mask_BxL}
    segments = batch.segments_BxL
    return inputs if segments is None else inputs | {"token_type_ids": segments}


def _loss(logits_BxC: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
    if logits_BxC.shape[-1] == 1:
        return nn.functional.mse_loss(logits_BxC[:, 0], labels_B.to(logits_BxC))
    return nn.functional.cross_entropy(logits_BxC, labels_B)
