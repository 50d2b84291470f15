#include "isoflop/report/page_assets.h"

namespace isoflop {

// `ast: true` makes Vega interpret its expressions instead of compiling them, which the policy forbids.
const char* const page_vega_script = R"js(
'use strict';
(function () {
var root = document.documentElement, views = {}, darkOf = JSON.parse(document.getElementById('vega-dark').textContent);
function isDark() { return root.dataset.theme ? root.dataset.theme === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches; }
function show(id) {
  var text = document.getElementById('vega-spec-' + id).textContent;
  // The specification is written in light colours; each has its dark counterpart.
  if (isDark()) text = text.replace(/"(#[0-9a-f]{6})"/g, function (all, colour) { return '"' + (darkOf[colour] || colour) + '"'; });
  var spec = JSON.parse(text), noteOf = {};
  Array.prototype.forEach.call(document.querySelectorAll('#fig-' + id + ' .view svg'), function (svg) {
    (svg.isoflopMarks || []).forEach(function (mark) {
      var colon = mark.text.indexOf(': ');
      noteOf[mark.text.slice(0, colon)] = mark.text.slice(colon + 2).split('; ').slice(2).join('; ');
    });
  });
  (spec.layer || []).forEach(function (layer) {
    ((layer.data && layer.data.values) || []).forEach(function (row) { if (row.note && noteOf[row.name]) row.note = noteOf[row.name]; });
  });
  (spec.layer || []).some(function (layer) {
    if (!layer.encoding || !layer.encoding.x || !layer.encoding.y || layer.mark.type === 'rule' || layer.mark.type === 'text') return false;
    layer.params = (layer.params || []).concat([{ name: 'zoom', select: 'interval', bind: 'scales' }]);
    return true;
  });
  vegaEmbed('#vega-' + id, spec, { ast: true, actions: false, renderer: 'svg', defaultStyle: false, tooltip: { disableDefaultStyle: true, id: 'vega-tip' } })
    .then(function (result) { views[id] = result; })
    .catch(function (problem) { document.getElementById('vega-' + id).textContent = String(problem); });
}
Array.prototype.forEach.call(document.querySelectorAll('button.explore'), function (button) {
  var id = button.dataset.figure, figure = document.getElementById('fig-' + id), target = document.getElementById('vega-' + id);
  button.addEventListener('click', function () {
    var on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(on));
    target.hidden = !on;
    figure.classList.toggle('exploring', on);
    if (on) show(id);
    else if (views[id]) { views[id].finalize(); delete views[id]; target.textContent = ''; }
  });
});
document.addEventListener('isoflop-theme', function () { Object.keys(views).forEach(show); });
})();
)js";

}  // namespace isoflop
