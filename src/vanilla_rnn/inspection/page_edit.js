
// ---- changes: each is a new network, and the old ones are kept for undo
const done = [], undone = [];
let moving = "", gesture = ""; // a drag is one gesture: undo takes back all of it
rnn.onchange = previous => {
  const continued = Boolean(moving) && moving === gesture;
  if (moving !== null && !continued) { done.push(previous); undone.length = 0; ghost = now; }
  gesture = moving || "";
  if (!gesture.startsWith("train")) losses = [];
  complain("");
  recompute(); draw(continued); link();
};
function change(next, name = "") { moving = name; rnn.change(next); moving = ""; }
function travel(from, to) {
  if (!from.length) return;
  to.push(rnn.network); ghost = now; moving = null;
  rnn.change(from.pop());
  moving = "";
}
function complain(text, field = $("sentence").parentElement) { // next to the field; what was there stays
  const box = $("complaint");
  if (box.textContent !== text) box.textContent = text;
  box.hidden = !text;
  if (text) field.insertAdjacentElement("afterend", box);
}
function attempt(action, field) { try { action(); return true; } catch (error) { complain(error.message, field); return false; } }
function parsed(text) {
  const clean = text.trim().replace(",", ".").replace("−", "-"), value = Number(clean);
  return clean === "" ? fails("Type a number.") : Number.isNaN(value) ? fails(`“${brief(clean, 20)}” is not a number.`)
    : Number.isFinite(value) ? value : fails("This number is too large. Type a smaller one.");
}

// ---- one number: drag it, press up and down, or type
function valueAt(key, index) {
  const { embedding, parameters } = network;
  if (key === "x") return embedding ? parameters[embedding.key][embedding.rows[index[0]]][index[1]] : network.x[index[0]][index[1]];
  return index.reduce((array, i) => array[i], { ...parameters, h_0: network.h_0, target: network.target }[key]);
}
const placeOf = element => ({ key: element.dataset.edit, index: element.dataset.index === "" ? [] : element.dataset.index.split(",").map(Number) });
const setNumber = ({ key, index }, value, name) => change(withNumber(network, key, index, Math.abs(value) < 1e-12 ? 0 : +value.toPrecision(12)), name);
const upOrDown = ({ key }) => ({ ArrowUp: 1, ArrowDown: -1 })[key];
const nudge = (place, from, event) => setNumber(place, from + upOrDown(event) * (event.shiftKey ? .01 : .1), `keys ${place.key} ${place.index}`);
let drag = null;
document.addEventListener("pointerdown", event => {
  if (!event.target.closest("#editor")) closeEditor();
  const element = event.target.closest(".edit");
  if (!element || event.button) return;
  const place = placeOf(element);
  drag = { place, x: event.clientX, from: valueAt(place.key, place.index), moved: false, name: `drag ${done.length} ${element.dataset.edit}` };
});
document.addEventListener("pointermove", event => {
  if (!drag) return;
  const pixels = event.clientX - drag.x;
  if (!drag.moved && Math.abs(pixels) < 3) return;
  drag.moved = true;
  document.body.classList.add("dragging");
  attempt(() => setNumber(drag.place, drag.from + pixels * (event.shiftKey ? .001 : .01), drag.name));
});
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, event => {
  const element = event.target.closest && event.target.closest(".edit");
  if (drag && !drag.moved && element && kind === "pointerup") openEditor(element);
  if (drag) { drag = null; gesture = ""; document.body.classList.remove("dragging"); }
});
function openEditor(element, text = null) {
  const { left, bottom, width, top } = element.getBoundingClientRect(), box = $("editor"), place = placeOf(element), input = $("typed");
  box.hidden = false;
  box.style.left = `${Math.max(4, Math.min(left + scrollX - 4, document.documentElement.clientWidth - 180))}px`;
  box.style.top = `${top + scrollY - 4}px`;
  box.place = place; box.from = element;
  input.value = text === null ? valueAt(place.key, place.index) : text;
  input.setAttribute("aria-label", element.getAttribute("aria-label"));
  input.focus();
  if (text === null) input.select();
}
function closeEditor(focus = false) {
  const box = $("editor");
  if (box.hidden) return;
  box.hidden = true;
  complain("");
  if (focus && box.from.isConnected) box.from.focus({ preventScroll: true });
}
function commit(focus) {
  const { place } = $("editor"), input = $("typed");
  if (attempt(() => setNumber(place, parsed(input.value)), input)) closeEditor(focus);
  else input.value = valueAt(place.key, place.index); // the last good number
}
$("typed").onkeydown = event => {
  event.stopPropagation();
  if (upOrDown(event)) {
    event.preventDefault();
    const { place } = $("editor"), input = $("typed");
    if (attempt(() => nudge(place, parsed(input.value), event), input)) input.value = valueAt(place.key, place.index);
  }
  if (event.key === "Enter") commit(true);
  if (event.key === "Escape") closeEditor(true);
};
$("typed").onblur = () => { if (!$("editor").hidden && $("typed").value !== String(valueAt($("editor").place.key, $("editor").place.index))) commit(false); };

// ---- the sentence
const LONGEST = 5000;
const canBeTyped = () => !readOnly && T > 0 && T <= 60 && tokens.every(token => token !== "" && !/[\s<>&\p{C}]/u.test(token));
function vectorOf(text, size) { // of a new word, from its letters: the same in every page, and in `python -m vanilla_rnn`
  let hash = 2166136261;
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return Array.from({ length: size }, () => {
    hash = (Math.imul(hash, 1664525) + 1013904223) >>> 0;
    return ((hash >>> 16) % 201 - 100) / 100;
  });
}
function arrange(picks) { // the network for another sentence; picks: numbers of steps, or new words
  const { embedding, x, target, upstream, parameters, cells: [{ W_xh }] } = network, each_step = head && head.each_step, size = parameters[W_xh][0].length;
  const table = embedding ? { ...embedding, ids: [...embedding.ids], words: [...embedding.words], rows: [] } : null, added = [];
  if (!picks.length) fails("The sentence needs at least one word.");
  if (upstream && (upstream.d_output || each_step)) fails("trace was given gradients for exactly these steps.");
  if (picks.length > LONGEST) fails(`The sentence would have more than ${LONGEST.toLocaleString("en")} steps.`);
  const steps = picks.map(pick => typeof pick === "string" && tokens.includes(pick) ? tokens.indexOf(pick) : pick); // a known word, elsewhere
  const rowOf = text => {
    const known = table.words.indexOf(text);
    if (known >= 0) return known;
    if (head && head.W_hy === table.key) fails("The network can't read new words: its output has no row for them.");
    table.ids.push(Math.max(table.count, ...table.ids.map(id => id + 1)));
    added.push(vectorOf(text, size));
    return table.words.push(text) - 1;
  };
  if (table) table.rows = steps.map(pick => typeof pick === "string" ? rowOf(pick) : embedding.rows[pick]);
  const follow = list => list && steps.map(pick => typeof pick === "string" ? zerosLike(list[0]) : list[pick]); // what belongs to a step moves with it
  return { ...network, tokens: steps.map(pick => typeof pick === "string" ? pick : tokens[pick]), embedding: table || undefined,
    x: table ? undefined : steps.map(pick => typeof pick === "string" ? vectorOf(pick, size) : x[pick]),
    target: each_step ? follow(target) : target,
    parameters: added.length ? { ...parameters, [table.key]: [...parameters[table.key], ...added] } : parameters };
}
function say(text) {
  const words = text.split(/\s+/).filter(Boolean), bad = words.find(one => !tokens.includes(one) && /[<>&\p{C}]/u.test(one));
  if (bad) fails(`“${brief(straight(bad), 20)}” can't be a word here. Leave out <, > and &.`);
  let first = 0, last = 0;
  while (first < Math.min(words.length, T) && words[first] === tokens[first]) first++;
  while (last < Math.min(words.length, T) - first && words[words.length - 1 - last] === tokens[T - 1 - last]) last++;
  if (first + last === T && T === words.length) return;
  change(arrange(words.map((one, n) => n < first ? n : n >= words.length - last ? n - words.length + T : one)), "say");
}
const all = () => tokens.map((_, t) => t);
const move = way => { const to = at.t + way, picks = all(); if (to < 0 || to >= T) return; [picks[at.t], picks[to]] = [picks[to], picks[at.t]]; at.t = to; change(arrange(picks)); };
const wordTools = {
  earlier: () => move(-1),
  later: () => move(1),
  repeat: () => change(arrange(all().toSpliced(at.t, 0, at.t))),
  remove: () => change(arrange(all().toSpliced(at.t, 1))),
  backwards: () => change(arrange(all().reverse())),
  longer: () => change(arrange(Array(5).fill(all()).flat())),
};
$("say").oninput = event => { fitSentence(); attempt(() => say(event.target.value), $("say")); };
$("say").onkeydown = event => { event.stopPropagation(); if (event.key === "Enter") { event.preventDefault(); $("say").blur(); } };
$("say").onblur = () => { gesture = ""; draw(); };

// ---- the nonlinearity, and the scale of W_hh
$("f").onchange = () => change({ ...network, cells: network.cells.map((one, n) => n === at.cell ? { ...one, f: $("f").value } : one) });
let base = null; // W_hh when the slider began to move, and its spectral radius
const radii = new WeakMap();
const radiusOf = W => { if (!radii.has(W)) radii.set(W, spectralRadius(W)); return radii.get(W); };
$("radius").oninput = () => {
  const { W_hh, keys } = cell(), radius = +$("radius").value;
  if (gesture !== "scale") base = { W_hh, radius: radiusOf(W_hh) };
  if (!(base.radius > 0)) { complain("The spectral radius of W_hh is 0, so scaling doesn't change it. Change one of its numbers first.", $("radius").parentElement); return; }
  change({ ...network, parameters: { ...network.parameters, [keys.W_hh]: each(base.W_hh, w => w * radius / base.radius) } }, "scale");
};
$("radius").onchange = () => { gesture = ""; };

// ---- the address: what differs from the page as it was written
const VERSION = "1", TOO_LONG = 60000;
const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b);
const linked = ({ tokens, x, h_0, target, embedding: { words, ids, rows } = {}, cells, parameters }) => ({ tokens, x, h_0, target, words, ids, rows, f: cells.map(one => one.f), parameters });
function changes() {
  const [then, since] = [linked(original), linked(network)], edits = {};
  for (const name in since) if (name !== "parameters" && differs(then[name], since[name])) edits[name] = since[name];
  for (const key in since.parameters) if (since.parameters[key] !== then.parameters[key] && differs(then.parameters[key], since.parameters[key])) (edits.parameters ||= {})[key] = since.parameters[key];
  return edits;
}
let linkTimer = 0;
function link() { clearTimeout(linkTimer); linkTimer = setTimeout(writeLink, 200); }
function writeLink() {
  const edits = changes(), text = Object.keys(edits).length ? `#${VERSION}:${encodeURIComponent(JSON.stringify(edits))}` : "";
  $("link").hidden = text.length > TOO_LONG;
  $("link").href = text || "#";
  if (text.length > TOO_LONG || location.hash === text) return;
  try { history.replaceState(null, "", text || location.pathname + location.search); } catch { /* a frame without an address of its own */ }
}
function openLink(hash) {
  const [, version, text] = /^#(\d+):(.*)$/s.exec(hash) || [];
  if (!version) return;
  if (version !== VERSION) fails(`This link belongs to version ${version} of the page; this is version ${VERSION}. The page shows its own numbers.`);
  if (readOnly) fails("This page can't be changed, so it doesn't follow the link.");
  let next = null;
  try { next = withChanges(JSON.parse(decodeURIComponent(text))); } catch { /* damaged */ }
  if (!next) fails("This link doesn't fit this page. The page shows its own numbers.");
  change(next);
}
const like = (a, b, grows) => Array.isArray(b) ? Array.isArray(a) && (grows || a.length === b.length) && a.every(part => like(part, b[0]))
  : typeof b === "number" ? Number.isFinite(a) : typeof a === typeof b;
function withChanges(edits) { // the network with these changes; an error if they don't fit
  const then = linked(original), { parameters, ...rest } = { ...then, ...edits, parameters: { ...then.parameters, ...edits.parameters } }, { embedding } = original;
  const perStep = ["tokens", "x", "rows", ...head && head.each_step ? ["target"] : []];
  const fits = Object.keys({ ...then, ...rest }).every(name => name === "parameters" || like(rest[name], then[name], perStep.includes(name) || ["words", "ids"].includes(name)))
    && Object.keys(parameters).every(key => like(parameters[key], then.parameters[key], embedding && key === embedding.key && key !== head.W_hy))
    && perStep.every(name => !rest[name] || rest[name].length === rest.tokens.length) && rest.tokens.length <= LONGEST
    && (!embedding || [rest.words, rest.ids].every(list => list.length === parameters[embedding.key].length));
  const { words, ids, rows, f, ...others } = rest;
  const next = { ...original, ...others, parameters, embedding: embedding && { ...embedding, words, ids, rows }, cells: original.cells.map((one, n) => ({ ...one, f: f[n] })) };
  const { h_n, loss } = compute(next); // a number that is missing somewhere makes these NaN
  return fits && [loss, ...h_n.flat()].every(v => v === null || Number.isFinite(v)) ? next : null;
}
