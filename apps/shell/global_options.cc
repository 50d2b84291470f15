#include "apps/shell/global_options.h"

#include <limits>

namespace isoflop::app {

void declare_global_options(OptionSet& options, GlobalOptions& global) {
  options.flag("--version,-V", global.version, "version and build facts");
  options.group("Output");
  options.flag("--json", global.json, "print the result as JSON (schema isoflop.COMMAND/1)");
  options.flag("--csv", global.csv, "print the main table as CSV");
  options.flag("--md", global.markdown, "print tables as Markdown");
  options.files("-o,--output", global.outputs,
                "also write FILE; .json .csv .md .txt .svg .png .pdf .html, the numbers behind the plot .plot.csv, "
                "its Vega-Lite form .vl.json (repeatable)");
  options.flag("--plot", global.plot, "draw the first plot on the terminal below the result");
  options.flag("--explain", global.explain,
               "print the chain from input to answer, and every assumption with its source");
  options.choice("--theme", global.theme, {"light", "dark"}, "colours of plots");
  options.text("--plot-size", global.plot_size,
               "WIDTHxHEIGHT of plots in px, such as 800x800; a PNG has twice as many");
  options.choice("--color", global.colour, {"auto", "always", "never"}, "colours on the terminal");
  options.flag("-q,--quiet", global.quiet, "no progress and no 'wrote FILE' lines");
  options.group("Run");
  options.whole("--seed", global.seed, "seed of every random draw (env ISOFLOP_SEED)", 0,
                std::numeric_limits<long>::max());
  options.whole("-j,--threads", global.threads, "threads; 0 = all. Results do not depend on it", 0, 4096);
  options.text("--data", global.data, "folder whose CSV tables replace the built-in ones (env ISOFLOP_DATA)");
  options.text("--input", global.input, "read options from the JSON object in this file (- = standard input)");
}

}  // namespace isoflop::app
