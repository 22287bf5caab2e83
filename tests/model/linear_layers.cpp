#include <tamp/model/linear_layers.hpp>

#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>
#include <string_view>

BOOST_AUTO_TEST_SUITE(model_linear_layers)

using tamp::block_place;
using tamp::block_place_of;
using tamp::expert_layout;
using tamp::expert_layout_of;
using tamp::linear_layer_of;

namespace {

// "stack 3 module", or "nothing".
std::string shown(const std::optional<block_place>& place) {
  if (!place) return "nothing";
  return std::string(place->stack) + ' ' + std::to_string(place->block) + ' ' +
         std::string(place->module);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_first_number_of_a_name_is_its_block) {
  BOOST_TEST(shown(block_place_of("model.layers.11.self_attn.q_proj.weight")) ==
             "model.layers 11 self_attn.q_proj");
  BOOST_TEST(shown(block_place_of("encoder.block.2.layer.1.DenseReluDense.wi.weight")) ==
             "encoder.block 2 layer.1.DenseReluDense.wi");
  BOOST_TEST(shown(block_place_of("blk.0.ffn_gate_exps.weight")) == "blk 0 ffn_gate_exps");
  BOOST_TEST(shown(block_place_of("model.layers.3.mlp.experts.gate_up_proj")) ==
             "model.layers 3 mlp.experts.gate_up_proj");
  BOOST_TEST(shown(block_place_of("h.7")) == "h 7 ");
  // Names without a block, and biases.
  for (const char* name :
       {"", ".", "weight", "lm_head.weight", "model.norm.weight", "12", "12.weight",
        "layers.x1.weight", "layers.1x.weight", "layers.-1.weight", "model.layers.1.q_proj.bias",
        "layers.99999999999999999999.q_proj.weight"})
    BOOST_TEST(shown(block_place_of(name)) == "nothing", name);
}

BOOST_AUTO_TEST_CASE(linear_layers_are_told_by_their_names) {
  for (const char* name : {"model.layers.0.self_attn.q_proj.weight",
                           "model.layers.0.mlp.down_proj.weight",
                           "h.0.attn.c_attn.weight",
                           "transformer.h.1.mlp.c_proj.weight",
                           "model.decoder.layers.0.fc1.weight",
                           "transformer.h.0.self_attention.query_key_value.weight",
                           "gpt_neox.layers.5.attention.dense.weight",
                           "gpt_neox.layers.5.mlp.dense_4h_to_h.weight",
                           "bert.encoder.layer.0.attention.self.query.weight",
                           "encoder.layer.0.attention.output.dense.weight",
                           "encoder.block.0.layer.0.SelfAttention.q.weight",
                           "model.encoder.layers.0.self_attn.out_proj.weight",
                           "language_model.model.layers.0.self_attn.o_proj.weight",
                           "vision_tower.vision_model.encoder.layers.3.mlp.fc2.weight",
                           "visual.blocks.0.attn.qkv.weight",
                           "visual.blocks.0.attn.proj.weight",
                           "model.layers.0.block_sparse_moe.experts.7.w2.weight",
                           "model.layers.0.mlp.experts.63.gate_proj.weight",
                           "model.layers.0.mlp.shared_expert.up_proj.weight",
                           "transformer.h.0.mlp.fc_in.weight",
                           "encoder.layers.0.feed_forward.intermediate_dense.weight",
                           "encoder.layer.0.attention.self.query_proj.weight",
                           "model.layers.0.block_sparse_moe.input_linear.weight",
                           "transformer.layers.0.self_attn.in_proj_weight",
                           "transformer.layers.0.linear1.weight",
                           "blk.0.attn_output.weight",
                           "blk.31.ffn_down_exps.weight",
                           "v.blk.0.attn_out.weight"})
    BOOST_TEST((linear_layer_of(name) == block_place_of(name) && linear_layer_of(name)), name);
}

BOOST_AUTO_TEST_CASE(all_else_is_none) {
  for (const char* name : {"model.embed_tokens.weight",
                           "lm_head.weight",
                           "model.layers.0.input_layernorm.weight",
                           "model.layers.0.self_attn.q_norm.weight",
                           "model.layers.0.self_attn.q_proj.bias",
                           "model.layers.0.block_sparse_moe.gate.weight",
                           "model.layers.0.mlp.gate.weight",
                           "model.layers.0.mlp.shared_expert_gate.weight",
                           "h.0.ln_1.weight",
                           "wte.weight",
                           "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                           "model.layers.0.mlp.experts.gate_up_proj_bias",
                           "model.layers.0.block_sparse_moe.router.layer.weight",
                           "model.layers.0.mixer.A_log",
                           "model.layers.0.mixer.conv1d.weight",
                           "bert.pooler.dense.weight",
                           "cls.predictions.transform.dense.weight",
                           "visual.merger.mlp.0.weight",
                           "multi_modal_projector.linear_1.weight",
                           "visual.patch_embed.proj.weight",
                           "blk.0.ffn_gate_inp.weight",
                           "blk.0.attn_norm.weight",
                           "token_embd.weight",
                           "output.weight",
                           "blk.0.attn_q.bias"})
    BOOST_TEST(shown(linear_layer_of(name)) == "nothing", name);
}

// A block of 32 features. Its experts have 48 of their own, and those of gate and up lie together.
BOOST_AUTO_TEST_CASE(shapes_say_how_experts_are_stored) {
  const std::string up = "model.layers.0.mlp.experts.gate_up_proj",
                    down = "model.layers.0.mlp.experts.down_proj";
  BOOST_TEST((expert_layout_of(up, 96, 32, 32) == expert_layout::out_in));
  BOOST_TEST((expert_layout_of(down, 32, 48, 32) == expert_layout::out_in));
  BOOST_TEST((expert_layout_of(up, 32, 96, 32) == expert_layout::in_out));
  BOOST_TEST((expert_layout_of(down, 48, 32, 32) == expert_layout::in_out));
  // Other names of layers that lead back to the block's features, and of those that read them.
  for (const char* name : {"h.0.moe.output_linear.weight", "h.0.experts.w2.weight",
                           "h.0.experts.fc2.weight", "blk.0.ffn_down_exps.weight"})
    BOOST_TEST((expert_layout_of(name, 32, 48, 32) == expert_layout::out_in), name);
  for (const char* name : {"h.0.moe.input_linear.weight", "h.0.experts.w1.weight",
                           "h.0.experts.fc1.weight", "blk.0.ffn_up_exps.weight"})
    BOOST_TEST((expert_layout_of(name, 32, 48, 32) == expert_layout::in_out), name);
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_decide_say_nothing) {
  const std::string up = "model.layers.0.mlp.experts.gate_up_proj";
  BOOST_TEST(!expert_layout_of(up, 32, 32, 32));  // both may be the inputs
  BOOST_TEST(!expert_layout_of(up, 96, 48, 32));  // neither is the block's
  BOOST_TEST(!expert_layout_of(up, 96, 48, 0));
  for (const char* name : {"mlp.experts.gate_up_proj", "model.layers.0.mlp.gate.weight",
                           "model.layers.0.mlp.experts.gate_up_proj_bias", ""})
    BOOST_TEST(!expert_layout_of(name, 96, 32, 32), name);
}

BOOST_AUTO_TEST_SUITE_END()
