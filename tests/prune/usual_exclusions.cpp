#include <tamp/prune/usual_exclusions.hpp>

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <tamp/prune/plan.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(prune_usual_exclusions)

namespace {

bool is_excluded(const std::string& name) {
  static const std::vector<std::string> patterns = tamp::plan_options{}.exclude;
  return tamp::detail::fits_any(patterns, name);
}

// A family of models: what stays dense, and the layers that are there to be pruned.
struct family {
  const char* name;
  std::vector<std::string> dense, pruned;
};

const std::vector<family> families = {
    {"Llama, Mistral, Qwen 2 and 3, Gemma, StableLM",
     {"model.embed_tokens", "lm_head", "model.norm", "model.layers.0.input_layernorm",
      "model.layers.0.post_attention_layernorm", "model.layers.0.self_attn.q_norm",
      "model.layers.3.pre_feedforward_layernorm"},
     {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj",
      "model.layers.0.self_attn.v_proj", "model.layers.0.self_attn.o_proj",
      "model.layers.0.mlp.gate_proj", "model.layers.0.mlp.up_proj", "model.layers.0.mlp.down_proj",
      "model.layers.0.mlp.gate_up_proj"}},
    {"Llama as published",
     {"tok_embeddings", "output", "norm", "layers.0.attention_norm"},
     {"layers.0.attention.wq", "layers.0.attention.wo", "layers.0.feed_forward.w1"}},
    {"Gemma 3n",
     {"model.embed_tokens_per_layer", "model.layers.0.altup.modality_router"},
     {"model.per_layer_model_projection", "model.layers.0.per_layer_input_gate",
      "model.layers.0.laurel.linear_left", "model.embed_vision.embedding_projection"}},
    {"Phi 3 with vision, whose tower stands inside of an embedding",
     {"model.embed_tokens",
      "model.vision_embed_tokens.img_processor.vision_model.embeddings.patch_embedding"},
     {"model.layers.0.self_attn.qkv_proj",
      "model.vision_embed_tokens.img_processor.vision_model.encoder.layers.0.self_attn.k_proj",
      "model.vision_embed_tokens.img_projection.0",
      "model.embed_tokens_extend.image_embed.img_processor.encoder.layers.0.mlp.fc1"}},
    {"Qwen 1 and its vision",
     {"transformer.wte", "transformer.ln_f", "transformer.h.0.ln_1",
      "transformer.visual.positional_embedding"},
     {"transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj", "transformer.h.0.mlp.w1"}},
    {"Qwen 1.5, 2 and 3 with experts, Qwen3-Next",
     {"model.layers.0.mlp.gate", "model.layers.0.mlp.shared_expert_gate",
      "model.layers.0.linear_attn.conv1d", "model.layers.0.linear_attn.A_log"},
     {"model.layers.0.mlp.experts.0.gate_proj", "model.layers.0.mlp.shared_expert.gate_proj",
      "model.layers.0.mlp.shared_expert.down_proj", "model.layers.0.linear_attn.in_proj_qkvz",
      "model.layers.0.linear_attn.out_proj"}},
    {"Mixtral, PhiMoE, MiniMax",
     {"model.layers.0.block_sparse_moe.gate"},
     {"model.layers.0.block_sparse_moe.experts.7.w1",
      "model.layers.0.block_sparse_moe.experts.7.w2"}},
    {"DeepSeek V2 and V3",
     {"model.layers.3.mlp.gate", "model.layers.61.shared_head.head",
      "model.layers.61.shared_head.norm", "model.layers.61.embed_tokens", "model.layers.61.enorm",
      "head", "embed"},
     {"model.layers.3.mlp.shared_experts.gate_proj", "model.layers.3.mlp.experts.255.up_proj",
      "model.layers.0.self_attn.kv_a_proj_with_mqa", "model.layers.61.eh_proj"}},
    {"Hunyuan, MoE-LLaVA",
     {"model.layers.0.mlp.gate.wg", "model.layers.0.mlp.deepspeed_moe.gate.wg"},
     {"model.layers.0.mlp.shared_mlp.gate_proj", "model.layers.0.mlp.experts.0.gate_and_up_proj"}},
    {"DBRX, whose attention stands inside of a norm",
     {"transformer.blocks.0.ffn.router.layer", "transformer.blocks.0.norm_attn_norm.norm_1",
      "transformer.wte"},
     {"transformer.blocks.0.norm_attn_norm.attn.Wqkv",
      "transformer.blocks.0.norm_attn_norm.attn.out_proj",
      "transformer.blocks.0.ffn.experts.mlp.w1"}},
    {"Llama 4, gpt-oss, Granite, Switch, NLLB",
     {"model.layers.0.feed_forward.router", "model.layers.0.mlp.router",
      "model.layers.0.block_sparse_moe.router.layer",
      "encoder.block.1.layer.1.mlp.router.classifier",
      "model.encoder.layers.3.ffn.router.classifier"},
     {"model.layers.0.feed_forward.shared_expert.gate_proj",
      "model.layers.0.block_sparse_moe.input_linear",
      "encoder.block.1.layer.1.mlp.experts.expert_0.wi"}},
    {"GPT-2, GPT-Neo, CodeGen, MPT",
     {"wte", "wpe", "transformer.wte", "transformer.wpe", "transformer.ln_f", "h.0.ln_2",
      "transformer.norm_f", "score"},
     {"transformer.h.0.attn.c_attn", "transformer.h.0.attn.c_proj", "transformer.h.0.mlp.c_fc",
      "transformer.h.0.attn.attention.out_proj", "transformer.blocks.0.attn.Wqkv",
      "transformer.blocks.0.ffn.up_proj"}},
    {"GPT-NeoX, Falcon, BLOOM",
     {"gpt_neox.embed_in", "embed_out", "transformer.word_embeddings",
      "transformer.word_embeddings_layernorm", "transformer.h.0.ln_attn", "transformer.h.0.ln_mlp"},
     {"gpt_neox.layers.0.attention.query_key_value", "gpt_neox.layers.0.attention.dense",
      "gpt_neox.layers.0.mlp.dense_h_to_4h", "transformer.h.0.self_attention.dense",
      "transformer.h.0.mlp.dense_4h_to_h"}},
    {"OPT, BART",
     {"model.decoder.embed_tokens", "model.decoder.embed_positions", "model.shared", "shared",
      "model.encoder.layernorm_embedding", "classification_head.dense",
      "classification_head.out_proj"},
     {"model.decoder.project_in", "model.decoder.project_out", "model.decoder.layers.0.fc1",
      "model.decoder.layers.0.fc2", "model.decoder.layers.0.self_attn.out_proj",
      "model.decoder.layers.0.encoder_attn.k_proj"}},
    {"T5",
     {"shared", "encoder.embed_tokens", "encoder.final_layer_norm",
      "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
      "encoder.block.0.layer.0.layer_norm"},
     {"encoder.block.0.layer.0.SelfAttention.q", "encoder.block.0.layer.0.SelfAttention.o",
      "encoder.block.0.layer.1.DenseReluDense.wi_0", "decoder.block.0.layer.2.DenseReluDense.wo"}},
    {"BERT, RoBERTa, DistilBERT, ELECTRA",
     {"bert.embeddings.word_embeddings", "bert.embeddings.position_embeddings",
      "bert.embeddings.token_type_embeddings", "bert.embeddings.LayerNorm", "bert.pooler.dense",
      "cls.predictions.decoder", "cls.predictions.transform.dense", "cls.seq_relationship",
      "classifier", "classifier.dense", "classifier.out_proj", "pre_classifier", "qa_outputs",
      "lm_head.dense", "vocab_transform", "vocab_projector", "generator_predictions.dense",
      "bert.encoder.layer.0.attention.output.LayerNorm"},
     {"bert.encoder.layer.0.attention.self.query", "bert.encoder.layer.0.attention.output.dense",
      "bert.encoder.layer.0.intermediate.dense", "bert.encoder.layer.0.output.dense",
      "distilbert.transformer.layer.0.ffn.lin1"}},
    {"ModernBERT, ESM",
     {"embeddings.tok_embeddings", "head.dense", "decoder", "contact_head.regression"},
     {"layers.0.attn.Wqkv", "layers.0.mlp.Wi", "decoder.layers.0.fc1",
      "esm.encoder.layer.0.attention.self.query"}},
    {"LLaMA-MoE, Ernie",
     {"model.layers.0.mlp.gate.gate_network.0", "model.layers.0.mlp.gate"},
     {"model.layers.0.mlp.calculator.experts.weight_gate.0"}},
    {"ChatGLM",
     {"transformer.embedding.word_embeddings", "transformer.output_layer",
      "transformer.encoder.final_layernorm"},
     {"transformer.encoder.layers.0.self_attention.query_key_value",
      "transformer.encoder.layers.0.mlp.dense_h_to_4h"}},
    {"InternLM 2, InternVL",
     {"model.tok_embeddings", "output", "language_model.output",
      "language_model.model.tok_embeddings", "vision_model.embeddings.class_embedding",
      "vision_model.embeddings.patch_embedding"},
     {"model.layers.0.attention.wqkv", "model.layers.0.feed_forward.w1", "mlp1.1", "mlp1.3",
      "vision_model.encoder.layers.0.attn.qkv", "vision_model.encoder.layers.0.attn.proj",
      "vision_model.encoder.layers.0.mlp.fc1"}},
    {"Mamba, Jamba",
     {"backbone.embeddings", "backbone.norm_f", "backbone.layers.0.mixer.A_log",
      "backbone.layers.0.mixer.conv1d", "model.layers.0.mamba.A_log",
      "model.layers.1.feed_forward.router"},
     {"backbone.layers.0.mixer.in_proj", "backbone.layers.0.mixer.x_proj",
      "backbone.layers.0.mixer.dt_proj", "backbone.layers.0.mixer.out_proj",
      "model.layers.1.feed_forward.experts.0.gate_proj"}},
    {"OLMo",
     {"model.transformer.wte", "model.transformer.ff_out", "model.transformer.ln_f"},
     {"model.transformer.blocks.0.ff_out", "model.transformer.blocks.0.ff_proj",
      "model.transformer.blocks.0.att_proj"}},
    {"CLIP, SigLIP",
     {"visual_projection", "text_projection", "vision_model.embeddings.patch_embedding",
      "vision_model.embeddings.position_embedding", "text_model.embeddings.token_embedding",
      "vision_model.pre_layrnorm", "vision_model.post_layernorm"},
     {"vision_model.encoder.layers.0.self_attn.out_proj", "vision_model.encoder.layers.0.mlp.fc1",
      "text_model.encoder.layers.0.mlp.fc2", "vision_model.head.mlp.fc1"}},
    {"ViT, Swin",
     {"vit.embeddings.patch_embeddings.projection", "vit.embeddings.position_embeddings",
      "classifier", "head", "pos_embed", "patch_embed.proj", "vit.pooler.dense",
      "swin.encoder.layers.0.blocks.0.attention.self.relative_position_bias_table",
      "blocks.0.attn.relative_position_bias_table", "blocks.0.norm1"},
     {"vit.encoder.layer.0.attention.attention.query", "blocks.0.attn.qkv", "blocks.0.attn.proj",
      "blocks.0.mlp.fc1"}},
    {"LLaVA, Qwen2-VL, Qwen2.5-VL",
     {"language_model.model.embed_tokens", "language_model.lm_head",
      "vision_tower.vision_model.embeddings.patch_embedding", "visual.patch_embed.proj",
      "visual.merger.ln_q", "visual.blocks.0.norm2", "model.visual.patch_embed.proj"},
     {"multi_modal_projector.linear_1", "model.mm_projector.0", "visual.merger.mlp.0",
      "visual.merger.mlp.2", "visual.blocks.0.attn.qkv", "visual.blocks.0.attn.proj",
      "visual.blocks.0.mlp.gate_proj", "vision_tower.vision_model.encoder.layers.0.mlp.fc1"}},
    {"Whisper",
     {"proj_out", "model.decoder.embed_tokens", "model.encoder.embed_positions",
      "model.encoder.layers.0.self_attn_layer_norm"},
     {"model.encoder.layers.0.self_attn.out_proj", "model.decoder.layers.0.encoder_attn.q_proj",
      "model.decoder.layers.0.fc2"}},
    {"GGUF",
     {"token_embd",
      "position_embd",
      "token_types",
      "per_layer_token_embd",
      "output",
      "output_norm",
      "cls",
      "cls.output",
      "token_embd_norm",
      "blk.0.attn_norm",
      "blk.0.attn_q_norm",
      "blk.0.ffn_gate_inp",
      "blk.0.ffn_gate_inp_shexp",
      "blk.0.ssm_a",
      "blk.0.ssm_conv1d",
      "enc.blk.0.attn_rel_b",
      "v.patch_embd",
      "v.position_embd",
      "v.class_embd",
      "blk.61.nextn.shared_head_head",
      "blk.61.nextn.embed_tokens"},
     {"blk.0.attn_q", "blk.0.attn_output", "blk.0.attn_gate", "blk.0.ffn_gate", "blk.0.ffn_up",
      "blk.0.ffn_gate_exps", "blk.0.ffn_gate_shexp", "blk.0.ffn_down_exps", "blk.0.ssm_in",
      "blk.0.ssm_out", "blk.0.ssm_dt", "mm.0", "mm.2", "v.blk.0.attn_out", "v.blk.0.ffn_down",
      "enc.blk.0.ffn_gate", "blk.61.nextn.eh_proj", "per_layer_model_proj"}},
    {"this library's example engine",
     {"embed_tokens", "lm_head", "score_head"},
     {"0.up", "0.gate_up", "0.down", "0.q", "0.o"}}};

}  // namespace

BOOST_AUTO_TEST_CASE(embeddings_heads_norms_and_routers_fit_and_other_layers_do_not) {
  for (const family& models : families)
    for (const std::string ending : {"", ".weight"}) {
      for (const std::string& name : models.dense)
        BOOST_TEST(is_excluded(name + ending),
                   models.name << ": " << name << ending << " is pruned");
      for (const std::string& name : models.pruned)
        BOOST_TEST(!is_excluded(name + ending),
                   models.name << ": " << name << ending << " stays dense");
    }
}

// As a model inside of another, or of a wrapper, names it.
BOOST_AUTO_TEST_CASE(names_fit_below_others_too) {
  for (const family& models : families)
    for (const std::string prefix : {"model.language_model.", "base_model.model.", "module."}) {
      for (const std::string& name : models.pruned)
        BOOST_TEST(!is_excluded(prefix + name), prefix << name << " stays dense");
      for (const std::string& name : models.dense)
        if (name != "output" && name != "decoder" && !name.starts_with("cls."))
          BOOST_TEST(is_excluded(prefix + name), prefix << name << " is pruned");
    }
}

BOOST_AUTO_TEST_CASE(plans_exclude_them_unless_told_otherwise) {
  BOOST_TEST(tamp::plan_options{}.exclude == tamp::usual_exclusions(),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
