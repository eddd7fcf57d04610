
// ---- training
let losses = [], training = null, runs = 0; // the losses of the curve; the run of training that is going on
const still = matchMedia("(prefers-reduced-motion: reduce)");
let rate = 0.5;
function trainSteps(count, name) {
  let next = network, result = now;
  const seen = losses.length ? [] : [now.loss];
  for (let k = 0; k < count; k++) {
    next = sgdStep(next, result.gradients, rate);
    result = compute(next);
    if (!Number.isFinite(result.loss)) fails("The loss overflowed. Use a smaller learning rate.");
    seen.push(result.loss);
  }
  losses.push(...seen);
  change(next, name);
}
function train(steps) { // an animation of one step per frame; all at once for readers who want no motion
  stopTraining();
  const name = `train ${++runs}`, atOnce = still.matches ? Math.min(steps, 50) : 1;
  let taken = 0;
  const frame = () => {
    training = null;
    if (!attempt(() => trainSteps(atOnce, name), $("rate").parentElement)) return stopTraining();
    taken += atOnce;
    if (taken >= steps) return stopTraining();
    training = still.matches ? setTimeout(frame, 1000) : requestAnimationFrame(frame);
    label();
  };
  frame();
}
function stopTraining() { clearTimeout(training); cancelAnimationFrame(training); training = null; label(); }
function label() { $("train-play").textContent = training === null ? "Train" : "Pause"; }
$("rate").onkeydown = event => event.stopPropagation();
$("rate").onchange = () => {
  if (attempt(() => { const value = parsed($("rate").value); rate = value > 0 ? value : fails("Use a learning rate above 0."); }, $("rate").parentElement)) complain("");
  $("rate").value = rate;
};
function lossCurve() {
  if (losses.length < 2) return "";
  const most = largest(losses), points = losses.map((v, k) => `${(4 + k * 392 / (losses.length - 1)).toFixed(1)},${(66 - v / most * 60).toFixed(1)}`);
  return picture(400, 72, "The loss after each training step", `<path class="edge faint" d="M4 66H396"/><polyline points="${points.join(" ")}"/>`, 'class="fading"')
    + soft(`${losses.length - 1} step${losses.length > 2 ? "s" : ""}: loss ${fixed(losses[0])} → <b>${fixed(losses[losses.length - 1])}</b>`);
}

// ---- predict, then look
const asking = (...kinds) => asked !== null && kinds.includes(asked.kind);
const hides = (kind, t) => asking(kind) && (kind !== "state" || (cell().reverse ? t <= asked.t : t >= asked.t));
const questions = original.questions.length ? original.questions
  : [["state"], ...head ? [["probability"]] : [], ...original.loss || original.upstream ? [["gradient"]] : []];
let turn = 0;
function ask(n) {
  turn = n % questions.length;
  const [kind, t = Math.min(at.t + 1, T - 1), unit = at.unit] = questions[turn];
  asked = { kind, t, unit, reply: "", text: "" };
  if (kind === "state") { at.t = Math.min(t, T - 1); at.cell = cells.length - 1; at.from = unit - unit % SLICE; at.unit = unit; }
  if (kind === "probability" && oneAnswer()) at.t = T - 1;
  draw();
  $("quiz").scrollIntoView({ block: "nearest" });
  $("quiz").querySelector("input,select").focus({ preventScroll: true });
}
const outputOf = () => probabilities(answerNow()) || answerNow();
function quiz() {
  if (!asked) return "";
  const { kind, t, unit, reply } = asked;
  asked.text ||= { state: `Which number will h<sub>${t}</sub>[${unit}] be, after the network has read ${named(t)}?`,
    probability: `What is the ${probabilities([0]) ? "probability" : "output"}${head && network.parameters[head.W_hy].length > 1 ? " of output 0" : ""}${oneAnswer() ? "" : ` at ${placed(at.t)}`}?`,
    gradient: "Which word has the largest gradient? It is the one whose vector would change the loss most." }[kind];
  const field = kind === "gradient" ? `<select id="guess" aria-label="Your guess">${tokens.map((token, k) => `<option value="${k}">t=${k} ${escaped(straight(token))}</option>`).join("")}</select>` : '<input id="guess" inputmode="decimal" autocomplete="off" aria-label="Your guess">';
  return `<h2>Predict, then look</h2><p>${asked.text} <b role="status">${reply}</b></p>
    <div class="tools">${reply ? "" : `${field}<button data-do="answer">Look</button>`}${reply && questions.length > 1 ? '<button data-do="ask-next">Next question</button>' : ""}<button data-do="ask-stop">${reply ? "Close" : "Stop asking"}</button></div>`;
}
function reply() {
  const { kind, t, unit } = asked;
  if (kind === "gradient") {
    const sizes = now.d_x.map(norm), best = strongest(sizes), guess = +$("guess").value;
    asked.reply = guess === best ? `Yes: it is ${named(best)}, with ${fixed(sizes[best])}.` : `It is ${named(best)}, with ${fixed(sizes[best])}. The gradient of ${named(guess)} is ${fixed(sizes[guess])}.`;
  } else {
    const truth = kind === "state" ? cells[cells.length - 1].steps[t].h_t[unit] : outputOf()[0], guess = parsed($("guess").value), off = Math.abs(guess - truth);
    asked.reply = `You said ${given(guess)}. It is ${fixed(truth)}: ${off < 5e-5 ? "exactly right" : `${fixed(off)} apart`}.`;
  }
  asked.kind = "";
  draw();
}

// ---- moving through the steps
let rest = 0; // while a number moves, what is out of view is drawn when it stops
const inView = element => { const { top, bottom } = element.getBoundingClientRect(); return bottom > 0 && top < innerHeight; };
function draw(quickly = false) {
  if (!T) { $("where").textContent = "The sequence is empty: no step was taken."; return; }
  const t = at.t, y = answerNow(), c = cell();
  show("equation", `h<sub>t</sub> = ${c.f}(${W_xh} x<sub>t</sub> + ${W_hh} h<sub>t${c.reverse ? "+" : "−"}1</sub>${c.b_h ? " + b<sub>h</sub>" : ""})`);
  show("sentence", tokens.join("").trim() ? tokens.slice(0, T > 60 ? 12 : T).map(word).join(" ") + (T > 60 ? ` … ${T} steps` : "") : `${T} steps`);
  show("below", c.layer ? ` What it reads, x<sub>t</sub>, is ${below()} at that step.` : "");
  show("quiz", quiz());
  $("quiz").hidden = !asked;
  const parts = { unrolled, outcome, curve: lossCurve, fading, arithmetic, states, code, backward };
  const seen = Object.keys(parts).filter(id => !quickly || inView($(id))); // before anything changes, because that would need a new layout
  for (const id of seen) show(id, parts[id]());
  clearTimeout(rest);
  if (quickly) rest = setTimeout(() => draw(), 150);
  show("word-name", tokens[t] === "" ? `step ${t}` : word(brief(tokens[t], 13)));
  if ($("overview")) overview();
  const p = y && probabilities(y), answer = y && (p && p.length === 1 ? `p = ${p[0].toFixed(3)}` : `y = ${y.slice(0, 4).map(fixed).join(", ")}${y.length > 4 ? ", …" : ""}`);
  show("where", `<b>t = ${t}</b> of ${T - 1}${tokens[t] === "" ? "" : `, “${word(brief(tokens[t], 40))}”`}${y && !asking("state", "probability") ? `; ${oneAnswer() ? "in the end " : ""}${answer}` : ""}`);
  document.title = `${straight($("sentence").textContent).trim()}: a recurrent network, step by step`;
  controls();
}
function controls() { // fields and buttons show what is there now
  const typing = canBeTyped(), c = cell(), radius = radiusOf(c.W_hh);
  document.body.classList.toggle("typing", typing);
  if (document.activeElement !== $("say") && $("say").value !== tokens.join(" ")) { $("say").value = tokens.join(" "); fitSentence(); }
  $("f").value = c.f;
  if (gesture !== "scale") $("radius").value = radius;
  $("radius-text").textContent = Number.isFinite(radius) ? radius < 1e4 ? radius.toFixed(2) : radius.toExponential(1) : "overflow";
  document.querySelector('[data-do="undo"]').disabled = !done.length;
  document.querySelector('[data-do="redo"]').disabled = !undone.length;
}
function fitSentence() { const box = $("say"); box.style.height = "auto"; box.style.height = `${box.scrollHeight}px`; }
function follow() { // scroll sideways, inside their boxes, to what belongs to the current step
  const box = $("unrolled"), lit = (EDGE + at.t * gap() + HALF) * zoom();
  if (lit < box.scrollLeft + 60 || lit > box.scrollLeft + box.clientWidth - 60) box.scrollLeft = lit - box.clientWidth / 2;
  const table = document.querySelector("#states .scroll"), cell = table && table.querySelector(".now");
  if (cell) table.scrollLeft = cell.offsetLeft + cell.offsetWidth / 2 - (table.clientWidth + cell.parentElement.cells[0].offsetWidth) / 2; // the names stay in sight
}
function go(t) {
  at.t = Math.max(0, Math.min(T - 1, t));
  if (at.line < 1 || at.line > loopEnd()) at.line = 5;
  draw(); follow();
}
function goLine(n) { // before the loop and after it there is only one moment
  const first = cell().reverse ? T - 1 : 0;
  if (n === 0) at.t = first;
  if (n > loopEnd()) at.t = T - 1 - first;
  at.line = n;
  draw(); follow();
}
function byLine(way) {
  const c = cell(), on = c.reverse ? -1 : 1, inLoop = at.line >= 1 && at.line <= loopEnd(), last = program().length - 1;
  let { t, line } = at;
  line += way;
  if (inLoop && line > loopEnd() && c.steps[t + on]) { t += on; line = 1; }
  else if (inLoop && line < 1 && c.steps[t - on]) { t -= on; line = loopEnd(); }
  if (line < 0 || line > last) return;
  at.t = t; at.line = line;
  draw(); follow();
}
function play(on) {
  clearInterval(at.playing);
  if (on && at.t === T - 1) go(0);
  at.playing = on ? setInterval(() => at.t < T - 1 ? go(at.t + 1) : play(false), 1200) : null;
  document.querySelector('[data-do="play"]').textContent = on ? "Pause" : "Play";
}
function cut() { // which units are shown
  const count = cell().W_hh.length;
  $("slice").innerHTML = Array.from({ length: Math.ceil(count / SLICE) }, (_, n) => `<option value="${n * SLICE}">units ${n * SLICE} to ${Math.min(count, (n + 1) * SLICE) - 1}</option>`).join("");
  $("slice").hidden = count <= SLICE;
  at.from = at.unit = 0;
}

// ---- buttons and keys
const steering = { first: () => go(0), back: () => go(at.t - 1), next: () => go(at.t + 1), last: () => go(T - 1), "line-back": () => byLine(-1), "line-next": () => byLine(1) };
const doing = {
  play: () => play(!at.playing),
  undo: () => travel(done, undone),
  redo: () => travel(undone, done),
  reset: () => { stopTraining(); rnn.reset(); },
  "train-1": () => train(1), "train-50": () => train(50), "train-play": () => training === null ? train(Infinity) : stopTraining(),
  ask: () => ask(turn), "ask-next": () => ask(turn + 1), "ask-stop": () => { asked = null; draw(); }, answer: () => attempt(reply, $("guess").parentElement),
};
document.addEventListener("click", event => {
  const target = event.target.closest("[data-do],[data-word],[data-line],[data-pick],[data-target],[data-t],#overview");
  if (!target || !T) return;
  const data = target.dataset;
  if (steering[data.do]) { play(false); steering[data.do](); }
  else if (data.do) doing[data.do]();
  else if (data.word) attempt(wordTools[data.word], target.parentElement);
  else if (data.line) goLine(+data.line);
  else if (data.pick) { at.unit = +data.pick; draw(); }
  else if (data.target) change(withNumber(network, "target", placeOf(target).index, +data.target));
  else if (target.id === "overview") go(Math.min(T - 1, Math.floor(event.offsetX / target.clientWidth * T)));
  else go(+data.t);
  if (event.detail && document.activeElement.matches("button")) document.activeElement.blur(); // by pointer: leave the keys to the page
});
for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, event => {
  const picked = !drag && event.target.closest && event.target.closest("#arithmetic tr[data-unit]");
  if (picked && +picked.dataset.unit !== at.unit) { at.unit = +picked.dataset.unit; show("arithmetic", arithmetic()); }
});
document.addEventListener("keydown", event => {
  if (!T || event.target.matches("input,textarea")) {
    if (event.key === "Enter" && event.target.id === "guess") doing.answer();
    return;
  }
  const element = event.target.closest(".edit"), z = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (z === "z" || z === "y")) { doing[z === "y" || event.shiftKey ? "redo" : "undo"](); event.preventDefault(); return; }
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (element && upOrDown(event)) { const place = placeOf(element); attempt(() => nudge(place, valueAt(place.key, place.index), event)); }
  else if (element && event.key === "Enter") openEditor(element);
  else if (element && /^[\d.,-]$/.test(event.key)) openEditor(element, event.key);
  else if (way) { play(false); if (event.shiftKey) byLine(way); else go(at.t + way); }
  else if (event.key === "Home") { play(false); go(0); }
  else if (event.key === "End") { play(false); go(T - 1); }
  else if (event.key === " " && !event.target.closest("button,select,summary")) play(!at.playing);
  else return;
  event.preventDefault();
});

// ---- around the page: its frame, its theme, printing
const dark = matchMedia("(prefers-color-scheme: dark)"), print = matchMedia("print");
dark.onchange = () => draw();
const tellHeight = () => { if (parent !== window) parent.postMessage({ height: Math.ceil(document.body.getBoundingClientRect().height) }, "*"); };
addEventListener("message", event => { // from the page around this one
  if (event.source !== parent || parent === window || !event.data) return;
  if (["light", "dark", "auto"].includes(event.data.theme)) { document.documentElement.dataset.theme = event.data.theme; if (T) draw(); }
  tellHeight();
});
print.onchange = () => { // on paper every step has its numbers
  const shown = at.t, steps = print.matches ? Math.min(T, 100) : 0;
  show("all-steps", Array.from({ length: steps }, (_, t) => { at.t = t; return `<section><h2>t = ${t}${tokens[t] === "" ? "" : `, “${word(tokens[t])}”`}</h2>${arithmetic()}</section>`; }).join(""));
  at.t = shown;
};
addEventListener("hashchange", () => attempt(() => openLink(location.hash)));

// ---- start
function resized() {
  ({ scrollLeft, clientWidth: room } = $("unrolled"));
  if (T) { show("unrolled", unrolled()); fitSentence(); }
}
function start() {
  recompute();
  $("cell").innerHTML = cells.map((one, n) => `<option value="${n}">${escaped(one.name)}</option>`).join("");
  $("cell").value = at.cell;
  $("cell").hidden = cells.length < 2;
  $("cell").onchange = () => { at.cell = +$("cell").value; cut(); draw(); follow(); };
  $("slice").onchange = () => { at.from = at.unit = +$("slice").value; draw(); };
  $("unrolled").onscroll = resized;
  resized();
  document.body.classList.toggle("read-only", Boolean(readOnly) || !T);
  document.body.classList.toggle("untrainable", !lossName || Boolean(readOnly));
  const apart = difference(original), equal = apart <= (original.dtype === "float32" ? 1e-4 : 1e-10);
  $("check").classList.toggle("wrong", !equal);
  $("check").textContent = `recomputed here, ${equal ? `equal to Python’s to ${apart === 0 ? "the last digit" : apart.toExponential(0)}` : `different from Python’s: ${apart.toExponential(1)}`}`;
  $("why").textContent = `You can look at this network, but not change it: ${readOnly}.`;
  $("why").hidden = !readOnly;
  if (T) cut();
  draw();
  attempt(() => openLink(location.hash));
  if (original.questions.length && T) ask(0);
  new ResizeObserver(() => { resized(); tellHeight(); }).observe(document.body);
  tellHeight();
}
start();
