// Opens a report in headless Chromium over its debugging pipe (no package needed) and does what a reader does: hover,
// arrow keys, filter, sort, scale, theme, zoom; on a desk and on a phone. Fails on any console message, any request that leaves the page,
// or anything that does not work. Usage: node check_report.mjs CHROMIUM PAGE.html [FOLDER for screenshots]
import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [browser, page, pictures] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'isoflop-check-'));
const child = spawn(browser, ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions', '--disable-background-networking',
  '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const [toBrowser, fromBrowser] = [child.stdio[3], child.stdio[4]];
const waiting = new Map(), listeners = [];
let next = 1, buffer = Buffer.alloc(0);
fromBrowser.on('data', (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (let end; (end = buffer.indexOf(0)) !== -1; buffer = buffer.subarray(end + 1)) {
    const message = JSON.parse(buffer.subarray(0, end).toString());
    if (message.id && waiting.has(message.id)) {
      const { yes, no } = waiting.get(message.id);
      waiting.delete(message.id);
      message.error ? no(new Error(message.error.message)) : yes(message.result);
    } else listeners.forEach((l) => l(message));
  }
});
function send(method, params = {}, sessionId) {
  const id = next++;
  toBrowser.write(JSON.stringify({ id, method, params, sessionId }) + '\0');
  return new Promise((yes, no) => waiting.set(id, { yes, no }));
}
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const failures = [];
function claim(truth, words) {
  console.log((truth ? 'ok    ' : 'FAILED ') + words);
  if (!truth) failures.push(words);
}

async function visit({ name, width, height, dark, mobile }, work) {
  const { browserContextId } = await send('Target.createBrowserContext');
  const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method, params) => send(method, params, sessionId);
  const said = [], requested = [];
  let loaded;
  const ready = new Promise((done) => (loaded = done));
  const listen = (m) => {
    if (m.sessionId !== sessionId) return;
    if (m.method === 'Runtime.exceptionThrown') said.push(m.params.exceptionDetails.text + ' ' + (m.params.exceptionDetails.exception?.description ?? ''));
    if (m.method === 'Runtime.consoleAPICalled') said.push(m.params.type + ': ' + m.params.args.map((a) => a.value ?? a.description).join(' '));
    if (m.method === 'Log.entryAdded') said.push(m.params.entry.level + ': ' + m.params.entry.text);
    if (m.method === 'Network.requestWillBeSent') requested.push(m.params.request.url);
    if (m.method === 'Page.loadEventFired') loaded();
  };
  listeners.push(listen);
  await Promise.all(['Runtime.enable', 'Log.enable', 'Network.enable', 'Page.enable'].map((m) => call(m)));
  await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: !!mobile });
  await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
  const url = pathToFileURL(resolve(page)).href;
  await call('Page.navigate', { url });
  await ready;
  const run = async (expression) => {
    const answer = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (answer.exceptionDetails) throw new Error(name + ': ' + (answer.exceptionDetails.exception?.description ?? answer.exceptionDetails.text));
    return answer.result.value;
  };
  const shot = async (suffix, options = {}) => {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    const { data } = await call('Page.captureScreenshot', { format: 'png', ...options });
    writeFileSync(join(pictures, `${name}${suffix}.png`), Buffer.from(data, 'base64'));
  };
  console.log(`-- ${name}, ${width} x ${height}`);
  await work({ run, call, shot });
  await pause(100);
  claim(said.length === 0, `${name}: nothing on the console` + (said.length ? ': ' + said.slice(0, 3).join(' | ') : ''));
  const leaving = requested.filter((u) => u !== url && !u.startsWith('data:'));
  claim(leaving.length === 0, `${name}: no request but the page itself` + (leaving.length ? ': ' + leaving.join(' ') : ''));
  listeners.splice(listeners.indexOf(listen), 1);
  await send('Target.closeTarget', { targetId });
}

// A picture that is shown, has points, and the place of one of them on the screen.
const pickPoint = `(() => {
  const svg = [...document.querySelectorAll('.view svg')].find((s) => s.getBoundingClientRect().width > 0 && s.isoflopMarks && s.isoflopMarks.length > 3);
  if (!svg) return null;
  svg.scrollIntoView({ block: 'center' });
  const mark = svg.isoflopMarks[Math.floor(svg.isoflopMarks.length / 2)], box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
  window.checked = svg;
  return { x: box.left + mark.x * scale, y: box.top + mark.y * scale, text: mark.text };
})()`;
const tip = `(() => { const t = document.querySelector('.tip'); return t.hidden ? '' : t.textContent; })()`;

async function hover({ run, call }) {
  const point = await run(pickPoint);
  if (!point) return;
  await pause(80);
  await call('Input.dispatchMouseEvent', { type: 'mouseMoved', x: point.x, y: point.y });
  await pause(80);
  const text = await run(tip);
  claim(text.length > 0, `hover shows a point: ${text.slice(0, 90)}`);
  return point;
}

async function desk({ run, call, shot }) {
  await shot('-top');
  claim(await run(`document.documentElement.classList.contains('js')`), 'the script runs under the policy');
  claim(await run(`document.querySelector('meta[http-equiv=Content-Security-Policy]').content.includes("default-src 'none'")`), 'a strict policy stands in the page');
  if (await hover({ run, call })) {
    await shot('-hover');
    await run(`window.checked.focus()`);
    const seen = new Set();
    for (let k = 0; k < 3; ++k) {
      await call('Input.dispatchKeyEvent', { type: 'keyDown', key: 'ArrowRight', code: 'ArrowRight', windowsVirtualKeyCode: 39 });
      seen.add(await run(tip));
    }
    claim(seen.size === 3 && !seen.has(''), 'arrow keys step through the points');
    await call('Input.dispatchKeyEvent', { type: 'keyDown', key: 'Escape', code: 'Escape', windowsVirtualKeyCode: 27 });
    claim((await run(tip)) === '', 'Escape hides the text');
  }
  const filter = await run(`(() => {
    const figure = [...document.querySelectorAll('figure')].find((f) => f.querySelectorAll('button.group').length > 1);
    if (!figure) return null;
    const off = () => figure.querySelectorAll('.wide use.off').length, all = figure.querySelectorAll('.wide use[data-g]').length;
    figure.scrollIntoView();
    figure.querySelector('button.group').click();
    const filtered = off();
    window.filtered = figure;
    return { all, filtered };
  })()`);
  if (filter) {
    claim(filter.filtered > 0 && filter.filtered < filter.all, `a click on a family fades the others (${filter.filtered} of ${filter.all})`);
    await pause(250);
    await shot('-filter');
    claim((await run(`(window.filtered.querySelector('button.reset').click(), window.filtered.querySelectorAll('use.off').length)`)) === 0, 'all brings them back');
  }
  const scale = await run(`(() => {
    const button = document.querySelector('button.scale');
    if (!button) return null;
    const figure = button.closest('figure'), shown = () => [...figure.querySelectorAll('.variant')].filter((v) => !v.hidden).map((v) => v.dataset.variant).join();
    const before = shown(); button.click(); const after = shown(); figure.scrollIntoView();
    return { before, after };
  })()`);
  if (scale) {
    claim(scale.before === 'main' && scale.after === 'other', 'the scale button shows the other axis');
    await pause(100);
    await shot('-scale');
  }
  const sorted = await run(`(() => {
    const table = [...document.querySelectorAll('table')].find((t) => t.tBodies[0].rows.length > 4);
    const heads = [...table.querySelectorAll('thead th')], column = heads.findIndex((h) => h.classList.contains('n'));
    if (column < 0) return null;
    heads[column].querySelector('button').click();
    const values = [...table.tBodies[0].rows].map((r) => parseFloat(r.cells[column].dataset.v ?? r.cells[column].textContent)).filter((v) => !isNaN(v));
    return values.length > 1 && values.every((v, i) => i === 0 || values[i - 1] <= v);
  })()`);
  if (sorted !== null) claim(sorted, 'a click on a heading sorts by numbers');
  const themes = await run(`(() => {
    const ground = () => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector('.view svg rect') || document.body).fill;
    const before = ground(); document.querySelector('button.theme').click(); const after = ground(); document.querySelector('button.theme').click();
    return before !== after && before === ground();
  })()`);
  claim(themes, 'the theme button changes page and pictures, and back');
  const zoom = await run(`(async () => {
    const button = document.querySelector('button.explore');
    if (!button) return null;
    button.click(); button.closest('figure').scrollIntoView();
    for (let k = 0; k < 100; ++k) { await new Promise((d) => setTimeout(d, 50)); if (document.querySelector('.vega svg')) return true; }
    return document.querySelector('.vega').textContent || 'nothing drawn';
  })()`);
  if (zoom !== null) {
    claim(zoom === true, 'zoom and pan draws a Vega view' + (zoom === true ? '' : ': ' + zoom));
    await pause(300);
    await shot('-zoom');
  }
  const unnamed = await run(`[...document.querySelectorAll('svg')].filter((s) => s.getAttribute('aria-hidden') !== 'true' && !s.closest('.vega') && !(s.getAttribute('aria-label') || '').trim()).length`);
  claim(unnamed === 0, 'every picture has a name');
  const ids = await run(`(() => { const ids = [...document.querySelectorAll('[id]')].filter((e) => !e.closest('.vega')).map((e) => e.id); return ids.length - new Set(ids).size; })()`);
  claim(ids === 0, 'ids are unique');
  await run(`document.querySelectorAll('details').forEach((d) => { d.open = true; })`);
  await run(`document.querySelectorAll('button[aria-pressed=true].explore').forEach((b) => b.click())`);
}

async function everySection({ run, shot }, prefix) {
  const ids = await run(`[...document.querySelectorAll('main > section')].map((s) => s.id)`);
  for (const id of ids) {
    await run(`document.getElementById('${id}').scrollIntoView()`);
    await pause(60);
    await shot(prefix + id);
  }
}

let code = 1;
const guard = setTimeout(() => { console.log('FAILED the browser does not answer'); child.kill('SIGKILL'); process.exit(1); }, 240000);
try {
  const bytes = statSync(page).size;
  claim(bytes < 3e6, `the page is under 3 MB (${(bytes / 1e6).toFixed(2)} MB)`);
  await visit({ name: 'light', width: 1280, height: 900 }, async (t) => { await desk(t); if (pictures) await everySection(t, '-at-'); });
  await visit({ name: 'dark', width: 1280, height: 900, dark: true }, async (t) => {
    claim((await t.run('getComputedStyle(document.body).backgroundColor')) === 'rgb(18, 18, 18)', 'the dark theme follows the system');
    await hover(t);
    await t.shot('-hover');
    if (pictures) await everySection(t, '-at-');
  });
  await visit({ name: 'phone', width: 390, height: 844, mobile: true }, async (t) => {
    claim((await t.run('document.documentElement.scrollWidth')) <= 390, 'nothing is wider than a phone');
    claim((await t.run(`[...document.querySelectorAll('.wide')].every((v) => v.getBoundingClientRect().width === 0)`)), 'phones get the narrow pictures');
    await hover(t);
    await t.shot('-hover');
    if (pictures) await everySection(t, '-at-');
  });
  code = failures.length ? 1 : 0;
  console.log(code ? `${failures.length} checks failed` : 'all checks passed');
} catch (problem) {
  console.log('FAILED ' + problem.stack);
} finally {
  clearTimeout(guard);
  await Promise.race([send('Browser.close').catch(() => {}), pause(2000)]);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await Promise.race([gone, pause(2000)]);
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });  // its helpers may still write
}
process.exit(code);
