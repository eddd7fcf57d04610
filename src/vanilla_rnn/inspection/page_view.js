
// ---- what is shown: the network, its results, and the results before the last change
const $ = id => document.getElementById(id);
const original = JSON.parse($("numbers").textContent,
  function (key, v) { return v === null && Array.isArray(this) ? NaN : v; }); // a number that has overflowed: so has all that follows from it
const rnn = window.rnn = live(original);
const at = { t: 0, cell: original.cells.length - 1, unit: 0, from: 0, line: 5, playing: null };
const SLICE = 8, WINDOW = 16; // the units that matrices show at once, and the steps that tables show
let network, tokens, T, cells, now, ghost = null, asked = null; // asked: the question whose answer is hidden
function recompute() {
  network = rnn.network; tokens = network.tokens; T = tokens.length; now = compute(network);
  const { parameters: p } = network, { gradients: d } = now;
  cells = network.cells.map((one, n) => ({ ...one, W_xh: p[one.W_xh], W_hh: p[one.W_hh], b_h: p[one.b_h], keys: one, steps: now.cells[n].steps,
    flows: now.flows && now.flows[n], totals: now.flows && [d[one.W_xh], d[one.W_hh], d[one.b_h]] }));
  at.t = Math.max(0, Math.min(T - 1, at.t));
  scales.clear();
}
const { head, loss: lossName, read_only: readOnly } = original;
const both = original.cells.some(one => one.reverse); // directions
const sameSteps = () => ghost && ghost.x.length === T; // else its curves would be those of other words
const cell = () => cells[at.cell], current = () => cell().steps[at.t];
const before = t => cell().reverse ? t + 1 : t - 1; // the step whose state this one reads as its memory
const units = () => cell().W_hh.map((_, i) => i).slice(at.from, at.from + SLICE);
const oneAnswer = () => head && !head.each_step; // after the last step
const answerAt = t => !head ? null : head.each_step ? now.logits[t] : t === T - 1 ? now.logits : null;
const answerNow = () => answerAt(oneAnswer() ? T - 1 : at.t);
const inCode = () => head && at.cell === cells.length - 1 && !both; // a head of two directions reads both at once
const dX = (n, t) => cells.filter(one => one.layer === cells[n].layer).map(one => one.flows[t].d_x).reduce(add);

// ---- text
const escaped = text => String(text).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const word = text => `<bdi>${escaped(text)}</bdi>`; // isolated, so that a mark in it can't change the direction of what follows
const straight = text => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, ""); // the same where no element can be
const brief = (text, most) => { const letters = [...text]; return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : text; };
const named = t => tokens[t] === "" ? `step ${t}` : `“${word(tokens[t])}”`;
const hint = t => tokens[t] === "" ? `step ${t}` : `“${escaped(straight(tokens[t]))}”`;
const placed = t => tokens[t] === "" ? `step ${t}` : `step ${t}, ${named(t)}`;
const fixed = v => !Number.isFinite(v) ? "overflow" : v === 0 ? "0.0000" : Math.abs(v) < 5e-5 ? v.toExponential(1) : Math.abs(v) < 1e6 ? v.toFixed(4) : v.toExponential(3);
const given = v => Math.abs(v) >= 1e6 ? v.toExponential(3) : String(+v.toFixed(4)).replace(/^-0$/, "0"); // a weight as short as it was written
const table = (kind, names, rows) => `<table class="${kind}"><thead><tr>${names.map(name => name === "bar" ? '<td class="bar"></td>' : `<th scope="col">${name}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
const bar = share => `<td class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></td>`;
const soft = text => `<p class="soft">${text}</p>`, HIDDEN = soft("Hidden until you have answered.");
const picture = (wide, high, label, inside, attributes = "") => `<svg viewBox="0 0 ${wide} ${high}" width="100%" role="img" aria-label="${label}" ${attributes}>${inside}</svg>`;
const tick = (y, text, from, to) => `<path class="edge faint" d="M${from} ${y}H${to}"/><text class="small" x="${from - 6}" y="${y + 4}" text-anchor="end">${text}</text>`;
const share = v => !Number.isFinite(v) ? "overflow" : v === 0 ? "0 %" : v < 1e-4 ? "&lt; 0.01 %" : v > 99 ? `${v > 1e4 ? v.toExponential(1) : v.toFixed(0)}-fold` : `${v >= 0.1 ? (100 * v).toFixed(0) : (100 * v).toPrecision(2)} %`;
const W_xh = "W<sub>xh</sub>", W_hh = "W<sub>hh</sub>";
const sub = (name, i) => `${name}<sub>${i}</sub>`;
const term = text => text.startsWith("-") ? `(${text})` : text;
const was = (v, past, write = fixed) => past === undefined || write(v) === write(past) ? "" : ` <small class="was">was ${write(past)}</small>`;

// ---- sizes and colours
const norm = values => Math.hypot(...values);
const largest = values => values.reduce((most, v) => Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most, 1e-300);
const largestIn = rows => rows.reduce((most, row) => Math.max(most, largest(row)), 1e-300);
const part = (v, most) => Number.isFinite(v) ? Math.min(1, Math.abs(v) / most) : 1; // how strong its colour is, how long its bar
const scales = new Map(); // the largest number of a kind over all steps, so that all steps have one scale of colours
function scale(kind, list = "steps", n = at.cell) {
  const key = `${n} ${list} ${kind}`;
  if (!scales.has(key)) scales.set(key, largestIn(cells[n][list].map(one => one[kind])));
  return scales.get(key);
}
const stateScale = () => ["tanh", "sigmoid"].includes(cell().f) ? 1 : scale("h_t");
const tint = (v, most, power = 1) => `style="--v:${(part(v, most) ** power).toFixed(3)}"`;
const kinds = (...names) => names.some(Boolean) ? ` class="${names.filter(Boolean).join(" ")}"` : "";

// ---- drawing: what differs is changed, and every other element stays
const drawn = new Map();
function show(id, html) {
  if (drawn.get(id) === html) return;
  drawn.set(id, html);
  const template = document.createElement("template");
  template.innerHTML = html;
  match($(id), template.content);
}
function match(element, wanted) {
  let old = element.firstChild, node = wanted.firstChild;
  while (node) {
    const [nextOld, next] = [old && old.nextSibling, node.nextSibling];
    if (!old) element.append(node);
    else if (old.nodeName !== node.nodeName) old.replaceWith(node);
    else if (node.nodeType !== Node.ELEMENT_NODE) old.data = node.data;
    else if (!old.isEqualNode(node)) {
      for (const { name, value } of node.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
      for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
      match(old, node);
    }
    [old, node] = [nextOld, next];
  }
  while (old) { const next = old.nextSibling; old.remove(); old = next; }
}

// ---- vectors and matrices
function number(v, write, edit) { // edit: the key, the index and the name of a number that can be changed
  if (!edit || readOnly) return write(v);
  const [key, index, name] = edit;
  return `<span class="edit" role="spinbutton" tabindex="0" data-edit="${escaped(key)}" data-index="${index}" aria-label="${name}" aria-valuenow="${v}">${write(v)}</span>`;
}
function grid(name, rows, most, { write = fixed, key = "", read = "", pick = "", edit = null, rowed = true, power = 1 } = {}) { // a matrix, a row for each unit shown; pick: its sums can be shown; read: every row is multiplied with it
  const body = rows.slice(0, SLICE).map((row, i) => {
    const unit = rowed ? at.from + i : i, on = rowed && unit === at.unit;
    const shown = row.slice(0, SLICE).map((v, j) => {
      const text = pick ? `<button data-pick="${unit}" aria-label="${pick}, unit ${unit}: ${write(v)}. Show its sum">${write(v)}</button>` : number(v, write, edit && edit(unit, j));
      return `<td ${tint(v, most, power)}${kinds(v < 0 && "minus", on && "on", text[0] === "<" && "full")}>${text}</td>`;
    });
    return `<tr${rowed ? ` data-unit="${unit}"` : ""}>${shown.join("")}${row.length > SLICE ? '<td class="more">…</td>' : ""}</tr>`;
  });
  if (rows.length > SLICE) body.push('<tr><td class="more">…</td></tr>');
  const cut = rows[0].length > SLICE ? `, ${SLICE} of ${rows[0].length} columns` : "";
  return `<figure${kinds(read && "read")} data-grid="${key}" data-read="${read}"><figcaption>${name}${cut}</figcaption><table class="grid" role="presentation">${body.join("")}</table></figure>`;
}
function column(name, values, most, { all = false, ...options } = {}) { // a vector, upright: of the units shown, or all of it
  return grid(name, (all ? values : slice(values)).map(v => [v]), most, { rowed: !all, ...options });
}
const unknownColumn = (name, values, options) => column(name, zerosLike(values), 1, { ...options, write: () => "?", pick: "" });
const then = (sign, figure) => `<span class="tied"><span class="sign">${sign}</span>${figure}</span>`; // stays on one line
const scroll = (html, name = "") => `<div class="scroll ${name}" tabindex="0" role="group" aria-label="numbers">${html}</div>`;
const row = (...figures) => scroll(`<div class="row">${figures.join("")}</div>`);
const slice = rows => units().map(i => rows[i]);
const editing = (key, name) => (i, j) => [key, [i, j], `${name}[${i}, ${j}]`];
const editingVector = (key, name) => i => [key, [i], `${name}[${i}]`];

// ---- the unrolled network
const EDGE = 48, HALF = 45; // before the first step, and half a cell
const narrow = matchMedia("(max-width: 40rem)"), zoom = () => narrow.matches ? .72 : 1;
let room = 0, scrollLeft = 0; // the part of the picture on the screen; asking the browser at every change would cost a layout
const gap = () => Math.max(132, Math.min(240, (room / zoom() - 60) / T)); // from step to step
function unrolled() { // only the steps in view are drawn
  const c = cell(), shown = units(), GAP = gap(), wide = T * GAP + 54, high = c.layer ? 192 : 174;
  const first = Math.max(0, Math.floor(scrollLeft / zoom() / GAP) - 1), last = Math.min(T, Math.ceil((scrollLeft + room) / zoom() / GAP) + 1);
  const label = (x, y, name, index, more = "") => `<text${kinds(more !== "big" && "small")} x="${x}" y="${y}" text-anchor="middle">${name}<tspan dy="3" font-size="${more === "big" ? 11 : 9}">${index}</tspan>${more === "big" ? "" : more}</text>`;
  const column = t => {
    const x = EDGE + t * GAP, mid = x + HALF, h = c.steps[t].h_t, side = Math.min(14, 84 / shown.length), hidden = hides("state", t), text = escaped(brief(tokens[t], 13));
    const squares = shown.map((i, n) => `<rect x="${mid - shown.length * side / 2 + n * side}" y="38" width="${side - 2}" height="12" rx="2" style="fill:color-mix(in oklab, var(--${h[i] < 0 ? "minus" : "plus"}) ${hidden ? 0 : (100 * part(h[i], stateScale())).toFixed(0)}%, var(--card));stroke:var(--line)"/>`).join("");
    const [from, to, tip] = c.reverse ? [x + GAP, x + 97, x + 91] : [x - GAP + 2 * HALF, x - 8, x - 1], way = c.reverse ? "9" : "-9";
    const zero = t === (c.reverse ? T - 1 : 0) && c.steps[t].h_prev.every(v => v === 0);
    return `<g class="column${t === at.t ? " lit" : ""}" data-t="${t}"><title>${hint(t)}${hidden ? "" : `: h = ${h.slice(0, SLICE).map(fixed).join(", ")}`}</title>
      <path class="edge" d="M${from} 88H${to}"/><path class="tip" d="M${tip} 88l${way} -4v8z"/>${label(c.reverse ? x + 113 : x - 23, 80, "h", before(t), zero ? '<tspan dy="-3"> = 0</tspan>' : "")}
      ${label(mid, 28, "h", t, "big")}${squares}<path class="edge" d="M${mid} 68V58M${mid} 156V142"/><path class="tip" d="M${mid} 52l-4 8h8zM${mid} 132l-4 8h8z"/>
      <rect class="box" x="${x}" y="68" width="90" height="40" rx="8"/><text x="${mid}" y="93" text-anchor="middle">${c.f}</text>
      ${label(mid - (c.b_h ? 25 : 14), 124, "W", "xh")}${label(mid + (c.b_h ? 2 : 14), 124, "W", "hh")}${c.b_h ? label(mid + 26, 124, "b", "h") : ""}
      ${text && !c.layer ? `<text x="${mid}" y="174" text-anchor="middle">${text}</text>` : label(mid, 174, "x", t, "big")}${c.layer ? `<text class="small" x="${mid}" y="194" text-anchor="middle">${text}</text>` : ""}</g>`;
  };
  const columns = Array.from({ length: Math.max(0, last - first) }, (_, n) => column(first + n));
  return `<svg width="${wide * zoom()}" height="${high * zoom()}" viewBox="0 8 ${wide} ${high}" role="img" aria-label="${T} steps of one cell, each reading an input and the state before it">${columns.join("")}</svg>`;
}
const below = () => `the state of the layer below${both ? " (both directions)" : ""}`; // what x is above layer 0

// ---- one step's arithmetic
function arithmetic() {
  const c = cell(), s = current(), t = at.t, b = before(t), n = at.cell, few = units().length * (s.x_t.length + s.h_t.length) <= 40, y = inCode() ? answerAt(t) : null;
  const most = scale("a_t"), unknown = hides("state", t), first = c.reverse ? t === T - 1 : t === 0, p = network.parameters;
  const result = (name, values, top, options = {}) => unknown ? unknownColumn(name, values, options) : column(name, values, top, options);
  const reads = network.embedding ? `the vector of ${hint(t)}` : `x_${t}`;
  const weights = (name, text) => grid(text, slice(c[name]), largestIn(c[name]), { write: given, key: name, edit: editing(c.keys[name], name) });
  const fromInput = `${W_xh} ${sub("x", t)}`, fromMemory = `${W_hh} ${sub("h", b)}`;
  const x = column(sub("x", t), s.x_t, scale("x_t"), { write: given, all: true, read: "x", edit: c.layer ? null : i => ["x", [t, i], `${reads}[${i}]`] });
  const h = column(sub("h", b), s.h_prev, stateScale(), { all: true, read: "h", write: first ? given : fixed, edit: first ? i => ["h_0", [n, i], `h_${b}[${i}]`] : null });
  const parts = [row(weights("W_xh", W_xh), then("·", x), then("=", result(fromInput, s.from_input, most, { pick: "from the input" }))),
    row(weights("W_hh", W_hh), then("·", h), then("=", result(fromMemory, s.from_memory, most, { pick: "from memory" }))),
    row(result(fromInput, s.from_input, most), then("+", result(fromMemory, s.from_memory, most)), c.b_h ? then("+", column("b<sub>h</sub>", c.b_h, largest(c.b_h), { write: given, edit: editingVector(c.keys.b_h, "b_h") })) : "", then("=", result(sub("a", t), s.a_t, most, { pick: "the sum" })), then(`${c.f} →`, result(sub("h", t), s.h_t, stateScale(), { pick: "the state" })))];
  if (y) {
    const W_hy = p[head.W_hy], b_y = p[head.b_y], name = oneAnswer() ? "y" : sub("y", t);
    parts.push(row(grid("W<sub>hy</sub>", W_hy, largestIn(W_hy), { write: given, rowed: false, key: "W_hy", edit: editing(head.W_hy, "W_hy") }), then("·", result(sub("h", t), s.h_t, stateScale(), { all: true })),
      b_y ? then("+", column("b<sub>y</sub>", b_y, largest(b_y), { write: given, all: true, edit: editingVector(head.b_y, "b_y") })) : "", then("=", hides("probability", t) || unknown ? unknownColumn(name, y, { all: true }) : column(name, y, largest(y), { all: true }))));
  }
  const told = unknown ? "" : `<ul class="sums">${(few ? units() : [at.unit]).map(sums).join("")}</ul>${y && !hides("probability", t) ? `<ul class="sums">${y.slice(0, SLICE / 2).map(answers).join("")}</ul>` : ""}`;
  return `<p class="soft">${c.layer ? `This cell reads x<sub>${t}</sub>: ${below()}, at ${placed(t)}` : `The network reads ${tokens[t] === "" ? sub("x", t) : named(t)}`}. Point at a result to see the row and the column that made it.</p>
    <div class="rows">${parts.join("")}</div>${told}`;
}
function products(weights, values) { // a row times a column; of many terms the largest
  let terms = weights.map((w, j) => [w, values[j]]), rest = "";
  if (terms.length > SLICE) {
    terms.sort((one, two) => Math.abs(two[0] * two[1]) - Math.abs(one[0] * one[1]));
    rest = ` + … (${terms.length - SLICE} smaller: ${fixed(terms.slice(SLICE).reduce((sum, [w, v]) => sum + w * v, 0))})`;
    terms = terms.slice(0, SLICE);
  }
  return terms.map(([w, v], j) => `${j ? term(given(w)) : given(w)}·${term(given(v))}`).join(" + ") + rest;
}
function answers(value, k) {
  const { [head.W_hy]: W_hy, [head.b_y]: b_y } = network.parameters;
  return `<li>${oneAnswer() ? "y" : sub("y", at.t)}[${k}] = ${products(W_hy[k], current().h_t)}${b_y ? ` + ${term(given(b_y[k]))}` : ""} = <b>${fixed(value)}</b></li>`;
}
function sums(i) {
  const c = cell(), s = current(), t = at.t, b = before(t);
  return `<li data-sum="${i}"${kinds(i === at.unit && "on")}>(${W_xh} x<sub>${t}</sub>)[${i}] = ${products(c.W_xh[i], s.x_t)} = <b>${fixed(s.from_input[i])}</b><br>(${W_hh} h<sub>${b}</sub>)[${i}] = ${products(c.W_hh[i], s.h_prev)} = <b>${fixed(s.from_memory[i])}</b><br>h<sub>${t}</sub>[${i}] = ${c.f}(${fixed(s.from_input[i])} + ${term(fixed(s.from_memory[i]))}${c.b_h ? ` + ${term(fixed(c.b_h[i]))}` : ""}) = ${c.f}(${fixed(s.a_t[i])}) = <b>${fixed(s.h_t[i])}</b></li>`;
}

// ---- states over time
function windowed() { // the steps around the current one that tables have room for
  const first = Math.max(0, Math.min(at.t - WINDOW / 2, T - WINDOW));
  return tokens.map((_, t) => t).slice(first, first + WINDOW);
}
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
const QUICK = 2e6, MOST = 3e8; // multiplications: up to QUICK the page computes at once, up to MOST when nothing moves
let left = { of: null, norms: [], timer: 0 }; // how much of a change of the first state is left after each step: || J_t ... J_1 ||_2
function changeLeft(steps) {
  const c = cell(), size = c.W_hh.length, work = T * size ** 3, key = `${at.cell} ${steps[0]}`;
  if (work > MOST) return null;
  if (left.of === c && left.key === key) return left.norms;
  const find = () => {
    const norms = Array(T).fill(NaN), order = readingOrder(T, c.reverse);
    let J = c.W_hh.map((_, i) => c.W_hh.map((_, j) => i === j ? 1 : 0));
    order.forEach((t, n) => { // J_t = diag(f'(a_t)) W_hh
      const slope = functionsOf(c, t)[1];
      if (n) J = c.W_hh.map((weights, i) => timesTransposed(J, weights).map(v => v * slope(c.steps[t].h_t[i], i)));
      if (work <= QUICK || steps.includes(t)) norms[t] = spectralNorm(J);
    });
    clearTimeout(left.timer);
    left = { of: c, key, norms, timer: 0 };
  };
  if (work <= QUICK) find();
  else { clearTimeout(left.timer); left.timer = setTimeout(() => { find(); draw(); }, 250); return []; }
  return left.norms;
}
function line(values, px, py, style) { // at most 600 points, so that a long curve stays quick
  const every = Math.ceil(values.length / 600), points = values.map((v, t) => [t, v]).filter(([t, v]) => t % every === 0 && Number.isFinite(v));
  return `<polyline points="${points.map(([t, v]) => `${px(t).toFixed(1)},${py(v).toFixed(1)}`).join(" ")}" ${style}/>`;
}
function states() {
  if (asking("state")) return HIDDEN;
  const c = cell(), shown = units(), steps = windowed(), first = c.reverse ? T - 1 : 0, norms = changeLeft(steps), past = sameSteps() && ghost.cells[at.cell].steps;
  const heat = shown.map(i => `<tr><th scope="row">h[${i}]</th>${steps.map(t => { const v = c.steps[t].h_t[i];
    return `<td ${tint(v, stateScale())}${kinds(v < 0 && "minus", t === at.t && "now")}>${fixed(v)}</td>`; }).join("")}</tr>`);
  const rest = norms ? `<tr><th scope="row">change left</th>${steps.map(t => `<td style="--v:0"${kinds(t === at.t && "now")}>${norms[t] === undefined ? "…" : share(norms[t])}</td>`).join("")}</tr>` : "";
  const curves = list => shown.map(i => list.map(s => s.h_t[i])), lines = curves(c.steps);
  const low = c.f === "tanh" ? -1 : Math.min(0, ...lines.map(values => values.reduce((least, v) => Math.min(least, v), 0))), high = stateScale();
  const px = t => T > 1 ? 34 + t * 552 / (T - 1) : 310, py = v => 168 - (v - low) / (high - low) * 156;
  const drawnLines = lines.map((values, n) => line(values, px, py, `stroke="var(--c${n})" stroke-dasharray="${DASHES[n % 4]}"`) + (T <= 40 ? values.map((v, t) => Number.isFinite(v) ? `<circle cx="${px(t)}" cy="${py(v)}" r="3.2" fill="var(--c${n})"/>` : "").join("") : ""));
  const shadows = past ? curves(past).map((values, n) => line(values.map(v => Math.max(low, Math.min(high, v))), px, py, `class="ghost" stroke="var(--c${n})"`)) : [];
  const ticks = [low, (low + high) / 2, high].map(v => tick(py(v), Math.abs(v) < 1e3 ? +v.toPrecision(2) : v.toExponential(0), 34, 590)).join("");
  const every = Math.ceil(T / 10), names = tokens.map((_, t) => t % every ? "" : `<text class="small" x="${px(t)}" y="190" text-anchor="middle">${t}</text>`).join("");
  return `<div>${scroll(table("heat", ["unit", ...steps.map(t => `${word(tokens[t])}<br>t=${t}`)], [...heat, rest]))}
    ${norms ? soft(`The last row: change h<sub>${first}</sub> a little, and after each step at most this share of the change is left in the state (the norm of ∂h<sub>t</sub>/∂h<sub>${first}</sub>).`) : ""}
    ${isBig() ? '<canvas id="overview" role="img" aria-label="All units at all steps, coloured by sign and size"></canvas>' : ""}</div>
    <div>${picture(600, 196, "The states as curves over time", `<path d="M${px(at.t)} 8V172" stroke="var(--lit)" stroke-width="2" opacity=".7"/>${ticks}${names}${shadows.join("")}${drawnLines.join("")}`)}
    <ul class="legend">${shown.map((i, n) => `<li><svg viewBox="0 0 32 8" aria-hidden="true"><path d="M0 4H32" stroke="var(--c${n})" stroke-width="3" stroke-dasharray="${DASHES[n % 4]}"/></svg> h[${i}] = ${fixed(current().h_t[i])}${was(current().h_t[i], past ? past[at.t].h_t[i] : undefined)}</li>`).join("")}</ul></div>`;
}
const isBig = () => T > WINDOW || cell().W_hh.length > SLICE;
function overview() { // all units of all steps, a pixel each: the stronger, the less of the paper shows through
  const canvas = $("overview"), rows = cell().steps, most = stateScale();
  const [plus, minus] = ["plus", "minus"].map(name => getComputedStyle(document.querySelector(`.colours .${name}`)).backgroundColor.match(/[\d.]+/g).map(Number));
  canvas.width = T; canvas.height = rows[0].h_t.length;
  const pen = canvas.getContext("2d"), image = pen.createImageData(canvas.width, canvas.height);
  rows.forEach((s, t) => s.h_t.forEach((v, i) => image.data.set([...v < 0 ? minus : plus, 255 * (t === at.t ? 1 : part(v, most))], 4 * (i * T + t))));
  pen.putImageData(image, 0, 0);
}

// ---- the code, line by line
function program() {
  const c = cell(), started = c.steps[c.reverse ? T - 1 : 0].h_prev.some(v => v !== 0), size = c.W_hh.length;
  const W_hy = head && head.b_y ? "W_hy @ h + b_y" : "W_hy @ h";
  const lines = [
    [started ? "h = h_0" : `h = zeros(${size})`, started ? "The initial state is given." : "Nothing has been read: the memory is empty."],
    [`for x in ${c.reverse ? "reversed(inputs)" : "inputs"}:`, c.layer ? "The next state of the layer below becomes x." : "The next token's vector becomes x."],
    ["    from_input = W_xh @ x", "What does this input contribute? One number for each hidden unit."],
    ["    from_memory = W_hh @ h", "What does the memory contribute? h is still the previous state."],
    [`    a = from_input + from_memory${c.b_h ? " + b_h" : ""}`, "The contributions add up."],
    [`    h = ${c.f}(a)`, `${({ tanh: "tanh maps the sum into -1..1", relu: "relu replaces everything below 0 by 0", sigmoid: "sigmoid maps the sum into 0..1", linear: "The sum stays as it is" })[c.f] || "Your function maps the sum"}: this is the new state. The old one is gone.`],
    ["    states.append(h)", "Kept for output, the states at every step."],
  ];
  if (inCode() && !oneAnswer()) lines.push([`    y.append(${W_hy})`, "The head reads the state at every step."]);
  if (inCode() && oneAnswer()) lines.push([`y = ${W_hy}`, "The head reads the final state."]);
  if (inCode() && oneAnswer() && now.logits.length === 1) lines.push(["p = 1 / (1 + exp(-y))  # for a logit", "If y is a logit, this turns it into a probability."]);
  return lines;
}
const loopEnd = () => 6 + (inCode() && !oneAnswer() ? 1 : 0);
function variables() { // the value of every variable after the current line has run
  const c = cell(), { t, line } = at, s = c.steps[t], b = before(t), previous = c.steps[b], count = Math.abs(t - (c.reverse ? T - 1 : 0)), p = network.parameters;
  const vector = v => v ? [`(${v.length})`, `[${v.slice(0, SLICE).map(fixed).join(", ")}${v.length > SLICE ? ", …" : ""}]`] : ["", "not yet"];
  const matrix = m => [`(${m.length}, ${m[0].length})`, m.slice(0, 4).map(row => `[${row.slice(0, SLICE).map(given).join(", ")}${row.length > SLICE ? ", …" : ""}]`).join("\n") + (m.length > 4 ? "\n…" : "")];
  const list = (n, of) => [`(${n}${n ? `, ${of}` : ""})`, n ? `${n} vector${n > 1 ? "s" : ""}` : "[]"];
  const held = (from, kind) => vector(line >= from ? s[kind] : previous && line > 0 ? previous[kind] : null);
  const entries = [["x", ...vector(line >= 1 ? s.x_t : null), 1], ["from_input", ...held(2, "from_input"), 2], ["from_memory", ...held(3, "from_memory"), 3], ["a", ...held(4, "a_t"), 4],
    ["h", ...vector(line >= 5 ? s.h_t : s.h_prev), line === 0 ? 0 : 5], ["states", ...list(count + (line >= 6 ? 1 : 0), c.W_hh.length), 6]];
  if (inCode() && oneAnswer()) {
    entries.push(["y", ...vector(line >= 7 ? now.logits : null), 7]);
    if (now.logits.length === 1) entries.push(["p", ...vector(line >= 8 ? now.logits.map(sigmoid) : null), 8]);
  } else if (inCode()) entries.push(["y", ...(line >= 7 ? [`(${count + 1}, ${now.logits[t].length})`, `… ${vector(now.logits[t])[1]}`] : list(count, now.logits[t].length)), 7]);
  entries.push(["inputs", ...list(T, s.x_t.length), -1], ["W_xh", ...matrix(c.W_xh), -1], ["W_hh", ...matrix(c.W_hh), -1]);
  if (c.b_h) entries.push(["b_h", ...vector(c.b_h), -1]);
  if (inCode()) { entries.push(["W_hy", ...matrix(p[head.W_hy]), -1]); if (head.b_y) entries.push(["b_y", ...vector(p[head.b_y]), -1]); }
  return entries;
}
function code() {
  if (asking("state", "probability")) return HIDDEN;
  const lines = program();
  at.line = Math.min(at.line, lines.length - 1);
  return `<div><ol class="code">${lines.map(([text], n) => `<li><button data-line="${n}"${n === at.line ? ' aria-current="step"' : ""}>${escaped(text)}</button></li>`).join("")}</ol>
    <p class="note"><b>t = ${at.t}, line ${at.line + 1} has run.</b> ${lines[at.line][1]}</p>
    <div class="tools"><button data-do="line-back">◀ line back</button><button data-do="line-next">next line ▶</button></div></div>`
    + scroll(`${table("variables", ["name", "shape", "value now"], variables().map(([name, shape, value, set]) => `<tr data-name="${name}"${kinds(set === at.line && "new")}><th scope="row">${name}</th><td>${shape}</td><td>${value}</td></tr>`))}`);
}

// ---- backward
function backward() {
  if (asking("state", "gradient")) return HIDDEN;
  const c = cell(), t = at.t, n = at.cell, b = before(t), later = c.reverse ? t - 1 : t + 1;
  if (!c.flows) {
    return `<p>This page was made without a loss, so there are no gradients, and you can't train. Pass a loss to <code>trace</code> to see the way back here:</p><pre tabindex="0">run = model.forward(tokens)
trace(run, words, loss=binary_cross_entropy, targets=labels).save_html("steps.html")</pre>`;
  }
  const flow = c.flows[t], most = scale("d_h", "flows"), ending = !c.steps[later], slope = current().h_t.map(functionsOf(c, t)[1]);
  const faint = { power: .5 };
  const outer = values => slice(flow.d_a.map(d => values.slice(0, SLICE).map(v => d * v)));
  const outerScale = kind => c.flows.reduce((top, f, k) => Math.max(top, largest(f.d_a) * largest(c.steps[k][kind])), 1e-300);
  const d_x = tokens.map((_, k) => dX(n, k));
  const [d_W_xh, d_W_hh, d_b_h] = c.totals, total = (name, rows) => grid(name, rows, largestIn(rows), faint);
  const ofH = c.flows.map(f => norm(f.d_h)), ofX = d_x.map(norm), top = largest(ofH), topX = largest(ofX), winner = strongest(ofX);
  const rows = windowed().map(k => { const h = ofH[k], x = ofX[k];
    return `<tr${kinds(k === t && "now")}><th scope="row" title="${hint(k)}">t=${k} ${word(tokens[k])}</th><td>${fixed(h)}</td>${bar(part(h, top))}<td>${fixed(x)}</td>${bar(part(x, topX))}</tr>`; });
  const slopeName = c.f === "tanh" ? `1 − ${sub("h", t)}²` : `${c.f}′`;
  return `<p class="soft">Read it from the last step to the first. The gradient of h<sub>${t}</sub> comes from its own output and ${ending ? "from later steps, of which there are none here" : `from later steps, as ${W_hh}<sup>T</sup> dL/da<sub>${later}</sub> (often called dhnext)`}. ${c.f}′ scales it. It goes on to the weights${c.b_h ? " (to b<sub>h</sub> as it is)" : ""}, the input and the step before. Colours have one scale for all steps and grow with the square root, so that weak gradients show.</p>
    <div class="rows">${row(column("own output", flow.from_output, most, faint), then("+", column("from the future", flow.from_future, most, faint)), then("=", column(`dL/d${sub("h", t)}`, flow.d_h, most, faint)), then("×", column(slopeName, slope, 1)), then("=", column(`dL/d${sub("a", t)}`, flow.d_a, most, faint)))}
    ${row(column(`dL/d${sub("x", t)} = ${W_xh}<sup>T</sup> dL/d${sub("a", t)}${both ? " of both directions" : ""}`, d_x[t], largestIn(d_x), { power: .5, all: true }))}
    ${row(grid(`adds to d_${W_xh}: dL/d${sub("a", t)} ${sub("x", t)}<sup>T</sup>`, outer(current().x_t), outerScale("x_t"), faint), grid(`adds to d_${W_hh}: dL/d${sub("a", t)} ${sub("h", b)}<sup>T</sup>`, outer(current().h_prev), outerScale("h_prev"), faint))}</div>
    ${scroll(table("plain", ["step", "size of dL/dh", "bar", "size of dL/dx, of the input", "bar"], rows), "sizes")}
    <p class="soft">Size is the Euclidean norm. ${winner < 0 ? "Overflow: on its way back the gradient grew beyond what a number can hold." : c.layer ? `x is ${below()}; its gradient is largest at ${placed(winner)}: ${fixed(ofX[winner])}.` : `The input with the largest gradient is that of ${placed(winner)}: ${fixed(ofX[winner])}.`}</p>
    <p class="soft">What the steps add, summed over all of them, as <code>backward</code> gives it for this sequence:</p>
    ${row(total(`d_${W_xh}`, slice(d_W_xh)), total(`d_${W_hh}`, slice(d_W_hh)), c.b_h ? column("d_b<sub>h</sub>", d_b_h, largest(d_b_h), faint) : "")}`;
}
const strongest = sizes => sizes.some(v => !Number.isFinite(v)) ? -1 : sizes.reduce((best, v, t) => v > sizes[best] ? t : best, 0);

// ---- the output, and how much gradient reaches each word
const probabilities = y => lossName === "cross_entropy" ? softmax(y) : lossName === "binary_cross_entropy" ? y.map(sigmoid) : null;
function outcome() {
  const t = oneAnswer() ? T - 1 : at.t;
  if (!head) return soft("This is the trace of an RNN without a head, so there is no output and no loss.");
  if (asking("state", "probability")) return HIDDEN;
  const of = result => oneAnswer() ? result.logits : result.logits[t], y = of(now), p = probabilities(y), target = !lossName ? null : oneAnswer() ? network.target : network.target[t];
  const past = ghost && ghost.logits && of(ghost), pastP = past && probabilities(past), single = y.length === 1 && lossName === "binary_cross_entropy";
  const three = v => v.toFixed(3), place = k => lossName === "cross_entropy" ? (oneAnswer() ? [] : [t]) : oneAnswer() ? [k] : [t, k];
  const choose = (k, value, text) => readOnly ? "" : `<button data-target="${value}" data-index="${place(k)}" aria-pressed="${(lossName === "cross_entropy" ? target : target[k]) === value}">${text}</button>`;
  const lossLine = lossName ? `<p class="loss">loss <b>${fixed(now.loss)}</b>${was(now.loss, ghost && ghost.loss !== null ? ghost.loss : undefined)}</p>` : "";
  if (single) {
    return `<p class="answer"><b>p = ${three(p[0])}</b>${was(p[0], pastP ? pastP[0] : undefined, three)}</p>
      <div class="meter" role="img" aria-label="The probability is ${three(p[0])}"><i style="width:${(100 * p[0]).toFixed(2)}%"></i>${pastP ? `<b style="left:${(100 * pastP[0]).toFixed(2)}%"></b>` : ""}</div>
      ${lossLine}<div class="tools"><span>${oneAnswer() ? "The answer" : `The answer at t = ${t}`} should be</span>${choose(0, 1, "1, yes")}${choose(0, 0, "0, no")}</div>`;
  }
  const ofTarget = k => !lossName ? "" : lossName === "cross_entropy" ? `<td>${choose(k, k, target === k ? "target" : "choose")}</td>` : `<td>${number(target[k], given, ["target", place(k), `target[${place(k).join(", ")}]`])}</td>`;
  const rows = y.slice(0, SLICE).map((v, k) => `<tr><th scope="row">${k}</th><td>${fixed(v)}${was(v, past ? past[k] : undefined)}</td>${p ? `<td>${three(p[k])}</td>${bar(p[k])}` : ""}${ofTarget(k)}</tr>`);
  return `${scroll(table("plain", [oneAnswer() ? "output" : `at t=${t}`, "y", ...p ? ["p", "bar"] : [], ...lossName ? ["target"] : []], rows))}${y.length > SLICE ? `<p class="soft">${SLICE} of ${y.length} outputs</p>` : ""}${lossLine}`;
}
const portion = v => v > 2 && v < Infinity ? `${v.toPrecision(3)} times` : `${share(v)} of`;
function fading() { // the size of dL/dx at each step, on a logarithmic axis
  if (asking("gradient")) return HIDDEN;
  if (!now.flows) return soft("There are no gradients: <code>trace</code> was given no loss.");
  const sizes = now.d_x.map(norm), past = sameSteps() && ghost.flows && ghost.d_x.map(norm), known = [...sizes, ...past || []].filter(v => v > 0 && v < Infinity).map(Math.log10);
  const high = known.length ? Math.ceil(known.reduce((most, v) => Math.max(most, v)) + .01) : 0, low = Math.max(high - 16, Math.min(high - 2, Math.floor(known.reduce((least, v) => Math.min(least, v), high))));
  const px = t => T > 1 ? 40 + t * 350 / (T - 1) : 215, py = v => 122 - (Math.max(low, Math.min(high, v > 0 ? Math.log10(v) : low)) - low) / (high - low) * 110;
  const apart = Math.ceil((high - low) / 4), ticks = Array.from({ length: Math.floor((high - low) / apart) + 1 }, (_, n) => high - n * apart).map(v => tick(py(10 ** v), `10<tspan dy="-5" font-size="9">${v}</tspan>`, 40, 394)).join("");
  const every = Math.ceil(T / 8), names = tokens.map((token, t) => t % every ? "" : `<text class="small" x="${px(t)}" y="142" text-anchor="${T > 1 && t === T - 1 ? "end" : "middle"}">${escaped(brief(straight(token), 9)) || t}</text>`).join("");
  const winner = strongest(sizes), dots = T <= 40 ? sizes.map((v, t) => !v ? "" : `<circle cx="${px(t)}" cy="${py(v)}" r="${t === at.t ? 5 : 3.5}" class="${t === at.t ? "lit" : ""}"/>`).join("") : "";
  return `${picture(400, 150, "The size of the gradient at each input, on a logarithmic axis", `<text class="small" x="46" y="26">‖dL/dx‖</text>${ticks}${names}${past ? line(past, px, py, 'class="ghost"') : ""}${line(sizes.map(v => v || NaN), px, py, "")}${dots}`, 'class="fading"')}
    ${soft(winner < 0 ? "The gradient has overflowed." : sizes[winner] === 0 ? `No gradient reaches any word: ${lossName && now.loss < 1e-6 ? "the answer is already right. Choose another one." : "every path back is blocked."}` : `Largest at ${placed(winner)}: ${fixed(sizes[winner])}.${sizes[T - 1] ? ` The first word has ${portion(sizes[0] / sizes[T - 1])} the last word’s.` : ""} To lower the loss, move a word’s vector against its dL/dx.`)}`;
}
