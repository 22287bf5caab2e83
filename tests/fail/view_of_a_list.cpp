// expects: a shape is given to elements that lie side by side: to a pointer, or to a range such as
// std::vector, std::array or std::span
#include <list>
#include <tamp/tamp.hpp>

void wrong(std::list<float>& numbers) { tamp::view(numbers, 2, 4); }
