#include "isoflop/plot/heat_paths.h"

#include <doctest/doctest.h>

#include <string>

using isoflop::join_heat_cells;

namespace {

std::string cell(const std::string& colour, const std::string& points) {
  return "<polygon fill = '" + colour + "' points = '" + points + " '/>";
}

std::string many(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += cell(i % 2 ? "#ff0000" : "#00ff00", "10.50,40.00 12.00,40.00 12.00,38.25 10.50,38.25") + "\n";
  return text;
}

}  // namespace

TEST_CASE("cells of one colour become one path that draws the same rectangles") {
  const std::string joined = join_heat_cells("<g>" + many(64) + "</g>");
  const std::string rectangle = "M10.5 38.25h1.5v1.75h-1.5z";
  std::string half;
  for (int i = 0; i < 32; ++i) half += rectangle;
  CHECK(joined == "<g><path fill='#00ff00' d='" + half + "'/><path fill='#ff0000' d='" + half + "'/>\n</g>");
}

TEST_CASE("few cells, slanted ones and anything unforeseen stay as they are") {
  for (const std::string& same :
       {many(63), std::string(), std::string("<polygon fill = '"), cell("red", "1,2 3,4"), cell("red", ""),
        std::string("<polygon fill = 'red' points = ''/>"), std::string("<polygon fill = 'red' points = '1,2")})
    CHECK(join_heat_cells(same) == same);
  std::string slanted;
  for (int i = 0; i < 100; ++i) slanted += cell("red", "0,0 1,0.5 1,1 0,1");
  CHECK(join_heat_cells(slanted) == slanted);
}
