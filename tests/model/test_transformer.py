"""The transformer against `transformers`: Llama and Qwen3 weights load, logits are equal under a plain causal mask."""

from __future__ import annotations

import pytest
import torch

from drive.model.config import TransformerConfig
from drive.model.transformer import Transformer, load_language_model

transformers = pytest.importorskip("transformers", reason="the extra `dev` installs transformers")

CONFIG = TransformerConfig(width=64, depth=3, heads=8, kv_heads=2, head_dim=16, mlp_width=96, rope_theta=10_000.0)


def reference(family: str) -> torch.nn.Module:
    kind, model = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
    }[family]
    config = kind(
        vocab_size=97,
        hidden_size=CONFIG.width,
        num_hidden_layers=CONFIG.depth,
        num_attention_heads=CONFIG.heads,
        num_key_value_heads=CONFIG.kv_heads,
        head_dim=CONFIG.head_dim,
        intermediate_size=CONFIG.mlp_width,
        rms_norm_eps=CONFIG.norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": CONFIG.rope_theta},
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    return model(config).eval()


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_logits_equal_those_of_transformers(family: str) -> None:
    theirs = reference(family)
    ours = Transformer(TransformerConfig(**{**vars(CONFIG), "qk_norm": family == "qwen3"}))
    with torch.no_grad():
        for parameter in theirs.parameters():  # norms too: weights of one would hide a missing one
            parameter.add_(torch.randn_like(parameter) * 0.1)
    load_language_model(ours, theirs.state_dict())
    ids = torch.randint(0, 97, (2, 11))
    causal = torch.ones(11, 11).tril().bool().expand(2, -1, -1)
    with torch.inference_mode():
        hidden, _ = ours(theirs.get_input_embeddings()(ids), torch.arange(11).expand(2, -1), causal)
        torch.testing.assert_close(theirs.lm_head(hidden), theirs(ids).logits, atol=1e-5, rtol=1e-5)


def test_weights_of_another_shape_are_refused_by_name() -> None:
    wrong = {name: tensor for name, tensor in reference("llama").state_dict().items() if "layers.2" not in name}
    with pytest.raises(ValueError, match="missing layers"):
        load_language_model(Transformer(CONFIG), wrong)
