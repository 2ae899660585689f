// The pane in which a small network learns, without momentum and with it: both runs come whole from the server, and are played here.
'use strict';
(() => {
  const pane = document.getElementById('training');
  const SVG = 'http://www.w3.org/2000/svg';
  const runs = [
    { title: 'Without momentum', momentum: () => 0, seen: null },
    { title: 'With momentum', momentum: () => Number(field('momentum').value), seen: null },
  ];
  let frame = 0;
  let playing = 0;
  let begun = false;

  function make(tag, attributes = {}, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...inside);
    return made;
  }
  function draw(tag, attributes = {}, ...inside) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  }
  const field = (name) => pane.querySelector(`[name="${name}"]`);
  const number = (x) => (x === null ? 'not a number' : Number(x.toPrecision(3)).toString());

  function build() {
    const choice = make('select', { name: 'data', onchange: train }, make('option', { value: 'xor' }, 'XOR'), make('option', { value: 'moons' }, 'Two moons'));
    const input = (name, label, attributes) => make('label', {}, label, make('input', { name, type: 'number', required: '', ...attributes }));
    const form = make('form', { onsubmit: (event) => { event.preventDefault(); train(); } },
      make('label', {}, 'Data', choice),
      input('rate', 'Learning rate', { min: 0.0001, max: 10, step: 'any', value: 0.1 }),
      input('momentum', 'Momentum', { min: 0, max: 0.99, step: 0.01, value: 0.9 }),
      input('steps', 'Steps', { min: 1, max: 1000, step: 1, value: 200 }),
      input('units', 'Units in a layer', { min: 1, max: 16, step: 1, value: 8 }),
      input('seed', 'Seed', { min: 0, max: 1000000, step: 1, value: 0 }),
      make('button', { type: 'submit', class: 'main' }, 'Train'),
      make('label', { class: 'check' }, make('input', { type: 'checkbox', name: 'with', checked: '', onchange: show }), 'momentum on'),
      make('label', { class: 'check' }, make('input', { type: 'checkbox', name: 'without', checked: '', onchange: show }), 'momentum off'));
    const tools = make('div', { class: 'tools', role: 'group', 'aria-label': 'Steps of training' },
      make('button', { type: 'button', id: 'play', onclick: () => play(!playing) }, 'Play'),
      make('input', { type: 'range', id: 'frame', min: 0, max: 1, value: 0, 'aria-label': 'Step of training', oninput: (event) => { play(false); frame = Number(event.target.value); show(); } }),
      make('span', { id: 'at' }));
    const error = make('p', { id: 'training-error', role: 'alert', class: 'note', hidden: '' });
    const figures = runs.map((run, i) => {
      run.caption = make('figcaption');
      run.canvas = make('canvas', { width: 320, height: 320, role: 'img', 'aria-label': `${run.title}: what the network says everywhere` });
      run.figure = make('figure', { class: `run${i}` }, run.caption, run.canvas);
      return run.figure;
    });
    pane.append(
      make('p', {}, 'Two layers of tanh units learn by gradient descent over all examples: the same first weights, without momentum and with it.'),
      form, error, tools, make('div', { class: 'pair' }, ...figures),
      make('h2', {}, 'Loss'), make('div', { id: 'loss' }),
      make('h2', {}, 'Gradients by layer'), make('div', { id: 'gradients' }));
  }

  async function train() {
    const form = pane.querySelector('form');
    if (!form.reportValidity()) return;
    play(false);
    const asked = { data: field('data').value };
    for (const name of ['rate', 'steps', 'units', 'seed']) asked[name] = Number(field(name).value);
    const say = (message) => {
      const place = document.getElementById('training-error');
      place.textContent = message;
      place.hidden = !message;
    };
    try {
      const answers = await Promise.all(runs.map(async (run) => {
        const answer = await fetch('/api/train', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ ...asked, momentum: run.momentum() }),
        });
        const body = await answer.json();
        if (!answer.ok) throw new Error(body.error);
        return body;
      }));
      say('');
      runs.forEach((run, i) => { run.seen = answers[i]; });
      frame = 0;
      document.getElementById('frame').max = Math.max(...runs.map((run) => run.seen.frames.length)) - 1;
      pane.dataset.trained = field('data').value;
      const still = matchMedia('(prefers-reduced-motion: reduce)').matches || new URLSearchParams(location.search).has('still');
      if (still) frame = Number(document.getElementById('frame').max);
      show();
      if (!still) play(true);
    } catch (error) {
      say(error instanceof TypeError ? 'No answer. Does retrograd serve still run?' : error.message);
    }
  }

  function play(on) {
    clearInterval(playing);
    const last = Number(document.getElementById('frame').max);
    if (on && frame >= last) frame = 0;
    playing = on ? setInterval(() => {
      frame += 1;
      if (frame >= last) play(false);
      show();
    }, 120) : 0;
    document.getElementById('play').textContent = on ? 'Pause' : 'Play';
  }

  const chosen = () => runs.filter((run, i) => run.seen && field(i ? 'with' : 'without').checked);

  function show() {
    const seen = chosen();
    document.getElementById('frame').value = frame;
    const step = (run) => run.seen.frames[Math.min(frame, run.seen.frames.length - 1)];
    const now = seen.length ? Math.max(...seen.map((run) => step(run).step)) : 0;
    document.getElementById('at').textContent = seen.length ? `step ${now}` : '';
    for (const run of runs) {
      run.figure.hidden = !seen.includes(run);
      if (run.figure.hidden) continue;
      const one = step(run);
      const share = one.accuracy === null ? '' : `, ${Math.round(100 * one.accuracy)} % right`;
      run.caption.textContent = `${run.title}${run.momentum() ? ` ${run.momentum()}` : ''}: loss ${number(one.loss)}${share}`;
      paint(run.canvas, run.seen, one);
    }
    const curves = (of) => seen.flatMap((run) => of(run, runs.indexOf(run) === 0));
    chart('loss', curves((run, isPlain) => [{
      name: run.title, colour: isPlain ? 0 : 1, isDashed: false, points: run.seen.losses.map((y, x) => [x, y]),
    }]), now);
    chart('gradients', curves((run, isPlain) => run.seen.layers.map((layer, i) => ({
      name: `${layer} ${isPlain ? 'without' : 'with'}`, colour: i, isDashed: isPlain, points: run.seen.frames.map((one) => [one.step, one.gradients[i]]),
    }))), now);
  }

  const channels = (name) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };

  function paint(canvas, seen, one) {
    const context = canvas.getContext('2d');
    const { side, low, high, points } = seen;
    const [paper, a, b] = [channels('--paper'), channels('--one'), channels('--two')];
    const image = new ImageData(side, side);
    for (let i = 0; i < side * side; i += 1) {
      const t = parseInt(one.field.slice(2 * i, 2 * i + 2), 16) / 127.5 - 1;
      const [to, amount] = [t < 0 ? a : b, 0.75 * Math.abs(t)];
      for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = paper[c] + (to[c] - paper[c]) * amount;
      image.data[4 * i + 3] = 255;
    }
    const small = new OffscreenCanvas(side, side);
    small.getContext('2d').putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    const at = (x) => (x - low) / (high - low) * canvas.width;
    context.lineWidth = 1.5;
    for (const [x, y, label] of points) {
      context.fillStyle = `rgb(${(label ? b : a).join(' ')})`;
      context.strokeStyle = `rgb(${paper.join(' ')})`;
      const [px, py, r] = [at(x), canvas.height - at(y), points.length > 10 ? 4 : 8];
      context.beginPath();
      // Shapes tell the classes apart where colours do not.
      if (label) context.arc(px, py, r, 0, 2 * Math.PI);
      else context.rect(px - r, py - r, 2 * r, 2 * r);
      context.fill();
      context.stroke();
    }
  }

  // Curves over the steps; heights by their logarithm.
  function chart(id, curves, now) {
    const place = document.getElementById(id);
    const drawable = (y) => y !== null && y > 0;
    const all = curves.flatMap((curve) => curve.points).filter(([, y]) => drawable(y));
    if (!all.length) return place.replaceChildren();
    const [width, height, left, bottom] = [560, 180, 52, 22];
    const most = Math.max(1, ...all.map(([x]) => x));
    const logs = all.map(([, y]) => Math.log10(y));
    const [low, high] = [Math.floor(Math.min(...logs)), Math.max(Math.ceil(Math.max(...logs)), Math.floor(Math.min(...logs)) + 1)];
    const x = (at) => left + at / most * (width - left - 8);
    const y = (at) => 8 + (high - Math.log10(at)) / (high - low) * (height - bottom - 8);
    const svg = draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': id === 'loss' ? 'Loss by step' : 'Norm of the gradient by step' });
    const every = Math.ceil((high - low) / 5);
    for (let power = low; power <= high; power += every) {
      svg.append(draw('line', { class: 'axis', x1: left, x2: width - 8, y1: y(10 ** power), y2: y(10 ** power) }));
      svg.append(draw('text', { x: left - 6, y: y(10 ** power) + 4, 'text-anchor': 'end' }, power < -3 || power > 4 ? `1e${power}` : String(Number((10 ** power).toPrecision(1)))));
    }
    for (const share of [0, 0.5, 1]) {
      svg.append(draw('text', { x: x(share * most), y: height - 6, 'text-anchor': share === 1 ? 'end' : share ? 'middle' : 'start' }, String(Math.round(share * most))));
    }
    svg.append(draw('line', { class: 'now', x1: x(now), x2: x(now), y1: 8, y2: height - bottom }));
    const keys = make('div');
    for (const curve of curves) {
      const name = `curve c${curve.colour}${curve.isDashed ? ' dashed' : ''}`;
      const points = curve.points.filter(([, at]) => drawable(at)).map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
      svg.append(draw('polyline', { class: name, points: points.join(' ') }));
      const sample = draw('svg', { viewBox: '0 0 26 8', 'aria-hidden': 'true' }, draw('line', { class: name, x1: 0, x2: 26, y1: 4, y2: 4 }));
      keys.append(make('span', { class: 'key' }, sample, curve.name));
    }
    place.replaceChildren(svg, keys);
  }

  document.addEventListener('opened', (event) => {
    if (event.detail !== 'training') {
      if (begun) play(false);
      return;
    }
    if (begun) return;
    begun = true;
    build();
    const asked = new URLSearchParams(location.search).get('data');
    if (asked) field('data').value = asked;
    train();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (begun) show(); });
})();
