// The page: what is typed goes to the server, and what it says of the text is shown beside it. In a page that stands alone everything has
// been said already. What is shown follows one state: the analysis, the step of the sweep, and which lines and nodes are lit.
'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const SVG = 'http://www.w3.org/2000/svg';
  const said = $('analysis');
  const isLive = !said;
  const text = $('text');
  // After the last keystroke, in milliseconds.
  const PAUSE = 200;
  // For a first answer, in seconds; what takes longer is asked for anew.
  const SOON = 0.8;

  let analysis = null;
  let position = 0;
  let zoom = 0;
  let lit = { nodes: new Set(), lines: new Set() };

  // An element with attributes and what is in it.
  function make(tag, attributes = {}, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === 'class') made.className = value;
      else if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...inside.filter((part) => part !== null));
    return made;
  }

  const textLines = () => text.value.split('\n');
  const marks = { right: '✓', wrong: '✗', right_given_wrong_inputs: '~', unjudged: '?' };
  const inWords = {
    right: 'right',
    wrong: 'wrong',
    right_given_wrong_inputs: 'right, fed by what is wrong above',
    unjudged: 'not judged',
  };

  // ---- the server -------------------------------------------------------------------------------------------------

  let timer = 0;
  let asking = null;

  function ask(pause) {
    clearTimeout(timer);
    document.body.classList.add('stale');
    timer = setTimeout(check, pause);
  }

  async function check() {
    if (asking) asking.abort();
    const mine = new AbortController();
    asking = mine;
    try {
      for (const seconds of [SOON, null]) {
        const answer = await fetch('/api/check', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ text: text.value, seconds }),
          signal: mine.signal,
        });
        const body = await answer.json();
        if (asking !== mine) return;
        if (!answer.ok) throw new Error(body.error);
        const goesOn = body.is_late && seconds !== null;
        show({ ...body, goesOn });
        if (!goesOn) return;
      }
    } catch (error) {
      if (error.name === 'AbortError' || asking !== mine) return;
      const lost = error instanceof TypeError;
      sayVerdict('error', lost ? 'No answer' : 'Refused', lost ? 'Does retrograd serve still run?' : error.message);
    }
  }

  // ---- what was said ----------------------------------------------------------------------------------------------

  function show(next) {
    const before = analysis;
    analysis = next;
    document.body.classList.remove('stale');
    showVerdict();
    showFindings();
    showSliders();
    if (analysis.error) {
      // The last graph stays, paler: it is of a text that could be read.
      $('drawing').classList.add('stale');
      if (before) analysis = { ...before, error: analysis.error, statements: [], forward: [], findings: [] };
    } else {
      $('drawing').classList.remove('stale');
      const n = analysis.steps.length;
      const kept = before && before.steps && before.steps.length === n && position <= n;
      position = kept ? position : n + 1;
      drawGraph();
      writeFormulas();
      writeLines();
    }
    writeEditor();
    move(position, false);
    document.body.dataset.shown = String(Number(document.body.dataset.shown || 0) + 1);
  }

  function sayVerdict(kind, strong, rest) {
    const place = $('verdict');
    place.dataset.verdict = kind;
    place.replaceChildren(make('strong', {}, strong), rest ? make('small', {}, ' ' + rest) : '');
  }

  function showVerdict() {
    const { error, verdict, loss, value, statements, goesOn } = analysis;
    const reason = goesOn && verdict !== null ? 'Looking for what belongs there…' : analysis.reason;
    if (goesOn && verdict === null) return sayVerdict('judging', 'Judging…', '');
    if (error) {
      const at = error.line ? `Line ${error.line}` : 'Error';
      return sayVerdict('error', at + ':', error.message);
    }
    const brief = typeof value === 'number' ? Number(value.toPrecision(6)) : value;
    const is = loss ? `${loss} = ${brief}` : `value ${brief}`;
    if (verdict === null && reason) return sayVerdict('undecided', 'Not judged:', `${reason}. ${is}`);
    if (verdict === null) return sayVerdict('none', is, 'No backward part yet: write it below a line # backward.');
    if (verdict === 'wrong') {
      const first = analysis.first_wrong_line;
      const wrong = statements.filter((one) => one.status === 'wrong').length;
      const more = wrong > 1 ? ` ${wrong} statements are wrong.` : '';
      return sayVerdict('wrong', first ? `Line ${first} is wrong.` : 'The gradient is wrong.', more + (reason ? ' ' + reason : '') + ` ${is}`);
    }
    const strong = verdict === 'right' ? 'Every statement is right.' : 'Undecided.';
    sayVerdict(verdict, strong, (reason ? reason + ' ' : '') + is);
  }

  // What two texts do not share, in the middle.
  function difference(was, is) {
    const tokens = (line) => line.match(/[\p{L}\p{N}_.]+|\s+|./gu) || [];
    const [a, b] = [tokens(was), tokens(is)];
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
    const parts = (list) => [list.slice(0, start), list.slice(start, list.length - end), list.slice(list.length - end)].map((part) => part.join(''));
    return [parts(was === is ? [was] : a), parts(was === is ? [was] : b)];
  }

  function showFindings() {
    const place = $('findings');
    place.replaceChildren();
    if (analysis.error) {
      if (analysis.error.detail) place.append(make('div', { class: 'finding' }, make('pre', {}, analysis.error.detail)));
      return;
    }
    const wrong = analysis.statements.filter((one) => one.status === 'wrong' || (one.status === 'unjudged' && one.note));
    wrong.forEach((one) => {
      const finding = make('div', { class: 'finding' });
      const of = one.adjoint_of ? `, the gradient by ${one.adjoint_of}` : '';
      const what = one.status === 'wrong' ? 'is wrong' : 'is not judged';
      finding.append(make('p', {}, make('strong', {}, `Line ${one.line}: ${one.target}`), `${of} ${what}${one.note ? `: ${one.note}` : '.'}`));
      if (one.corrected) {
        const was = (textLines()[one.line - 1] || '').trim();
        const [a, b] = difference(was, one.corrected.trim());
        const row = (name, [start, middle, end]) => make('div', { class: name }, (name === 'was' ? '- ' : '+ ') + start, make('mark', {}, middle), end);
        finding.append(make('pre', {}, row('was', a), row('is', b)));
        if (isLive) {
          finding.append(make('button', { type: 'button', class: 'main apply', onclick: () => apply(one) }, 'Put it into the text'));
        }
      }
      place.append(finding);
    });
  }

  // The lines that the statement stands in become the corrected ones, so that Ctrl+Z takes it back.
  function apply(one) {
    const all = textLines();
    const first = one.line - 1;
    const last = (one.last_line || one.line) - 1;
    const start = all.slice(0, first).reduce((sum, line) => sum + line.length + 1, 0);
    const end = all.slice(first, last + 1).reduce((sum, line) => sum + line.length + 1, start) - 1;
    replace(start, end, one.corrected);
    ask(0);
  }

  function replace(start, end, by) {
    text.focus();
    text.setSelectionRange(start, end);
    // The one way that keeps the list of what can be undone.
    if (!document.execCommand('insertText', false, by)) {
      text.setRangeText(by, start, end, 'end');
    }
  }

  // ---- sliders ----------------------------------------------------------------------------------------------------

  const sliders = new Map();

  function showSliders() {
    const place = $('sliders');
    if (!isLive || analysis.error) return;
    const wanted = analysis.sliders || [];
    const key = (one) => `${one.line} ${one.name}`;
    for (const known of [...sliders.keys()]) {
      if (!wanted.some((one) => key(one) === known)) {
        sliders.get(known).row.remove();
        sliders.delete(known);
      }
    }
    for (const one of wanted) {
      let row = sliders.get(key(one));
      if (!row) {
        const range = make('input', { type: 'range', min: one.low, max: one.high, step: one.step, 'aria-label': `${one.name}, line ${one.line}` });
        const output = make('output', {});
        row = { range, output, one, row: make('label', {}, make('span', { class: 'name' }, one.name), range, output) };
        range.addEventListener('input', () => slide(row));
        sliders.set(key(one), row);
        place.append(row.row);
      }
      row.one = one;
      if (document.activeElement !== row.range) {
        // What was typed may be beyond where it began.
        if (one.value < Number(row.range.min)) row.range.min = one.low;
        if (one.value > Number(row.range.max)) row.range.max = one.high;
        row.range.value = one.value;
      }
      row.output.textContent = one.text;
    }
    place.hidden = sliders.size === 0;
  }

  // The literal in the text follows the slider.
  function slide(row) {
    const all = textLines();
    const line = all[row.one.line - 1] || '';
    const was = line.slice(row.one.start, row.one.end);
    if (was !== row.one.text) return ask(0);
    const value = Number(row.range.value);
    const by = row.one.is_whole ? String(value) : Number(value.toPrecision(6)).toString() + (Number.isInteger(value) ? '.0' : '');
    all[row.one.line - 1] = line.slice(0, row.one.start) + by + line.slice(row.one.end);
    const top = text.scrollTop;
    text.value = all.join('\n');
    text.scrollTop = top;
    row.one = { ...row.one, text: by, end: row.one.start + by.length };
    row.output.textContent = by;
    writeEditor();
    ask(40);
  }

  // ---- the editor -------------------------------------------------------------------------------------------------

  function writeEditor() {
    const all = textLines();
    const status = new Map();
    const beside = new Map();
    if (analysis) {
      for (const one of analysis.forward || []) {
        const shape = one.shape.length ? `[${one.shape.join(', ')}] ` : '';
        beside.set(one.line, `${shape}${one.value}${one.note ? `  ${one.note}` : ''}`);
      }
      const rank = { right: 0, unjudged: 1, right_given_wrong_inputs: 2, wrong: 3 };
      for (const one of analysis.statements || []) {
        const known = status.get(one.line);
        if (!known || rank[one.status] > rank[known]) status.set(one.line, one.status);
      }
    }
    const error = analysis && analysis.error;
    const width = String(all.length).length;
    const gutter = document.createDocumentFragment();
    const behind = document.createDocumentFragment();
    all.forEach((line, i) => {
      const n = i + 1;
      let name = status.get(n) || '';
      if (error && error.line === n) name = 'wrong';
      const classes = [name, lit.lines.has(n) ? 'lit' : ''].filter(Boolean).join(' ');
      const mark = make('span', { class: 'mark' }, error && error.line === n ? '!' : marks[name] || ' ');
      gutter.append(make('div', { class: classes }, String(n).padStart(width), mark));
      const row = make('div', { class: classes });
      if (error && error.line === n && error.column) {
        const at = error.column - 1;
        row.append(line.slice(0, at), make('span', { class: 'spot' }, line.slice(at, at + 1) || ' '), line.slice(at + 1));
      } else {
        row.append(line || ' ');
      }
      if (beside.has(n)) row.append(make('span', { class: 'beside' }, beside.get(n)));
      behind.append(row);
    });
    $('gutter').replaceChildren(gutter);
    $('behind').replaceChildren(behind);
    follow();
  }

  function follow() {
    $('behind').scrollTop = text.scrollTop;
    $('behind').scrollLeft = text.scrollLeft;
    $('gutter').scrollTop = text.scrollTop;
  }

  function scrollToLine(line) {
    const height = 21;
    const at = (line - 1) * height;
    if (at < text.scrollTop || at > text.scrollTop + text.clientHeight - 3 * height) {
      text.scrollTop = Math.max(0, at - text.clientHeight / 3);
    }
    follow();
  }

  const lineOfCaret = () => text.value.slice(0, text.selectionStart).split('\n').length;

  // ---- nodes and lines light up together --------------------------------------------------------------------------

  function statementsOf(node) {
    if (!node || !analysis.statements) return [];
    return analysis.statements.filter((one) => (one.node === undefined || one.node === null ? node.name && one.adjoint_of === node.name : one.node === node.index));
  }

  function light(nodes, lines) {
    lit = { nodes: new Set(nodes), lines: new Set(lines) };
    for (const box of $('drawing').querySelectorAll('.box')) {
      box.classList.toggle('lit', box.dataset.nodes.split(' ').some((index) => lit.nodes.has(Number(index))));
    }
    for (const row of document.querySelectorAll('[data-line]')) {
      row.classList.toggle('lit', row.dataset.node ? lit.nodes.has(Number(row.dataset.node)) : lit.lines.has(Number(row.dataset.line)));
    }
    writeEditor();
  }

  function lightLine(line) {
    if (!analysis || !analysis.graph || !analysis.graph.nodes) return;
    const nodes = analysis.graph.nodes.filter((node) => node.line === line || statementsOf(node).some((one) => one.line === line));
    light(nodes.map((node) => node.index), nodes.length ? [line] : []);
  }

  function lightNode(index) {
    const node = analysis.graph.nodes[index];
    const own = statementsOf(node).map((one) => one.line);
    light([index], [node.line, ...own].filter(Boolean));
    return node;
  }

  // ---- the graph and the sweep ------------------------------------------------------------------------------------

  let natural = { width: 0, height: 0 };

  function drawGraph() {
    const place = $('drawing');
    const { svg, error } = analysis.graph;
    if (!svg) {
      place.replaceChildren(make('p', { class: 'note' }, error || 'There is nothing to draw.'));
      return;
    }
    const drawn = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
    natural = { width: Number(drawn.getAttribute('width')), height: Number(drawn.getAttribute('height')) };
    const { scrollTop, scrollLeft } = place;
    place.replaceChildren(document.importNode(drawn, true));
    place.firstChild.setAttribute('role', 'img');
    setZoom();
    place.scrollTo(scrollLeft, scrollTop);
    for (const box of place.querySelectorAll('.box')) {
      box.addEventListener('click', () => goTo(Number(box.dataset.nodes.split(' ').at(-1))));
    }
  }

  function setZoom() {
    const drawn = $('drawing').querySelector('svg');
    if (!drawn) return;
    const room = $('drawing').clientWidth - 2;
    // All of it, or where its text would be too small to read, a part that is scrolled.
    const whole = Math.min(1, room / natural.width, $('drawing').clientHeight / natural.height);
    const fit = whole >= 0.66 ? whole : Math.max(0.76, Math.min(0.9, room / natural.width));
    const scale = fit * 1.2 ** zoom;
    drawn.setAttribute('width', Math.round(natural.width * scale));
    drawn.setAttribute('height', Math.round(natural.height * scale));
  }

  // The step at which the sweep is at this node; one that it does not reach is lit alone.
  function goTo(index) {
    const at = analysis.steps.findIndex((step) => step.node === index);
    if (at >= 0) return move(at + 1, true);
    const node = lightNode(index);
    describe(node, null);
    if (node.line) scrollToLine(node.line);
  }

  function move(to, shouldScroll) {
    if (!analysis || !analysis.steps) return;
    const n = analysis.steps.length;
    position = Math.max(0, Math.min(n + 1, to));
    const range = $('position');
    range.max = n + 1;
    range.value = position;
    const where = position === 0 ? 'before the sweep' : position > n ? 'after the sweep' : `step ${position} of ${n}`;
    $('where').textContent = n ? where : '';
    range.setAttribute('aria-valuetext', where);
    $('first').disabled = $('back').disabled = position === 0 || !n;
    $('last').disabled = $('forth').disabled = position > n || !n;
    const place = $('drawing');
    const swept = new Set(analysis.steps.slice(0, position).map((step) => step.node));
    const step = analysis.steps[position - 1];
    const boxOf = new Map();
    for (const box of place.querySelectorAll('.box')) {
      const nodes = box.dataset.nodes.split(' ').map(Number);
      nodes.forEach((node) => boxOf.set(node, box));
      box.classList.toggle('waiting', position <= n && !nodes.some((node) => swept.has(node)));
    }
    const here = step && boxOf.get(step.node);
    const targets = new Set(step ? step.links.map((link) => boxOf.get(link.parent)).filter(Boolean).map((box) => box.dataset.box) : []);
    for (const edge of place.querySelectorAll('.edge')) {
      edge.classList.toggle('lit', Boolean(here) && edge.dataset.to === here.dataset.box && targets.has(edge.dataset.from));
    }
    if (step) {
      const node = lightNode(step.node);
      describe(node, step);
      if (shouldScroll) {
        if (here) intoView(here);
        const own = statementsOf(node)[0];
        scrollToLine(own ? own.line : node.line || 1);
      }
    } else {
      light([], []);
      describe(null, null);
    }
  }

  function intoView(box) {
    const place = $('drawing');
    const [a, b] = [box.getBoundingClientRect(), place.getBoundingClientRect()];
    if (a.top < b.top || a.bottom > b.bottom) place.scrollTop += a.top - b.top - (b.height - a.height) / 2;
    if (a.left < b.left || a.right > b.right) place.scrollLeft += a.left - b.left - (b.width - a.width) / 2;
  }

  // Below the graph: what the sweep does here.
  function describe(node, step) {
    const place = $('step');
    place.replaceChildren();
    if (!analysis.steps.length) {
      if (analysis.graph && analysis.graph.svg) place.append(make('p', {}, 'No sweep goes through this graph: nothing in it is differentiated.'));
      return;
    }
    if (!node) {
      const all = position === 0;
      place.append(make('p', {}, all
        ? 'The values are there. The sweep begins at the end, with the derivative of the loss by itself: 1.'
        : 'Every node has its gradient. Step back, or choose a node, to see how it came about.'));
      return;
    }
    const name = (index) => analysis.graph.nodes[index].title;
    const shape = node.shape.length ? ` [${node.shape.join(', ')}]` : '';
    place.append(make('p', {}, make('strong', {}, node.formula || node.title), shape, node.line ? ` · line ${node.line}` : ''));
    const numbers = make('p', {}, 'value ', make('code', {}, node.value));
    place.append(numbers);
    if (!step) {
      place.append(make('p', {}, 'Data: no gradient is asked for.'));
      return;
    }
    numbers.append(' · gradient ', make('code', { class: 'gradient' }, node.gradient));
    for (const one of statementsOf(node)) {
      const written = (textLines()[one.line - 1] || '').trim();
      place.append(make('p', {}, `line ${one.line}: `, make('code', {}, written), ' ', make('span', { class: `status ${one.status}` }, `${marks[one.status]} ${inWords[one.status]}`)));
    }
    if (step.links.length) {
      const items = step.links.map((link) => make('li', {}, 'passes to ', make('strong', {}, name(link.parent)), ' ',
        make('code', { class: 'gradient' }, link.contribution), link.local ? make('span', {}, ', its slope ', make('code', {}, link.local), ' times the gradient') : null));
      place.append(make('ul', {}, ...items));
    } else {
      place.append(make('p', {}, 'A variable: what has arrived is its gradient.'));
    }
  }

  // ---- formulas and lines -----------------------------------------------------------------------------------------

  // The page's policy allows no style in markup; set by a script it is the page's own.
  function mathOf(text) {
    const parsed = new DOMParser().parseFromString(text.replaceAll(' style="', ' data-style="'), 'text/html');
    const math = document.importNode(parsed.querySelector('math'), true);
    for (const part of math.querySelectorAll('[data-style]')) part.style.cssText = part.getAttribute('data-style');
    return math;
  }

  function writeFormulas() {
    const place = $('formulas');
    place.replaceChildren();
    const { statements, error } = analysis.derivation;
    if (!statements || !statements.length) {
      place.append(make('p', { class: 'note' }, error || 'There is nothing to derive.'));
      return;
    }
    const headings = { given: 'Given', forward: 'Forward', backward: 'Backward', constants: 'Constants' };
    let part = null;
    for (const one of statements) {
      if (one.part !== part) {
        part = one.part;
        place.append(make('h2', {}, headings[part] || part));
      }
      const node = one.node === null || one.node === undefined ? null : analysis.graph.nodes[one.node];
      const own = part === 'backward' && node ? statementsOf(node)[0] : null;
      const line = own ? own.line : node && node.line;
      const formula = one.mathml ? mathOf(one.mathml) : make('code', {}, one.latex);
      const inside = [formula, line ? make('span', { class: 'line' }, own ? `line ${line} ${marks[own.status]}` : `line ${line}`) : null];
      place.append(node
        ? make('button', { type: 'button', class: 'formula', 'data-line': line || 0, 'data-node': node.index, onclick: () => goTo(node.index) }, ...inside)
        : make('div', { class: 'formula' }, ...inside));
    }
  }

  function writeLines() {
    const place = $('lines');
    place.replaceChildren();
    const table = (heads, rows) => make('div', { class: 'wide' }, make('table', {},
      make('thead', {}, make('tr', {}, ...heads.map((head) => make('th', { scope: 'col' }, head)))), make('tbody', {}, ...rows)));
    const row = (line, ...cells) => make('tr', { 'data-line': line, onclick: () => pick(line) }, ...cells);
    const cell = (inside, name) => make('td', name ? { class: name } : {}, inside);
    if (analysis.forward.length) {
      place.append(make('h2', {}, 'Forward'), table(['line', 'name', 'shape', 'value', ''], analysis.forward.map((one) =>
        row(one.line, cell(String(one.line), 'number'), cell(make('code', {}, one.target)), cell(one.shape.length ? `[${one.shape.join(', ')}]` : ''),
          cell(make('code', {}, one.value)), cell(one.note || '')))));
    }
    if (analysis.statements.length) {
      place.append(make('h2', {}, 'Backward'), table(['line', 'name', 'gradient by', 'verdict', ''], analysis.statements.map((one) =>
        row(one.line, cell(String(one.line), 'number'), cell(make('code', {}, one.target)), cell(make('code', {}, one.adjoint_of || '')),
          cell(`${marks[one.status]} ${inWords[one.status]}`, `status ${one.status}`), cell(one.note || '')))));
    }
    if (!place.childNodes.length) place.append(make('p', { class: 'note' }, 'There is no statement yet.'));
  }

  function pick(line) {
    lightLine(line);
    light([...lit.nodes], [line]);
    scrollToLine(line);
  }

  // ---- views, keys, beginnings ------------------------------------------------------------------------------------

  const tabs = [...document.querySelectorAll('[role="tab"]')].filter((tab) => isLive || !tab.classList.contains('live'));

  function open(name) {
    for (const tab of tabs) {
      const isIt = tab.id === `tab-${name}`;
      tab.setAttribute('aria-selected', String(isIt));
      tab.tabIndex = isIt ? 0 : -1;
      $(tab.getAttribute('aria-controls')).hidden = !isIt;
    }
    if (name === 'graph') setZoom();
    document.dispatchEvent(new CustomEvent('opened', { detail: name }));
  }

  tabs.forEach((tab, i) => {
    tab.addEventListener('click', () => open(tab.id.slice(4)));
    tab.addEventListener('keydown', (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      const next = tabs[(to + tabs.length) % tabs.length];
      open(next.id.slice(4));
      next.focus();
    });
  });

  const stepBy = (by) => move(position + by, true);
  $('first').addEventListener('click', () => move(0, true));
  $('back').addEventListener('click', () => stepBy(-1));
  $('forth').addEventListener('click', () => stepBy(1));
  $('last').addEventListener('click', () => move(Infinity, true));
  $('position').addEventListener('input', () => move(Number($('position').value), true));
  const zoomTo = (to) => { zoom = to; setZoom(); };
  $('smaller').addEventListener('click', () => zoomTo(zoom - 1));
  $('larger').addEventListener('click', () => zoomTo(zoom + 1));
  $('fit').addEventListener('click', () => zoomTo(0));
  window.addEventListener('resize', setZoom);

  $('keys-button').addEventListener('click', () => {
    $('keys').hidden = !$('keys').hidden;
    $('keys-button').setAttribute('aria-expanded', String(!$('keys').hidden));
  });

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    let done = true;
    if (event.altKey) {
      const tab = tabs[['1', '2', '3', '4'].indexOf(event.key)] || tabs[['Digit1', 'Digit2', 'Digit3', 'Digit4'].indexOf(event.code)];
      if (event.code === 'Period' || event.key === '.') stepBy(1);
      else if (event.code === 'Comma' || event.key === ',') stepBy(-1);
      else if (event.key === 'Enter' && isLive) {
        const first = analysis && !analysis.error && analysis.statements.find((one) => one.status === 'wrong' && one.corrected);
        if (first) apply(first);
      } else if (tab) open(tab.id.slice(4));
      else done = false;
    } else if (event.target.closest('textarea, input, select, [role="tab"], #training')) {
      done = false;
    } else if (event.key === 'ArrowRight') stepBy(1);
    else if (event.key === 'ArrowLeft') stepBy(-1);
    else if (event.key === 'Home') move(0, true);
    else if (event.key === 'End') move(Infinity, true);
    else done = false;
    if (done) event.preventDefault();
  });

  text.addEventListener('scroll', follow);
  text.addEventListener('input', () => { writeEditor(); if (isLive) ask(PAUSE); });
  let caret = 0;
  document.addEventListener('selectionchange', () => {
    if (document.activeElement !== text || lineOfCaret() === caret) return;
    caret = lineOfCaret();
    lightLine(caret);
  });
  // A new line begins where the one above does.
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const line = text.value.slice(0, text.selectionStart).split('\n').at(-1);
    const indent = line.match(/^\s*/)[0] + (/:\s*(#.*)?$/.test(line) ? '    ' : '');
    if (!indent) return;
    event.preventDefault();
    replace(text.selectionStart, text.selectionEnd, '\n' + indent);
  });

  async function begin() {
    const asked = new URLSearchParams(location.search);
    if (!isLive) {
      document.querySelectorAll('.live').forEach((one) => one.remove());
      const { text: written, analysis: all } = JSON.parse(said.textContent);
      text.value = written;
      text.readOnly = true;
      show(all);
    } else {
      const { classics } = await (await fetch('/api/classics')).json();
      const menu = $('classics');
      const kinds = [
        ['Wrong, as printed somewhere', (one) => one.is_printed],
        ['Wrong, as people get it', (one) => one.is_wrong && !one.is_printed],
        ['Right', (one) => !one.is_wrong],
      ];
      for (const [label, belongs] of kinds) {
        const group = make('optgroup', { label });
        classics.filter(belongs).forEach((one) => group.append(make('option', { value: one.name }, one.title)));
        if (group.childNodes.length) menu.append(group);
      }
      const load = (name) => {
        const one = classics.find((known) => known.name === name) || classics.find((known) => known.name === 'columns_printed_dw1') || classics[0];
        menu.value = one.name;
        text.value = one.text;
        text.scrollTop = 0;
        sliders.forEach((row) => row.row.remove());
        sliders.clear();
        position = Infinity;
        ask(0);
        writeEditor();
      };
      menu.addEventListener('change', () => load(menu.value));
      load(asked.get('classic'));
    }
    if (tabs.some((tab) => tab.id === `tab-${asked.get('view')}`)) open(asked.get('view'));
    const step = Number(asked.get('step'));
    if (step) {
      const wait = () => (analysis ? move(step, true) : setTimeout(wait, 20));
      wait();
    }
  }

  begin().catch((error) => sayVerdict('error', 'No answer', error.message));
})();
