// expects: this list is a temporary, and its numbers are gone before the layers of the sample are
// shown: give it a name
#include <tamp/tamp.hpp>
#include <vector>

template <class Observer>
void observe(Observer& observer) {
  observer.modality(std::vector<tamp::modality>(4));
}
template void observe(tamp::detail::block_observer<tamp::execute::sequential>&);
