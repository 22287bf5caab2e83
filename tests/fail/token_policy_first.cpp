// expects: token::select(context, policy, quota): the context comes before the policy
#include <tamp/tamp.hpp>
#include <vector>

void wrong(const tamp::token::context& context) {
  static_cast<void>(tamp::token::select(tamp::token::random_choice{}, context, {.keep = 1}));
}
