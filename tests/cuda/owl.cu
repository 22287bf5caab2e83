#include "support.hpp"

#include <limits>
#include <memory>
#include <string>
#include <tamp/cuda/owl.cuh>
#include <tamp/execute/sequential.hpp>
#include <tamp/score/magnitude.hpp>
#include <utility>
#include <vector>

#include "../support/errors.hpp"
#include "golden.hpp"

BOOST_AUTO_TEST_SUITE(cuda_owl)

namespace {

using support::matrix, support::device_matrix, support::check_error;
using tamp::allocate::owl, tamp::score::magnitude;
const auto on = tamp::on(nullptr);

/// Norms on the device of a layer that saw some tokens.
struct device_norms {
  tamp::matrix_view<const float, tamp::cuda_space> numbers;
  std::size_t seen = 1;

  auto values() const { return numbers; }
  std::size_t tokens() const { return seen; }
};

/// The same on the CPU.
struct host_norms {
  std::vector<float> numbers;
  std::size_t seen = 1;

  const std::vector<float>& values() const { return numbers; }
  std::size_t tokens() const { return seen; }
};

/// One model twice: what the GPU is shown, and what the CPU is.
template <class T>
struct both {
  struct layer {
    layer(std::string name, const matrix<T>& w, std::vector<float> norms, std::size_t tokens = 1)
        : layer(std::move(name), w, std::move(norms), tokens, static_cast<std::ptrdiff_t>(w.cols()),
                1) {}
    layer(std::string layer_name, const matrix<T>& w, std::vector<float> norms, std::size_t tokens,
          std::ptrdiff_t row_stride, std::ptrdiff_t col_stride)
        : name(std::move(layer_name)),
          host(w),
          host_seen{norms, tokens},
          weight(w, row_stride, col_stride),
          row(support::device_row(norms)) {}
    std::string name;
    matrix<T> host;
    host_norms host_seen;
    device_matrix<T> weight;
    device_matrix<float> row;
  };
  std::vector<std::vector<std::unique_ptr<layer>>> units;

  void add(std::size_t unit, auto&&... of_layer) {
    if (units.size() <= unit) units.resize(unit + 1);
    units[unit].push_back(std::make_unique<layer>(std::forward<decltype(of_layer)>(of_layer)...));
  }

  struct shown {
    const both& model;
    std::size_t size() const { return model.units.size(); }
    std::string name(std::size_t unit) const { return "block " + std::to_string(unit); }
    std::size_t num_params(std::size_t unit) const {
      std::size_t sum = 0;
      for (const auto& one : model.units[unit]) sum += one->host.rows() * one->host.cols();
      return sum;
    }
  };
  struct shown_to_gpu : shown {
    void visit(std::size_t unit, const auto& use) const {
      for (const auto& one : this->model.units[unit])
        use(std::string_view(one->name), one->weight.view(),
            device_norms{one->row.view(), one->host_seen.seen});
    }
  };
  struct shown_to_cpu : shown {
    void visit(std::size_t unit, const auto& use) const {
      for (const auto& one : this->model.units[unit])
        use(std::string_view(one->name), tamp::detail::source(std::as_const(one->host)),
            one->host_seen);
    }
  };
  shown_to_gpu on_gpu() const { return {{*this}}; }
  shown_to_cpu on_cpu() const { return {{*this}}; }
};

/// The GPU shares out as the CPU does, and refuses as it does.
template <class T, class Score>
void check_equal(const owl<Score>& policy, const both<T>& model) {
  const auto expected = policy(tamp::execute::sequential{}, model.on_cpu());
  const auto found = tamp::cuda::allocate_by(on, model.on_gpu(), policy);
  BOOST_TEST(found.sparsities == expected.sparsities, boost::test_tools::per_element());
  BOOST_TEST(found.notes == expected.notes, boost::test_tools::per_element());
}

std::vector<float> ones(std::size_t count) { return std::vector<float>(count, 1.0f); }

/// OWL's answer to weights and norms on the GPU.
void check_refused(std::string_view sentence, const matrix<float>& weight,
                   std::vector<float> norms) {
  both<float> model;
  model.add(0, "block 0.q", matrix<float>(2, 3, 1.0f), ones(3));
  model.add(0, "block 0.k", weight, norms);
  model.add(1, "block 1.q", matrix<float>(2, 3, 2.0f), ones(3));
  const auto ratios = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), owl<>{});
  check_error<tamp::value_error>(sentence, [&] { ratios.to_host(on); });
  check_error<tamp::value_error>(sentence,
                                 [&] { owl<>{}(tamp::execute::sequential{}, model.on_cpu()); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(by_hand_the_percentage_of_scores_that_stand_out) {
  both<float> model;
  model.add(0, "a", matrix<float>{{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}}, ones(5));
  model.add(1, "b", matrix<float>{{1, 1, 1, 1, 100}, {1, 1, 1, 1, 1}}, ones(5));
  model.add(2, "c", matrix<float>{{1, 1, 1, 1, 100}, {-100, 1, 1, 1, 1}}, ones(5));
  const owl<magnitude> policy{0.5, 2.5, 0.1, {}};
  const auto ratios = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), policy);
  BOOST_TEST(ratios.to_host(on) == (std::vector<double>{0, 10, 20}),
             boost::test_tools::per_element());
  std::vector<double> there(3);
  cudaMemcpyAsync(there.data(), ratios.values().data(), 24, cudaMemcpyDeviceToHost, nullptr);
  on.wait();
  BOOST_TEST(there == (std::vector<double>{0, 10, 20}), boost::test_tools::per_element());
  const auto answer = tamp::cuda::allocate_by(on, model.on_gpu(), policy);
  BOOST_REQUIRE(answer.sparsities.size() == 3u);
  BOOST_TEST(answer.sparsities[0] == 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(answer.sparsities[2] == 0.4, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(the_mean_is_over_all_layers_of_a_unit) {
  both<float> model;  // 100 is the mean of its own layer, but not of its block
  model.add(0, "a", matrix<float>(1, 4, 1.0f), ones(4));
  model.add(0, "b", matrix<float>{{100}}, ones(1));
  model.add(1, "c", matrix<float>(1, 5, 3.0f), ones(5));
  const owl<magnitude> policy{0.5, 4, 0.1, {}};
  const auto ratios = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), policy);
  BOOST_TEST(ratios.to_host(on) == (std::vector<double>{20, 0}), boost::test_tools::per_element());
  BOOST_TEST(ratios.scores(0) == 5u);
}

BOOST_AUTO_TEST_CASE(equals_the_cpu_in_every_type_and_layout) {
  const auto check = [&]<class T>(T) {
    both<T> model;
    unsigned seed = 0;
    for (const auto& [rows, cols] : std::initializer_list<std::pair<std::size_t, std::size_t>>{
             {1, 1}, {3, 17}, {33, 129}, {70, 16}, {5, 300}, {20, 255}}) {
      const auto w = support::as<T>(support::random_matrix(rows, cols, ++seed));
      const auto norms = support::random_norms(cols, seed);
      const auto r = static_cast<std::ptrdiff_t>(rows), c = static_cast<std::ptrdiff_t>(cols);
      model.add(0, "rows", w, norms, 1, c + 5, 1);
      model.add(seed, "rows", w, norms, 1, c, 1);
      model.add(seed, "columns", w, norms, 1, 1, r + 3);
      model.add(seed, "every third", w, norms, 1, 3 * c, 3);
    }
    for (const double M : {0.0, 1.0, 2.0, 3.5, 7.0}) {
      check_equal(owl<>{0.5, M}, model);
      if constexpr (std::is_same_v<T, float>) check_equal(owl<magnitude>{0.6, M}, model);
    }
  };
  check(float{});
  check(double{});
  check(__nv_bfloat16{});
}

BOOST_AUTO_TEST_CASE(scores_at_the_threshold_itself_are_judged_as_on_the_cpu) {
  // Sums that are rounded: equal weights are, or are not, above 1 times their mean.
  both<float> model;
  for (unsigned u = 0; u < 6; ++u) {
    const float weight = 0.1f * static_cast<float>(u + 1);
    model.add(u, "a", matrix<float>(37, 41 + u, weight), ones(41 + u));
    model.add(u, "b", matrix<float>(5, 3, weight), ones(3));
  }
  for (const double M : {1.0, 1.0 - 1e-15, 1.0 + 1e-15}) check_equal(owl<magnitude>{0.5, M}, model);
  const matrix<float> ties = support::matrix_of_ties(60, 70, 3);
  both<float> tied;
  tied.add(0, "a", ties, ones(70));
  tied.add(1, "b", support::matrix_of_ties(61, 64, 4), ones(64));
  for (const double M : {0.0, 1.0, 2.0}) check_equal(owl<>{0.5, M}, tied);
}

BOOST_AUTO_TEST_CASE(a_layer_that_saw_nothing_has_no_part) {
  both<float> model;
  const matrix<float> w(1, 4, 1.0f);
  model.add(0, "a", w, std::vector<float>{1, 1, 1, 97});
  model.add(0, "b", w, ones(4), 0u);
  model.add(1, "c", w, ones(4));
  model.add(2, "d", w, ones(4), 0u);
  check_equal(owl<>{0.5, 3, 0.08}, model);
  const auto found = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), owl<>{0.5, 3});
  BOOST_TEST(found.scores(2) == 0u);
  BOOST_TEST(found.notes().size() == 2u);
  // A score that needs no statistic looks at all of them.
  check_equal(owl<magnitude>{0.5, 3, 0.08}, model);
}

BOOST_AUTO_TEST_CASE(units_and_layers_without_weights_are_nothing_special) {
  both<float> model;
  model.add(0, "empty", matrix<float>(0, 4), ones(4));
  model.add(1, "a", matrix<float>{{1, 9, 1, 1}}, ones(4));
  model.add(1, "without columns", matrix<float>(3, 0), ones(0));
  model.add(2, "b", matrix<float>{{1, 1, 1, 1}}, ones(4));
  check_equal(owl<>{0.5, 2, 0.08}, model);
  check_equal(owl<>{0.5, 2, 0.08}, both<float>{});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_is_named_with_its_layer) {
  matrix<float> weight(3, 4, 1.0f);
  weight(1, 2) = support::not_a_number;
  weight(2, 0) = support::infinity;
  check_refused("owl: the weight in row 1, column 2 of block 0.k is nan", weight, ones(4));
  check_refused("owl: the statistic of column 3 of block 0.k is inf", weight,
                {1, 1, 1, support::infinity});
  check_refused("owl: the weight in row 0, column 1 of block 0.k is -inf",
                {{1, -support::infinity}}, ones(2));
}

BOOST_AUTO_TEST_CASE(shapes_are_refused_before_anything_is_started) {
  both<float> model;
  model.add(0, "block 0.q", matrix<float>(2, 3, 1.0f), ones(4));
  check_error<tamp::shape_error>(
      "owl: the weight of block 0.q has 3 columns, the statistics cover 4",
      [&] { tamp::cuda::outlier_ratios_of(on, model.on_gpu(), owl<>{}); });
}

BOOST_AUTO_TEST_CASE(a_parameter_out_of_its_range_is_refused_before_anything_is_started) {
  both<float> model;
  model.add(0, "block 0.q", matrix<float>(2, 3, 1.0f), ones(3));
  check_error<tamp::value_error>("owl: M is a finite number of at least 0, not -5", [&] {
    tamp::cuda::outlier_ratios_of(on, model.on_gpu(), owl<>{.M = -5});
  });
}

BOOST_AUTO_TEST_CASE(sums_that_are_too_large_are_refused) {
  both<double> model;
  model.add(0, "a", matrix<double>(2, 3, std::numeric_limits<double>::max()), ones(3));
  const auto ratios = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), owl<magnitude>{});
  check_error<tamp::value_error>("owl: the scores of block 0 are too large to be summed",
                                 [&] { ratios.to_host(on); });
}

BOOST_AUTO_TEST_CASE(golden_vectors) {
  const support::golden_file file("owl");
  both<float> model;
  for (const auto& name : file.names_of("in.score.")) {
    const auto m = file.matrix_of(name);
    model.add(std::stoul(name.substr(9)), name, m, ones(m.cols()));
  }
  owl<magnitude> policy{.M = std::stod(file.metadata.at("M")),
                        .lambda = std::stod(file.metadata.at("lam"))};
  const auto found = tamp::cuda::outlier_ratios_of(on, model.on_gpu(), policy).to_host(on);
  BOOST_TEST(found == file.values<double>("out.outlier_ratio"), boost::test_tools::per_element());
  for (const auto& name : file.names_of("out.owl.")) {
    policy.sparsity = std::stod(name.substr(8));
    const auto answer = tamp::cuda::allocate_by(on, model.on_gpu(), policy);
    BOOST_TEST(answer.sparsities == file.values<double>(name),
               boost::test_tools::tolerance(1e-10) << boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(ratios_take_what_bytes_needed_says) {
  both<float> model;
  for (const std::size_t unit : {0u, 1u})
    for (const char* const layer : {"q", "k"})
      model.add(unit, layer, support::random_matrix(40 + 30 * unit, 20, 3), ones(20));
  support::check_bytes_needed([&](const tamp::cuda::on_stream& given) {
    tamp::cuda::outlier_ratios_of(given, model.on_gpu(), owl<>{});
  });
}

BOOST_AUTO_TEST_SUITE_END()
