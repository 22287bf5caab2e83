// expects: token::select(context, policy, quota): a token policy has a role, `reads`, and
#include <tamp/tamp.hpp>
#include <vector>

struct policy {
  using role = tamp::role::token;
  std::vector<std::size_t> operator()(const tamp::token::context&, std::span<const std::size_t>,
                                      std::size_t) const {
    return {};
  }
};

void wrong(const tamp::token::context& context) {
  static_cast<void>(tamp::token::select(context, policy{}, {.keep = 1}));
}
