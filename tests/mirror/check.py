#!/usr/bin/env python3
"""Checks that each header has a test file of its own, or stands below with the tests that cover it.

    check.py ROOT

include/tamp/score/wanda.hpp has tests/score/wanda.cpp. The headers of cuda/ are for tests/cuda, which is
arranged otherwise.
"""
import pathlib
import sys

COVERED = {
    # Headers with nothing to run: macros, names, plain values, checks at compile time, other headers.
    "config.hpp": "tests/mixed_flags tests/no_exceptions tests/error.cpp",
    "detail/mask_word.hpp": "tests/mask/bitmask.cpp",
    "io/safetensors.hpp": "tests/io/safetensors_file.cpp tests/io/safetensors_writer.cpp",
    "model/modality.hpp": "tests/model/layer_sample.cpp",
    "model/progress.hpp": "tests/prune/prune_model.cpp tests/prune/detail/running_report.cpp",
    "prune/detail/arguments.hpp": "tests/fail",
    "simd/intrinsics.hpp": "tests/simd/selection.cpp",
    "simd/regions.hpp": "tests/simd/selection.cpp",
    "tamp.hpp": "tests/odr",
    "token/quota.hpp": "tests/token/select.cpp",
    "token/selection.hpp": "tests/token/select.cpp tests/token/gather.cpp",
    "token/token_policy.hpp": "tests/token/select.cpp",
    # Headers whose effect shows only with flags of their own.
    "detail/bits_as_computed.hpp": "tests/mixed_flags/fast_math.cpp",
    # Adapters of libraries that tests/hosts fetches.
    "adapt/ggml.hpp": "tests/hosts/ggml/ggml.cpp",
    "adapt/mdspan.hpp": "tests/hosts/mdspan/mdspan.cpp",
    "adapt/torch.hpp": "tests/hosts/torch/torch.cpp",
    "adapt/torch_executor.hpp": "tests/hosts/torch/torch_executor.cpp",
    "adapt/torch_model.hpp": "tests/hosts/torch/torch_model.cpp",
    # Parts of one operation, which is tested as a whole.
    "adapt/detail/dlpack_matrix.hpp": "tests/adapt/dlpack.cpp",
    "io/detail/fields_file.hpp": "tests/io/token_weights.cpp tests/io/calibration.cpp",
    "io/detail/json_format.hpp": "tests/io/save_load.cpp",
    "io/detail/partial_file.hpp": "tests/io/detail/replaced_file.cpp",
    "io/gguf_header.hpp": "tests/io/gguf.cpp",
    "io/gguf_metadata.hpp": "tests/io/gguf.cpp",
    "io/safetensors_header.hpp": "tests/io/safetensors_file.cpp",
    "model/detail/dangling_list.hpp": "tests/fail/observed_temporary.cpp",
    "prune/detail/allocated_plan.hpp": "tests/prune/plan.cpp",
    "prune/detail/allocation_units.hpp": "tests/prune/plan_options.cpp",
    "prune/detail/column_scores.hpp": "tests/prune/order_columns.cpp tests/structure/permute.cpp",
    "prune/detail/empty_plan.hpp": "tests/prune/plan.cpp tests/prune/plan_options.cpp",
    "prune/detail/measured_weights.hpp": "tests/stat/reach.cpp",
    "prune/detail/repaired_weight.hpp": "tests/prune/detail/written_rows.cpp",
    "prune/detail/tied_layers.hpp": "tests/prune/plan_options.cpp",
    "mpi/detail/sums.hpp": "tests/mpi/calibrate.cpp tests/mpi/prune_model.cpp",
    "refine/concepts.hpp": "tests/refine/refined.cpp",
    "refine/detail/exchange_group.hpp": "tests/refine/swaps.cpp",
    "refine/detail/gram_matrix.hpp": "tests/refine/swaps.cpp tests/refine/layer_error.cpp",
    "refine/detail/refined_layer.hpp": "tests/refine/swaps.cpp",
    "refine/detail/refined_statistic.hpp": "tests/refine/refined.cpp",
    "refine/detail/residual_rows.hpp": "tests/refine/layer_error.cpp",
    "refine/detail/row_swaps.hpp": "tests/refine/swaps.cpp",
    "refine/refined_mask.hpp": "tests/refine/swaps.cpp",
    "score/detail/chosen_mask.hpp": "tests/prune/select.cpp tests/refine/refined.cpp",
    "score/detail/column_repair.hpp": "tests/score/sparsegpt.cpp tests/refine/repair.cpp",
    "sparse/detail/arranged_tokens.hpp": "tests/sparse/multiply.cpp",
    "token/detail/questions.hpp": "tests/token/select.cpp",
    "stat/detail/carried_energy.hpp": "tests/stat/contribution_gain.cpp",
    "sparse/detail/row_source.hpp": "tests/sparse/multiply.cpp",
    # Loops and their vectors, which are tested with what they are made for.
    "simd/comparisons.hpp": "tests/simd/mask_words.cpp tests/simd/similar_rows.cpp",
    "simd/cut.hpp": "tests/simd/selection.cpp",
    "simd/finite_checks.hpp": "tests/tensor/detail/finite.cpp",
    "simd/packed_rows.hpp": "tests/simd/products.cpp tests/simd/gram_product.cpp",
    "simd/vectors.hpp": "tests/simd/selection.cpp",
}


def main():
    root = pathlib.Path(sys.argv[1])
    library = root / "include" / "tamp"
    headers = {path.relative_to(library) for path in library.rglob("*.hpp")}
    alone = {header.as_posix() for header in headers
             if header.parts[0] != "cuda" and not (root / "tests" / header).with_suffix(".cpp").exists()}
    found = [f"{header} has no test" for header in sorted(alone - COVERED.keys())]
    found += [f"{header} has a test, or is none of the headers" for header in sorted(COVERED.keys() - alone)]
    found += [f"{test}, which covers {header}, is not there" for header in sorted(COVERED)
              for test in COVERED[header].split() if not (root / test).exists()]
    print("\n".join(found) or f"{len(COVERED)} headers are covered by tests of others")
    return len(found) > 0


if __name__ == "__main__":
    sys.exit(main())
