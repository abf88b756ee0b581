"""The LWS models: Hugging Face decoders made of OLMo 2 blocks with widths of their own per layer.

Registered with the Auto classes, so whatever reads a Hugging Face decoder runs on them.
"""

import copy
from typing import Self

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, Olmo2Config
from transformers import initialization as init
from transformers.models.olmo2.modeling_olmo2 import (
    Olmo2DecoderLayer,
    Olmo2ForCausalLM,
    Olmo2Model,
    Olmo2PreTrainedModel,
)

from strata.lws.scaling import PUBLISHED, Geometry, LayerShape, ShapeError, check_shapes
from strata.lws.scaling import layer_shapes as variant_shapes

ROPE_THETA = 500_000.0
RMS_NORM_EPS = 1e-6
INITIAL_STD, TRUNCATED_AT = 0.02, 3


class LwsConfig(Olmo2Config):
    """An OLMo 2 configuration with the widths of each layer.

    layer_shapes: (ffn_width, query_heads, kv_heads) of each layer; ffn_multiple: what every FFN
    width must be a multiple of. OLMo 2's own single widths say the widest layer's.
    """

    model_type = "strata_lws"
    base_model_tp_plan = None
    base_model_pp_plan = None

    layer_shapes: list | None = None
    head_dim: int = PUBLISHED.head_dim
    ffn_multiple: int = PUBLISHED.ffn_multiple

    @classmethod
    def of(cls, shapes: list[LayerShape], geometry: Geometry, max_positions: int) -> Self:
        """The configuration of a model of these layers.

        Raises:
            ShapeError: widths that are no multiple, or heads that do not divide.
        """
        check_shapes(shapes, geometry)
        return cls(
            layer_shapes=[list(shape) for shape in shapes],
            ffn_multiple=geometry.ffn_multiple,
            head_dim=geometry.head_dim,
            hidden_size=geometry.d_model,
            vocab_size=geometry.vocabulary,
            num_hidden_layers=len(shapes),
            intermediate_size=max(shape.ffn_width for shape in shapes),
            num_attention_heads=max(shape.query_heads for shape in shapes),
            num_key_value_heads=max(shape.kv_heads for shape in shapes),
            max_position_embeddings=max_positions,
            rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
            rms_norm_eps=RMS_NORM_EPS,
            initializer_range=INITIAL_STD,
            tie_word_embeddings=False,
            pad_token_id=None,
            eos_token_id=None,
        )

    def for_layer(self, layer: int) -> "LwsConfig":
        """A copy in which OLMo 2's single widths are those of one layer."""
        own = copy.copy(self)
        own.intermediate_size, own.num_attention_heads, own.num_key_value_heads = self.layer_shapes[
            layer
        ]
        return own


class LwsPreTrainedModel(Olmo2PreTrainedModel):
    """Weights are drawn as the paper's code draws them: a normal cut at three deviations."""

    config: LwsConfig

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            std = self.config.initializer_range
            init.trunc_normal_(module.weight, 0.0, std, -TRUNCATED_AT * std, TRUNCATED_AT * std)
        else:
            super()._init_weights(module)


class LwsModel(LwsPreTrainedModel, Olmo2Model):
    """OLMo 2's body with each block built at its own widths."""

    def __init__(self, config: LwsConfig) -> None:
        if config.layer_shapes is None or len(config.layer_shapes) != config.num_hidden_layers:
            raise ShapeError(
                f"LwsConfig: expected a shape for each of {config.num_hidden_layers} layers, found "
                f"{len(config.layer_shapes or [])}"
            )
        narrow = copy.copy(config)
        narrow.num_hidden_layers = 0
        super().__init__(narrow)
        self.config = config
        self.layers = nn.ModuleList(
            Olmo2DecoderLayer(config.for_layer(layer), layer)
            for layer in range(config.num_hidden_layers)
        )
        for module in self.modules():
            if hasattr(module, "config"):
                module.config = config
        self.post_init()


class LwsForCausalLM(LwsPreTrainedModel, Olmo2ForCausalLM):
    """An LWS body with OLMo 2's untied head."""

    def __init__(self, config: LwsConfig) -> None:
        super(Olmo2ForCausalLM, self).__init__(config)
        self.model = LwsModel(config)
        self.vocab_size = config.vocab_size
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


def build(
    variant: str,
    geometry: Geometry = PUBLISHED,
    max_positions: int = 1024,
    seed: int = 0,
    shapes: list[LayerShape] | None = None,
) -> LwsForCausalLM:
    """A freshly initialised fp32 model of a variant (or of `shapes`, for a control).

    Raises:
        ShapeError: an unknown variant, or layers that the rule does not allow.
    """
    chosen = variant_shapes(variant, geometry) if shapes is None else shapes
    config = LwsConfig.of(chosen, geometry, max_positions)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LwsForCausalLM(config)


AutoConfig.register(LwsConfig.model_type, LwsConfig)
AutoModel.register(LwsConfig, LwsModel)
AutoModelForCausalLM.register(LwsConfig, LwsForCausalLM)
