"""Decoders of the Transformers library (Wolf et al. 2020), as encoders of item vectors."""

from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.shapes import History

SHARED: dict[str, Any] = {  # item vectors go in, so no words are needed
    "vocab_size": 1,
    "use_cache": False,
    "bos_token_id": None,
    "eos_token_id": None,
}


def _gpt2(layers: int, heads: int, ffn: int, max_length: int, dropout: float) -> dict[str, Any]:
    rates = {"resid_pdrop": dropout, "attn_pdrop": dropout, "embd_pdrop": 0.0}
    sizes = {"n_layer": layers, "n_head": heads, "n_inner": ffn, "n_positions": max_length}
    return {**sizes, **rates}


def _llama(layers: int, heads: int, ffn: int, max_length: int, dropout: float) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": ffn,
        "max_position_embeddings": max_length,
        "attention_dropout": dropout,
    }


SIZES = {"gpt2": _gpt2, "llama": _llama, "qwen2": _llama}


class HuggingFace(nn.Module):
    """A causal decoder of a known architecture, with new weights and without a table of words.

    GPT-2 (Radford et al. 2019) has learned positions, Llama (Touvron et al. 2023) and Qwen2 (Yang
    et al. 2024) turn queries and keys by theirs, normalise by root mean squares and have gated
    hidden layers. The model is built from its configuration by the library's own class: nothing is
    fetched, and no code comes from elsewhere. Padding is on the right, so the library's positions
    are right and it needs no mask.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D, a multiple of `heads`.
        max_length: maximum L; a longer input is an error.
        architecture: ``gpt2``, ``llama`` or ``qwen2``.
        layers: number of blocks.
        heads: number of attention heads in each block.
        ffn: width of a block's hidden layer; null: ``4 * dim``.
        dropout: rate, on attention weights; GPT-2 drops its residual branches, too.

    Raises:
        ConfigError: the library isn't installed.
    """

    causal: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[int, int]]] = {"layers": (1, 1000)}

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        architecture: Literal["gpt2", "llama", "qwen2"] = "gpt2",
        layers: int = 2,
        heads: int = 2,
        ffn: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.max_length = max_length + further
        if heads < 1 or dim % heads:
            raise ValueError(f"encoder.heads={heads} must divide dim={dim}")
        try:
            from transformers import AutoConfig, AutoModel
        except ImportError as error:
            raise ConfigError(
                "decoders of the Transformers library need the package transformers",
                where="encoder=HuggingFace",
                todo=f"{install('transformers')}, or choose encoder=transformer",
            ) from error
        sizes = SIZES[architecture](layers, heads, ffn or 4 * dim, self.max_length, dropout)
        config = AutoConfig.for_model(architecture, hidden_size=dim, **sizes, **SHARED)
        self.decoder = AutoModel.from_config(config, trust_remote_code=False)
        self.decoder.set_input_embeddings(nn.Identity())

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        if x_BLD.shape[1] > self.max_length:
            raise ValueError(f"{x_BLD.shape[1]} positions exceed max_length={self.max_length}")
        return self.decoder(inputs_embeds=x_BLD).last_hidden_state
