"""Tiny models of random weights, one of each architecture: what is checked of them is in check.py."""

import dataclasses
import typing

import torch
import transformers as hf

VOCABULARY = 96
IMAGE = 90  # the token that stands for a part of an image
# The names of most configurations, and the names of those that follow GPT-2.
TINY = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8, max_position_embeddings=64, pad_token_id=0, bos_token_id=1,
            eos_token_id=2)
LIKE_GPT2 = dict(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=64)
PICTURES = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=16,
                patch_size=8)
ENCODER_DECODER = dict(vocab_size=VOCABULARY, d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=48,
                       decoder_ffn_dim=48, encoder_attention_heads=4, decoder_attention_heads=4, pad_token_id=0,
                       bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
T5 = dict(vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, decoder_start_token_id=0)
QWEN_VL = dict(image_token_id=IMAGE, video_token_id=91, vision_start_token_id=92, vision_end_token_id=93)
MROPE = dict(type="mrope", mrope_section=[1, 1, 2])
QWEN_PICTURES = dict(depth=2, hidden_size=32, num_heads=4, patch_size=4, spatial_merge_size=2, temporal_patch_size=2)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
LOCAL_EXPERTS = dict(num_local_experts=4, num_experts_per_tok=2)
DEEPSEEK = dict(n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, n_shared_experts=1,
                first_k_dense_replace=1, q_lora_rank=16, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=8,
                v_head_dim=8, topk_group=1, num_key_value_heads=4)


def tokens(count):
    return torch.randint(3, VOCABULARY, (1, count))


def text():
    return dict(input_ids=tokens(12))


def two_texts():
    return dict(input_ids=tokens(12), decoder_input_ids=tokens(5))


def picture():
    return dict(pixel_values=torch.randn(1, 3, 16, 16))


def text_and_picture():
    return {**text(), **picture()}


def text_with_picture():
    return dict(input_ids=torch.cat([torch.full((1, 4), IMAGE), torch.randint(3, 80, (1, 6))], 1), **picture())


def text_with_patches():
    return {**text_with_picture(), "pixel_values": torch.randn(16, 3 * 2 * 4 * 4),
            "image_grid_thw": torch.tensor([[1, 4, 4]])}


@dataclasses.dataclass
class Architecture:
    """The making and pruning of one model, and what is expected of it.

    `dense` are the linear modules of blocks that stay as they are, by the end of their names: routers, gates and
    what follows the blocks. `fused` are parameters of three dimensions that hold an expert in each slice, by the
    end of their names, with the dimension over which the forward pass of their module sums. A model that is not
    known is `refused` with these words, and pruned with the patterns `only`.
    """
    model: type
    config: type
    settings: dict
    inputs: typing.Callable = text
    dense: tuple = ()
    fused: dict = dataclasses.field(default_factory=dict)
    options: tuple = ()
    dtype: torch.dtype = torch.float32
    is_sharded: bool = False
    wanda: bool = False
    refused: tuple = ()
    only: tuple = ()

    def make(self):
        return self.model(self.config(**self.settings))


def tiny(without="", **others):
    """The usual settings, but for those named in `without`, and others."""
    return {**{key: value for key, value in TINY.items() if key not in without.split()}, **others}


# The forward passes multiply tokens by slices of (in, out).
FUSED_IN_OUT = {"experts.gate_up_proj": 1, "experts.down_proj": 1}
# Theirs call linear, with slices of (out, in).
FUSED_OUT_IN = {"input_linear.weight": 2, "output_linear.weight": 2}

MODELS = {
    # Decoders.
    "llama": Architecture(hf.LlamaForCausalLM, hf.LlamaConfig, TINY, is_sharded=True, wanda=True),
    "mistral": Architecture(hf.MistralForCausalLM, hf.MistralConfig, TINY, dtype=torch.bfloat16),
    "qwen2": Architecture(hf.Qwen2ForCausalLM, hf.Qwen2Config, TINY, options=("--pattern", "2:4"),
                          dtype=torch.bfloat16),
    "qwen3": Architecture(hf.Qwen3ForCausalLM, hf.Qwen3Config, TINY, dtype=torch.float16),
    "gemma2": Architecture(hf.Gemma2ForCausalLM, hf.Gemma2Config, TINY),
    "gemma3": Architecture(hf.Gemma3ForCausalLM, hf.Gemma3TextConfig, TINY),
    "phi": Architecture(hf.PhiForCausalLM, hf.PhiConfig, TINY),
    "phi3": Architecture(hf.Phi3ForCausalLM, hf.Phi3Config, TINY),
    "gpt2": Architecture(hf.GPT2LMHeadModel, hf.GPT2Config, LIKE_GPT2, is_sharded=True, wanda=True),
    "gpt2, 2:4": Architecture(hf.GPT2LMHeadModel, hf.GPT2Config, LIKE_GPT2, options=("--pattern", "2:4")),
    "openai-gpt": Architecture(hf.OpenAIGPTLMHeadModel, hf.OpenAIGPTConfig, LIKE_GPT2),
    "gpt_bigcode": Architecture(hf.GPTBigCodeForCausalLM, hf.GPTBigCodeConfig, LIKE_GPT2),
    "gpt_neo": Architecture(hf.GPTNeoForCausalLM, hf.GPTNeoConfig, dict(
        vocab_size=VOCABULARY, hidden_size=32, num_layers=2, num_heads=4, max_position_embeddings=64,
        attention_types=[[["global", "local"], 1]])),
    "gptj": Architecture(hf.GPTJForCausalLM, hf.GPTJConfig, dict(LIKE_GPT2, rotary_dim=4)),
    "codegen": Architecture(hf.CodeGenForCausalLM, hf.CodeGenConfig, dict(LIKE_GPT2, rotary_dim=4)),
    "gpt-neox": Architecture(hf.GPTNeoXForCausalLM, hf.GPTNeoXConfig, TINY),
    "opt": Architecture(hf.OPTForCausalLM, hf.OPTConfig, tiny(ffn_dim=48, word_embed_proj_dim=32)),
    "bloom": Architecture(hf.BloomForCausalLM, hf.BloomConfig, dict(
        vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4)),
    "falcon": Architecture(hf.FalconForCausalLM, hf.FalconConfig,
                           tiny("head_dim intermediate_size num_key_value_heads")),
    "mpt": Architecture(hf.MptForCausalLM, hf.MptConfig, dict(
        vocab_size=VOCABULARY, d_model=32, n_heads=4, n_layers=2, max_seq_len=64)),
    # Encoders.
    "bert": Architecture(hf.BertForMaskedLM, hf.BertConfig, tiny("head_dim"), wanda=True),
    "roberta": Architecture(hf.RobertaForMaskedLM, hf.RobertaConfig, tiny("head_dim")),
    "distilbert": Architecture(hf.DistilBertForMaskedLM, hf.DistilBertConfig, dict(
        vocab_size=VOCABULARY, dim=32, hidden_dim=48, n_layers=2, n_heads=4)),
    "albert": Architecture(hf.AlbertForMaskedLM, hf.AlbertConfig, tiny("head_dim", embedding_size=16)),
    "deberta-v2": Architecture(hf.DebertaV2ForMaskedLM, hf.DebertaV2Config, tiny(
        "head_dim", relative_attention=True, pos_att_type=["c2p", "p2c"])),
    "modernbert": Architecture(hf.ModernBertForMaskedLM, hf.ModernBertConfig, tiny(
        "head_dim", cls_token_id=1, sep_token_id=2, reference_compile=False)),
    # Encoders with decoders.
    "t5": Architecture(hf.T5ForConditionalGeneration, hf.T5Config, T5, two_texts),
    "t5 1.1": Architecture(hf.T5ForConditionalGeneration, hf.T5Config, dict(
        T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False), two_texts),
    "bart": Architecture(hf.BartForConditionalGeneration, hf.BartConfig, dict(
        ENCODER_DECODER, max_position_embeddings=64), two_texts),
    "whisper": Architecture(
        hf.WhisperForConditionalGeneration, hf.WhisperConfig,
        dict(ENCODER_DECODER, num_mel_bins=8, max_source_positions=20, max_target_positions=32,
             begin_suppress_tokens=[]),
        lambda: dict(input_features=torch.randn(1, 8, 40), decoder_input_ids=tokens(5)), is_sharded=True),
    # Sound and pictures.
    "wav2vec2": Architecture(hf.Wav2Vec2ForCTC, hf.Wav2Vec2Config, tiny(
        "head_dim", conv_dim=[16, 16], conv_stride=[4, 2], conv_kernel=[8, 3], num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2), lambda: dict(input_values=torch.randn(1, 800))),
    "vit": Architecture(hf.ViTForImageClassification, hf.ViTConfig, PICTURES, picture),
    "dinov2": Architecture(hf.Dinov2Model, hf.Dinov2Config, PICTURES, picture),
    "swin": Architecture(hf.SwinForImageClassification, hf.SwinConfig, dict(
        image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4),
        lambda: dict(pixel_values=torch.randn(1, 3, 32, 32)), dense=("downsample.reduction",)),
    "clip": Architecture(hf.CLIPModel, hf.CLIPConfig, dict(
        text_config=dict(TINY, projection_dim=16), vision_config=dict(PICTURES, projection_dim=16), projection_dim=16),
        text_and_picture),
    "siglip": Architecture(hf.SiglipModel, hf.SiglipConfig, dict(
        text_config=dict(TINY, projection_size=32), vision_config=PICTURES), text_and_picture),
    "gemma3 with pictures": Architecture(hf.Gemma3ForConditionalGeneration, hf.Gemma3Config, dict(
        text_config=TINY, vision_config=PICTURES, mm_tokens_per_image=4, image_token_index=IMAGE, image_token_id=IMAGE),
        text_with_picture, is_sharded=True),
    "llava": Architecture(hf.LlavaForConditionalGeneration, hf.LlavaConfig, dict(
        text_config=dict(TINY, model_type="llama"), vision_config=dict(PICTURES, model_type="clip_vision_model"),
        image_token_index=IMAGE, vision_feature_layer=-1), text_with_picture, is_sharded=True),
    "qwen2-vl": Architecture(hf.Qwen2VLForConditionalGeneration, hf.Qwen2VLConfig, dict(
        QWEN_VL, text_config=dict(TINY, rope_scaling=MROPE),
        vision_config=dict(QWEN_PICTURES, embed_dim=32, mlp_ratio=2)),
        text_with_patches, dense=("merger.mlp.0", "merger.mlp.2"), is_sharded=True),
    "qwen2.5-vl": Architecture(hf.Qwen2_5_VLForConditionalGeneration, hf.Qwen2_5_VLConfig, dict(
        QWEN_VL, text_config=dict(TINY, rope_scaling=MROPE),
        vision_config=dict(QWEN_PICTURES, intermediate_size=48, out_hidden_size=32, window_size=16,
                           fullatt_block_indexes=[1])),
        text_with_patches, dense=("merger.mlp.0", "merger.mlp.2")),
    # Experts, each by itself.
    "mixtral": Architecture(hf.MixtralForCausalLM, hf.MixtralConfig, tiny(**LOCAL_EXPERTS),
                            dense=("block_sparse_moe.gate",), is_sharded=True),
    "phimoe": Architecture(hf.PhimoeForCausalLM, hf.PhimoeConfig, tiny(**LOCAL_EXPERTS),
                           dense=("block_sparse_moe.gate",)),
    "qwen2-moe": Architecture(hf.Qwen2MoeForCausalLM, hf.Qwen2MoeConfig, tiny(
        **EXPERTS, shared_expert_intermediate_size=40), dense=("mlp.gate", "mlp.shared_expert_gate")),
    "qwen3-moe": Architecture(hf.Qwen3MoeForCausalLM, hf.Qwen3MoeConfig, tiny(**EXPERTS), dense=("mlp.gate",)),
    "deepseek-v2": Architecture(hf.DeepseekV2ForCausalLM, hf.DeepseekV2Config, tiny(**DEEPSEEK, n_group=1)),
    "deepseek-v3": Architecture(hf.DeepseekV3ForCausalLM, hf.DeepseekV3Config, tiny(**DEEPSEEK, n_group=2),
                                is_sharded=True),
    # All experts in one tensor.
    "qwen3-vl-moe": Architecture(hf.Qwen3VLMoeForConditionalGeneration, hf.Qwen3VLMoeConfig, dict(
        QWEN_VL, text_config=dict(TINY, **EXPERTS, rope_scaling=dict(MROPE, type="default", rope_type="default")),
        vision_config=dict(QWEN_PICTURES, intermediate_size=48, out_hidden_size=32, deepstack_visual_indexes=[0],
                           num_position_embeddings=16)),
        text_with_patches, dense=("mlp.gate",), fused=FUSED_IN_OUT),
    "llama4": Architecture(hf.Llama4ForCausalLM, hf.Llama4TextConfig, tiny(
        **LOCAL_EXPERTS, intermediate_size_mlp=64, attn_temperature_tuning=False),
        dense=("feed_forward.router",), fused=FUSED_IN_OUT),
    "gpt-oss": Architecture(hf.GptOssForCausalLM, hf.GptOssConfig, tiny(**LOCAL_EXPERTS), fused=FUSED_IN_OUT),
    "gpt-oss, square": Architecture(  # as wide inside as outside, as the published ones are
        hf.GptOssForCausalLM, hf.GptOssConfig, tiny(**LOCAL_EXPERTS, intermediate_size=32),
        fused=FUSED_IN_OUT, options=("--pattern", "2:4")),
    "granitemoe": Architecture(hf.GraniteMoeForCausalLM, hf.GraniteMoeConfig, tiny(**LOCAL_EXPERTS),
                               dense=("block_sparse_moe.router.layer",), fused=FUSED_OUT_IN),
    "jetmoe": Architecture(hf.JetMoeForCausalLM, hf.JetMoeConfig, tiny(**LOCAL_EXPERTS, kv_channels=8),
                           dense=("router.layer",), fused=FUSED_OUT_IN),
    "jetmoe, square": Architecture(hf.JetMoeForCausalLM, hf.JetMoeConfig, tiny(**LOCAL_EXPERTS, kv_channels=16),
                           dense=("router.layer",), fused=FUSED_OUT_IN),
    # Unknown ones.
    "mamba": Architecture(
        hf.MambaForCausalLM, hf.MambaConfig,
        dict(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4),
        dense=("dt_proj", "x_proj"),
        refused=("27 % of the numbers", "--only", "backbone.layers.*.mixer.in_proj.weight"),
        only=("*.in_proj.weight", "*.out_proj.weight")),
    "dbrx": Architecture(
        hf.DbrxForCausalLM, hf.DbrxConfig, dict(
            vocab_size=VOCABULARY, d_model=32, n_heads=4, n_layers=2, max_seq_len=64,
            ffn_config=dict(ffn_hidden_size=48, moe_num_experts=4, moe_top_k=2),
            attn_config=dict(kv_n_heads=2, clip_qkv=8)),
        dense=("router.layer",),
        refused=("14 % of the numbers", "transformer.blocks.*.ffn.experts.mlp.w2"),
        only=("*.Wqkv.weight", "*.out_proj.weight")),
    "xlnet": Architecture(
        hf.XLNetLMHeadModel, hf.XLNetConfig, dict(vocab_size=VOCABULARY, d_model=32, n_layer=2, n_head=4, d_inner=48),
        refused=("nothing to prune", "--only", "transformer.layer.*.ff.layer_1.weight"), only=("*.ff.layer_?.weight",)),
}
