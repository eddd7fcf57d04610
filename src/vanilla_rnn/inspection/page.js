"use strict";
// The arithmetic of this page: the functions of the Python library's cell.py, unroll.py, rnn.py, heads.py, losses.py and optim.py,
// each formula directly above its gradient. A vector is an array, a matrix an array of rows, d_name is dL/dname. At the end is `rnn`,
// for the console.

// ---- vectors and matrices
function dot(u, v) {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * v[i];
  return sum;
}
const times = (W, v) => W.map(row => dot(row, v)); // W v
function timesTransposed(W, v) { // W^T v
  const sums = Array(W[0].length).fill(0);
  for (let i = 0; i < W.length; i++) for (let j = 0; j < sums.length; j++) sums[j] += W[i][j] * v[i];
  return sums;
}
const add = (u, v) => u.map((u_i, i) => u_i + v[i]);
function addTo(total, v) { for (let i = 0; i < v.length; i++) total[i] += v[i]; }
function addOuterTo(total, u, v) { // total + u v^T
  for (let i = 0; i < u.length; i++) for (let j = 0; j < v.length; j++) total[i][j] += u[i] * v[j];
}
const each = (array, f) => Array.isArray(array) ? array.map(part => each(part, f)) : f(array); // at any depth
const zerosLike = array => each(array, () => 0);

// ---- cell.py: one step
function step(x_t, h_prev, W_xh, W_hh, b_h, f) { // a_t = W_xh x_t + W_hh h_{t-1} + b_h, and h_t = f(a_t)
  const from_input = times(W_xh, x_t), from_memory = times(W_hh, h_prev), sum = add(from_input, from_memory);
  const a_t = b_h ? add(sum, b_h) : sum;
  return { x_t, h_prev, from_input, from_memory, a_t, h_t: a_t.map(f) };
}
function stepBackward(d_h, { x_t, h_prev, h_t }, W_xh, W_hh, slope, d_W_xh, d_W_hh, d_b_h) { // d_a = d_h f'(a_t), then the product rule
  const d_a = h_t.map((h, i) => d_h[i] * slope(h, i));
  addOuterTo(d_W_xh, d_a, x_t); // every step uses the same weights, so what the steps say about them is added
  addOuterTo(d_W_hh, d_a, h_prev);
  addTo(d_b_h, d_a);
  return { d_a, d_x: timesTransposed(W_xh, d_a), d_h_prev: timesTransposed(W_hh, d_a) };
}

const NONLINEARITIES = { // f(a), and f'(a) computed from h = f(a)
  tanh: [Math.tanh, h => 1 - h * h],
  relu: [a => a > 0 || Number.isNaN(a) ? a : 0, h => h > 0 ? 1 : 0],
  sigmoid: [a => 0.5 * Math.tanh(0.5 * a) + 0.5, h => h * (1 - h)],
  linear: [a => a, () => 1],
};
function functionsOf(cell, t) { // of your own functions the page knows only what Python computed with them
  return cell.given ? [(_, i) => cell.given.states[t][i], (_, i) => cell.given.slopes[t][i]] : NONLINEARITIES[cell.f];
}

// ---- unroll.py: the loop over time, and its reverse
const readingOrder = (time, reverse) => Array.from({ length: time }, (_, t) => reverse ? time - 1 - t : t);
function unroll(cell, x, h_0) { // h_t = cell(x_t, h_{t-1}) for t = 0, 1, ...
  const steps = Array(x.length).fill(null);
  let h = h_0;
  for (const t of readingOrder(x.length, cell.reverse)) {
    steps[t] = step(x[t], h, cell.W_xh, cell.W_hh, cell.b_h, functionsOf(cell, t)[0]);
    h = steps[t].h_t;
  }
  return { cell, steps, h_n: h };
}
function unrollBackward({ cell, steps }, d_output, d_h_n) { // dL/dh_t = the part from step t's own output + the part from step t + 1
  const { W_xh, W_hh } = cell, d_W_xh = zerosLike(W_xh), d_W_hh = zerosLike(W_hh), d_b_h = zerosLike(d_h_n);
  const flows = Array(steps.length).fill(null);
  let from_future = zerosLike(d_h_n), last = d_h_n; // the last step passes its state on as h_n: that counts as its own output
  for (const t of readingOrder(steps.length, !cell.reverse)) {
    const from_output = add(d_output[t], last), d_h = add(from_output, from_future);
    const { d_a, d_x, d_h_prev } = stepBackward(d_h, steps[t], W_xh, W_hh, functionsOf(cell, t)[1], d_W_xh, d_W_hh, d_b_h);
    flows[t] = { from_output, from_future, d_h, d_a, d_x };
    from_future = d_h_prev;
    last = zerosLike(last);
  }
  return { flows, d_h_0: add(from_future, last), d_W_xh, d_W_hh, d_b_h };
}

// ---- rnn.py: layers and directions
const concatDirections = parts => parts[0].map((_, t) => parts.flatMap(part => part[t]));
const splitDirections = (rows, directions, size) => Array.from({ length: directions }, (_, n) => rows.map(row => row.slice(n * size, (n + 1) * size)));
function unrollLayers(cells, x, h_0, directions) { // each layer reads the states of the layer below
  const unrolled = [];
  for (let n = 0; n < cells.length; n += directions) {
    const layer = cells.slice(n, n + directions).map((cell, i) => unroll(cell, x, h_0[n + i]));
    x = concatDirections(layer.map(({ steps }) => steps.map(({ h_t }) => h_t)));
    unrolled.push(...layer);
  }
  return { unrolled, output: x };
}
function unrollLayersBackward(unrolled, d_output, d_h_n, directions) {
  const gradients = [];
  for (let n = unrolled.length - directions; n >= 0; n -= directions) {
    const parts = splitDirections(d_output, directions, d_h_n[n].length);
    const layer = parts.map((part, i) => unrollBackward(unrolled[n + i], part, d_h_n[n + i]));
    d_output = d_output.map((_, t) => layer.map(({ flows }) => flows[t].d_x).reduce(add)); // both directions read the same inputs
    gradients.unshift(...layer);
  }
  return { gradients, d_x: d_output };
}

// ---- heads.py
function affine(h, W_hy, b_y) { // y = W_hy h + b_y
  return b_y ? add(times(W_hy, h), b_y) : times(W_hy, h);
}
function affineBackward(d_y, h, W_hy, d_W_hy, d_b_y) { // d_h = W_hy^T d_y, d_W_hy = d_y h^T, d_b_y = d_y
  addOuterTo(d_W_hy, d_y, h);
  addTo(d_b_y, d_y);
  return timesTransposed(W_hy, d_y);
}

// ---- losses.py: the loss of one output, and its gradient
const log1pExp = z => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); // log(1 + exp(z)) without overflow
const sigmoid = z => Math.exp(-log1pExp(-z));
function softmax(z) {
  const most = Math.max(...z), powers = z.map(z_k => Math.exp(z_k - most)), total = powers.reduce((sum, v) => sum + v, 0);
  return powers.map(v => v / total);
}
function binaryLosses(z, y) { // l = -y log p - (1 - y) log(1 - p) with p = sigmoid(z), and dl/dz = p - y
  return [z.map((z_k, k) => log1pExp(z_k) - y[k] * z_k), z.map((z_k, k) => sigmoid(z_k) - y[k])];
}
function classLosses(z, y) { // l = -log p_y with p = softmax(z), and dl/dz = p - one_hot(y)
  const most = Math.max(...z), total = z.reduce((sum, z_k) => sum + Math.exp(z_k - most), 0);
  return [[Math.log(total) - (z[y] - most)], softmax(z).map((p, k) => p - (k === y ? 1 : 0))];
}
function squaredLosses(p, y) { // l = (p - y)^2, and dl/dp = 2 (p - y)
  return [p.map((p_k, k) => (p_k - y[k]) ** 2), p.map((p_k, k) => 2 * (p_k - y[k]))];
}
const LOSSES = { binary_cross_entropy: binaryLosses, cross_entropy: classLosses, mean_squared_error: squaredLosses };
function meanLoss(kind, outputs, targets) { // the mean over all outputs, and the gradient of exactly that mean
  const pairs = outputs.map((z, n) => LOSSES[kind](z, targets[n])), losses = pairs.flatMap(([l]) => l);
  return { loss: losses.reduce((sum, l) => sum + l, 0) / losses.length, d_outputs: pairs.map(([, d]) => d.map(v => v / losses.length)) };
}

// ---- models.py: the network of this page, forward and backward
function compute(network) {
  const { cells, head, embedding, loss, upstream, parameters: p, h_0 } = network, directions = cells.some(cell => cell.reverse) ? 2 : 1;
  const x = embedding ? embedding.rows.map(row => p[embedding.key][row]) : network.x;
  const weighted = cells.map(cell => ({ ...cell, W_xh: p[cell.W_xh], W_hh: p[cell.W_hh], b_h: p[cell.b_h] }));
  const { unrolled, output } = unrollLayers(weighted, x, h_0, directions), h_n = unrolled.map(one => one.h_n);
  const result = { x, cells: unrolled, h_n, logits: null, loss: null, flows: null, gradients: {} };
  const heard = !head ? [] : head.each_step ? output : [h_n.slice(-directions).flat()]; // the states that the head reads
  const y = heard.map(h => affine(h, p[head.W_hy], p[head.b_y]));
  if (head) result.logits = head.each_step ? y : y[0];

  let d_y = null;
  if (loss) ({ loss: result.loss, d_outputs: d_y } = meanLoss(loss, y, head.each_step ? network.target : [network.target]));
  else if (upstream && upstream.d_logits) d_y = head.each_step ? upstream.d_logits : [upstream.d_logits];
  else if (!upstream) return result;

  const d = result.gradients = Object.fromEntries(Object.entries(p).map(([key, W]) => [key, zerosLike(W)])); // shared arrays add up
  let d_output = (upstream && upstream.d_output) || zerosLike(output), d_h_n = (upstream && upstream.d_h_n) || zerosLike(h_n);
  if (d_y) {
    const d_b_y = Array(p[head.W_hy].length).fill(0), d_heard = d_y.map((d_y_t, n) => affineBackward(d_y_t, heard[n], p[head.W_hy], d[head.W_hy], d_b_y));
    if (head.b_y) addTo(d[head.b_y], d_b_y);
    if (head.each_step) d_output = d_heard;
    else splitDirections(d_heard, directions, h_n[0].length).forEach(([part], n) => { d_h_n[h_n.length - directions + n] = part; });
  }
  const { gradients, d_x } = unrollLayersBackward(unrolled, d_output, d_h_n, directions);
  gradients.forEach((part, n) => {
    part.d_W_xh.forEach((row, i) => addTo(d[cells[n].W_xh][i], row));
    part.d_W_hh.forEach((row, i) => addTo(d[cells[n].W_hh][i], row));
    if (cells[n].b_h) addTo(d[cells[n].b_h], part.d_b_h);
  });
  if (embedding) embedding.rows.forEach((row, t) => addTo(d[embedding.key][row], d_x[t])); // a word that occurs twice gets both
  return { ...result, flows: gradients.map(({ flows }) => flows), d_x, d_h_0: gradients.map(({ d_h_0 }) => d_h_0) };
}

// ---- optim.py: a step of SGD
function sgdStep(network, gradients, rate) { // W - rate d_W; the old arrays stay as they are
  const minus = (W, d_W) => Array.isArray(W) ? W.map((part, i) => minus(part, d_W[i])) : W - rate * d_W;
  const parameters = Object.fromEntries(Object.entries(network.parameters).map(([key, W]) => [key, minus(W, gradients[key])]));
  return { ...network, parameters };
}

// ---- rnn, for the console, the page and the tests
const fails = text => { throw new RangeError(text); };
function withValue(array, index, value) { // a copy with one number changed; an index may leave out a last axis of length 1
  if (!Array.isArray(array)) return index.length ? fails("The index has too many numbers.") : value;
  const [first = array.length === 1 ? 0 : fails("The index has too few numbers."), ...rest] = index;
  if (!Object.hasOwn(array, first)) fails(`There is no index ${first}: the array has ${array.length}.`);
  return array.map((part, i) => i === first ? withValue(part, rest, value) : part);
}
function withNumber(network, key, index, value) { // the network with one number changed
  if (network.read_only) fails("This page can't be changed.");
  if (!Number.isFinite(value)) fails("Use a finite number.");
  const { embedding, loss, head } = network;
  if (key === "h_0") return { ...network, h_0: withValue(network.h_0, index, value) };
  if (key === "x" && !embedding) return { ...network, x: withValue(network.x, index, value) };
  if (key === "x") return withNumber(network, embedding.key, [embedding.ids[embedding.rows[index[0]]], ...index.slice(1)], value);
  if (key === "target") {
    if (!loss) fails("This trace has no loss, so there is no target.");
    const classes = loss === "cross_entropy" ? network.parameters[head.W_hy].length : 0;
    if (classes && !(Number.isInteger(value) && value >= 0 && value < classes)) fails(`Use a class from 0 to ${classes - 1}.`);
    if (loss === "binary_cross_entropy" && (value < 0 || value > 1)) fails("Use a target from 0 to 1.");
    return { ...network, target: withValue(network.target, index, value) };
  }
  if (!Object.hasOwn(network.parameters, key)) fails(`There is no ${key}; the keys are x, h_0, target, ${Object.keys(network.parameters).join(", ")}.`);
  const place = embedding && key === embedding.key ? [embedding.ids.indexOf(index[0]), ...index.slice(1)] : index;
  return { ...network, parameters: { ...network.parameters, [key]: withValue(network.parameters[key], place, value) } };
}
function live(original) { // one network, which changes; each state of it is an object that never changes
  const rnn = {
    network: original,
    onchange: () => {},
    run() { // {states: [cell][t][unit], logits, loss, gradients: by the keys of parameters()}
      const { cells, logits, loss, gradients } = compute(rnn.network), { embedding } = rnn.network;
      if (embedding && gradients[embedding.key]) { // in Python the table has a row for every id
        const rows = gradients[embedding.key], place = new Map(embedding.ids.map((id, n) => [id, n])), count = Math.max(embedding.count, ...embedding.ids.map(id => id + 1));
        gradients[embedding.key] = Array.from({ length: count }, (_, id) => place.has(id) ? rows[place.get(id)] : zerosLike(rows[0]));
      }
      return { states: cells.map(({ steps }) => steps.map(({ h_t }) => h_t)), logits, loss, gradients };
    },
    change(network) { const before = rnn.network; rnn.network = network; rnn.onchange(before); },
    set(key, index, value) { rnn.change(withNumber(rnn.network, key, [].concat(index), value)); },
    train(steps, rate) { // plain SGD; returns the loss before each step
      if (!rnn.network.loss || rnn.network.read_only) fails("This page has no loss to train on.");
      const losses = [];
      let network = rnn.network;
      for (let k = 0; k < steps; k++) {
        const { loss, gradients } = compute(network);
        losses.push(loss);
        network = sgdStep(network, gradients, rate);
      }
      if (!Number.isFinite(compute(network).loss)) fails("The loss overflowed. Use a smaller learning rate.");
      rnn.change(network);
      return losses;
    },
    reset() { rnn.change(original); },
  };
  return rnn;
}
function difference(network) { // the largest difference from Python's results, relative to numbers above 1
  const { results } = network, { cells, logits, loss, gradients } = compute(network);
  const apart = (a, b) => Array.isArray(b) ? b.reduce((most, part, i) => Math.max(most, apart(a[i], part)), 0)
    : b === null || Number.isNaN(b) ? (Number.isFinite(a) ? Infinity : 0) : Math.abs(a - b) / Math.max(1, Math.abs(b));
  const pairs = [[cells.map(({ steps }) => steps.map(({ h_t }) => h_t)), results.states]];
  if (results.logits) pairs.push([logits, results.logits]);
  if (network.loss) pairs.push([loss, results.loss]);
  for (const key in results.gradients) pairs.push([gradients[key], results.gradients[key]]);
  return Math.max(...pairs.map(([a, b]) => apart(a, b)));
}
function spectralRadius(W) { // the largest absolute eigenvalue: ||W^n||^(1/n) for n = 2, 4, 8, ...
  const squarings = W.length > 16 ? 20 : 40; // to six digits, or to twelve
  let M = W, log = 0;
  for (let k = 0; k < squarings; k++) {
    const size = Math.hypot(...M.map(row => Math.hypot(...row)));
    if (!(size > 0 && size < Infinity)) return size;
    log += Math.log(size) / 2 ** k;
    M = M.map(row => row.map(v => v / size));
    M = M.map(row => timesTransposed(M, row)); // M M
  }
  return Math.exp(log);
}
function spectralNorm(M) { // the largest factor by which M can lengthen a vector: the square root of the spectral radius of M^T M
  const size = Math.max(...M.flat().map(Math.abs)), N = M.map(row => row.map(v => v / size)); // so that no product overflows
  return size > 0 && size < Infinity ? size * Math.sqrt(spectralRadius(N[0].map((_, j) => timesTransposed(N, N.map(row => row[j]))))) : size;
}
