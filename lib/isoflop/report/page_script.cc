#include "isoflop/report/page_assets.h"

namespace isoflop {

// Hover and keyboard, filter, scale switch, sorting, theme. The page reads without it.
const char* const page_script = R"js(
'use strict';
(function () {
var root = document.documentElement;
root.classList.add('js');
function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); }

var themeButton = document.querySelector('.theme');
var dark = window.matchMedia('(prefers-color-scheme: dark)');
function isDark() { return root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches; }
function showTheme() {
  themeButton.textContent = isDark() ? 'Light theme' : 'Dark theme';
  document.dispatchEvent(new Event('isoflop-theme'));
}
try { var kept = localStorage.getItem('isoflop-theme'); if (kept === 'dark' || kept === 'light') root.dataset.theme = kept; } catch (e) { /* no storage */ }
themeButton.addEventListener('click', function () {
  var wanted = isDark() ? 'light' : 'dark';
  var isSystem = wanted === (dark.matches ? 'dark' : 'light');
  if (isSystem) delete root.dataset.theme; else root.dataset.theme = wanted;
  try { if (isSystem) localStorage.removeItem('isoflop-theme'); else localStorage.setItem('isoflop-theme', wanted); } catch (e) { /* no storage */ }
  showTheme();
});
dark.addEventListener('change', showTheme);
showTheme();

var tip = document.createElement('div');
tip.className = 'tip';
tip.setAttribute('role', 'status');
tip.hidden = true;
document.body.appendChild(tip);
var nearMark = null;
function hideTip() {
  tip.hidden = true;
  if (nearMark) nearMark.node.classList.remove('near');
  nearMark = null;
}
function showTip(svg, mark) {
  if (nearMark !== mark) {
    hideTip();
    nearMark = mark;
    mark.node.classList.add('near');
    tip.textContent = '';
    var colon = mark.text.indexOf(': ');
    var head = document.createElement('strong');
    head.textContent = colon === -1 ? mark.text : mark.text.slice(0, colon);
    tip.appendChild(head);
    (colon === -1 ? [] : mark.text.slice(colon + 2).split('; ')).forEach(function (part) {
      var line = document.createElement('span');
      line.textContent = part;
      tip.appendChild(line);
    });
  }
  tip.hidden = false;
  var box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
  var x = box.left + mark.x * scale, y = box.top + mark.y * scale;
  var left = x + 14 + tip.offsetWidth > window.innerWidth ? x - 14 - tip.offsetWidth : x + 14;
  var top = y + 14 + tip.offsetHeight > window.innerHeight ? y - 14 - tip.offsetHeight : y + 14;
  tip.style.left = Math.max(4, left) + 'px';
  tip.style.top = Math.max(4, top) + 'px';
}

var textOf = {};
function prepare(svg) {
  var title = svg.querySelector('title'), desc = svg.querySelector('desc');
  svg.setAttribute('aria-label', title.textContent + '. ' + desc.textContent);
  svg.removeAttribute('aria-labelledby');
  title.remove();
  var marks = [];
  var figure = svg.closest('figure').id;
  all('use[data-i],rect.bar', svg).forEach(function (node) {
    // Pictures of one plot share their texts; the first has them.
    var key = figure + ' ' + node.tagName + node.getAttribute('data-i'), title = node.querySelector('title');
    if (title) { textOf[key] = title.textContent; title.remove(); }
    if (!textOf[key]) return;
    var mark = { node: node, text: textOf[key], group: node.getAttribute('data-g') };
    if (node.tagName === 'use') {
      var place = /translate\(([-\d.]+),([-\d.]+)\)/.exec(node.getAttribute('transform'));
      mark.x = +place[1];
      mark.y = +place[2];
    } else {
      mark.box = { x: +node.getAttribute('x'), y: +node.getAttribute('y'), w: +node.getAttribute('width'), h: +node.getAttribute('height') };
      mark.x = mark.box.x + mark.box.w;
      mark.y = mark.box.y + mark.box.h / 2;
    }
    marks.push(mark);
  });
  svg.isoflopMarks = marks;
  if (!marks.length) return;
  marks.sort(function (a, b) { return a.box ? a.y - b.y || a.x - b.x : a.x - b.x || b.y - a.y; });
  function shown() { return marks.filter(function (m) { return !m.node.classList.contains('off'); }); }
  function point(event) {
    var box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    var x = (event.clientX - box.left) / scale, y = (event.clientY - box.top) / scale, best = null, least = Math.pow(22 / scale, 2);
    shown().forEach(function (m) {
      var d = (m.x - x) * (m.x - x) + (m.y - y) * (m.y - y), b = m.box;
      if (b) d = x >= b.x && b.x + b.w >= x && y >= b.y && b.y + b.h >= y ? 0 : Infinity;
      if (d < least) { least = d; best = m; }
    });
    if (best) showTip(svg, best); else hideTip();
  }
  svg.addEventListener('pointermove', point);
  svg.addEventListener('pointerdown', point);
  svg.addEventListener('pointerleave', hideTip);
  svg.setAttribute('tabindex', '0');
  svg.setAttribute('role', 'group');
  svg.setAttribute('aria-roledescription', 'chart; arrow keys step through its points');
  var at = -1;
  svg.addEventListener('keydown', function (event) {
    var list = shown(), step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') { hideTip(); return; }
    if (!list.length) return;
    if (event.key === 'Home') at = 0;
    else if (event.key === 'End') at = list.length - 1;
    else if (step) at = at === -1 && step === -1 ? list.length - 1 : (at + step + list.length) % list.length;
    else return;
    event.preventDefault();
    at = Math.min(at, list.length - 1);
    showTip(svg, list[at]);
  });
  svg.addEventListener('blur', function () { at = -1; hideTip(); });
}
all('.view svg').forEach(prepare);
window.addEventListener('scroll', hideTip, { passive: true });

all('figure').forEach(function (figure) {
  var buttons = all('button.group', figure);
  function apply() {
    var off = {};
    buttons.forEach(function (b) { if (b.getAttribute('aria-pressed') === 'false') off[b.dataset.g] = true; });
    all('.view [data-g]', figure).forEach(function (mark) { mark.classList.toggle('off', !!off[mark.getAttribute('data-g')]); });
    var reset = figure.querySelector('button.reset');
    if (reset) reset.disabled = !Object.keys(off).length;
  }
  buttons.forEach(function (button) {
    button.addEventListener('click', function () {
      var every = buttons.every(function (b) { return b.getAttribute('aria-pressed') === 'true'; });
      if (every) buttons.forEach(function (b) { b.setAttribute('aria-pressed', String(b === button)); });
      else button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
      if (buttons.every(function (b) { return b.getAttribute('aria-pressed') === 'false'; }))
        buttons.forEach(function (b) { b.setAttribute('aria-pressed', 'true'); });
      apply();
    });
  });
  var reset = figure.querySelector('button.reset');
  if (reset) {
    reset.disabled = true;
    reset.addEventListener('click', function () {
      buttons.forEach(function (b) { b.setAttribute('aria-pressed', 'true'); });
      apply();
    });
  }
  var scale = figure.querySelector('button.scale');
  if (scale) scale.addEventListener('click', function () {
    var other = scale.getAttribute('aria-pressed') !== 'true';
    scale.setAttribute('aria-pressed', String(other));
    all('.variant', figure).forEach(function (v) { v.hidden = (v.dataset.variant === 'other') !== other; });
    hideTip();
  });
});

all('table').forEach(function (table) {
  var body = table.tBodies[0], heads = all('thead th', table);
  heads.forEach(function (head, column) {
    var button = document.createElement('button');
    button.type = 'button';
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener('click', function () {
      var up = head.getAttribute('aria-sort') !== 'ascending';
      heads.forEach(function (h) { h.removeAttribute('aria-sort'); });
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      var rows = all('tr', body).map(function (row, index) {
        var cell = row.cells[column], value = cell ? cell.getAttribute('data-v') : null;
        return { row: row, index: index, text: cell ? cell.textContent : '', value: parseFloat(value === null ? (head.classList.contains('n') && cell ? cell.textContent : '') : value) };
      });
      rows.sort(function (a, b) {
        var blankA = a.text === '-' || a.text === '', blankB = b.text === '-' || b.text === '';
        if (blankA !== blankB) return blankA ? 1 : -1;
        var order = isNaN(a.value) || isNaN(b.value) ? a.text.localeCompare(b.text) : a.value - b.value;
        return (up ? order : -order) || a.index - b.index;
      });
      rows.forEach(function (entry) { body.appendChild(entry.row); });
    });
  });
});

window.addEventListener('beforeprint', function () { all('details').forEach(function (d) { d.dataset.was = d.open ? '1' : ''; d.open = true; }); });
window.addEventListener('afterprint', function () { all('details').forEach(function (d) { d.open = d.dataset.was === '1'; }); });
})();
)js";

}  // namespace isoflop
