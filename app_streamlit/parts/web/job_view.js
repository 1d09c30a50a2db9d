// One job, live: how far it is, its graph with the state of each node, previews, curves, and what it said.

const REFRESH_MS = 400;
const CURVE = { width: 320, height: 120, left: 52, bottom: 20, top: 8, right: 8 };

class JobView {
  constructor(root) {
    this.root = h("div.job");
    root.append(this.root);
    this.model = null;
  }

  update(data) {
    this.data = data;
    this.at = Date.now() / 1000;
    if (this.job !== data.job || (this.model.over && data.events > this.model.seq)) this._follow(data.job);
    this._soon();
  }

  close() {
    this.stop?.();
    clearInterval(this.clock);
    this.watch?.disconnect();
    clearTimeout(this.timer);
    this.timer = null;
    this.giveUp?.();
  }

  _follow(job) {
    this.close();
    this.job = job;
    this.model = new JobModel();
    this.told = null;
    this.stop = channel(
      () => `job=${encodeURIComponent(job)}&after=${this.model.seq}`,
      (message) => {
        this.lost = message.type === "lost";
        if (message.kind) this.model.take(message);
        this._soon();
      },
    );
    this.clock = setInterval(() => this.model.over || this._soon(), 1000); // times left run down between events
    this._build();
  }

  _build() {
    const { words } = this.data;
    this.state = h("span.badge");
    this.note = h("span.muted");
    this.fill = h("i");
    this.bar = h("div.bar", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": words.progress }, this.fill);
    this.says = h("div.muted", { "aria-live": "polite" });
    this.edges = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.edges.setAttribute("aria-hidden", "true");
    this.columns = h("div.columns");
    this.graph = h("div.graph", { role: "group", "aria-label": words.graph }, this.edges, this.columns);
    this.shown = h("div.previews");
    this.curves = h("div.curves");
    this.log = h("ol.log", { tabindex: 0, "aria-label": words.log });
    this.logbox = h("details", {}, h("summary", {}, words.log), this.log);
    this.root.replaceChildren(
      h("div.head", {}, this.state, this.note),
      this.bar,
      this.says,
      this.curves,
      this.shown,
      this.graph,
      this.logbox,
    );
    this.boxes = new Map();
    this.watch = new ResizeObserver(() => this._edges());
    this.watch.observe(this.columns);
    for (const layer of layers(this.data.graph)) {
      const column = h("div.column");
      for (const name of layer) column.append(this._box(name));
      this.columns.append(column);
    }
  }

  _box(name) {
    const { graph, labels } = this.data;
    const box = { state: h("span.dot"), note: h("div.note"), fill: h("i"), inner: h("div.inner"), chips: new Map() };
    const label = labels[graph[name].type] ?? graph[name].type;
    box.element = h("div.node", {}, h("div.title", {}, box.state, h("span", {}, label)), box.note, box.inner, h("div.bar", {}, box.fill));
    this.boxes.set(name, box);
    return box.element;
  }

  _soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.root.isConnected) this._draw();
    });
  }

  _draw() {
    const { model } = this;
    const { words, states } = this.data;
    const percent = Math.round(model.fraction * 100);
    this.state.className = `badge ${model.state}`;
    this.state.textContent = this.data.shown[model.state] ?? states[model.state] ?? model.state;
    this.fill.style.width = `${percent}%`;
    this.bar.setAttribute("aria-valuenow", percent);
    this.bar.dataset.event = model.seq; // which event the page has come to
    const parts = [`${percent} %`];
    if (this.lost) parts.push(words.lost);
    else if (model.over && model.started) parts.push(filled(words.took, { time: duration(model.ended - model.started, this.data.time) }));
    else if (model.state === "running") parts.push(this._left());
    this.note.textContent = parts.filter(Boolean).join(" · ");
    const busy = [...model.nodes.values()].filter((node) => node.state === "running" && node.message);
    this.says.textContent = model.over ? "" : busy.map((node) => node.message).slice(0, 2).join(" · ");
    this.boxes.forEach((box, name) => this._node(box, name));
    this._previews();
    this._curves();
    this._lines();
    this._edges();
    this._tell();
  }

  _left() {
    const { words, eta } = this.data;
    const now = Date.now() / 1000;
    const nodes = [...this.model.nodes.values()].filter((node) => node.state === "running" && node.eta);
    const left = Math.max((eta ?? 0) - (now - this.at), ...nodes.map((node) => node.eta - now));
    return left > 0 ? filled(words.left, { time: duration(left, this.data.time) }) : "";
  }

  _node(box, name) {
    const node = this.model.nodes.get(name) ?? { state: "pending", inner: [], message: "" };
    const { states, time } = this.data;
    const state = node.state === "expanded" ? (this.model.over ? this.model.state : "running") : node.state;
    box.element.className = `node ${state}`;
    box.state.title = states[state] ?? state;
    box.fill.style.width = `${Math.round(this.model.done(name) * 100)}%`;
    const took = node.ended && node.began ? duration(node.ended - node.began, time) : "";
    const left = state === "running" && node.eta ? node.eta - Date.now() / 1000 : 0;
    box.note.textContent =
      state === "running"
        ? [node.message || states.running, left >= 1 ? duration(left, time) : ""].filter(Boolean).join(" · ")
        : [states[state] ?? state, took].filter(Boolean).join(" · ");
    box.note.title = box.note.textContent;
    for (const inner of node.inner) {
      if (!box.chips.has(inner)) {
        const chip = h("span.chip");
        box.chips.set(inner, chip);
        box.inner.append(chip);
      }
      const part = this.model.nodes.get(inner);
      const chip = box.chips.get(inner);
      chip.className = `chip ${part.state}`;
      chip.textContent = part.name.slice(name.length + 1).replace("-", " ");
      chip.title = `${states[part.state] ?? part.state} ${part.message}`;
      chip.style.setProperty("--done", `${Math.round(this.model.done(inner) * 100)}%`);
    }
  }

  _edges() {
    const frame = this.columns.getBoundingClientRect();
    if (!frame.width || matchMedia("(max-width: 44rem)").matches) return this.edges.replaceChildren();
    this.edges.setAttribute("width", frame.width);
    this.edges.setAttribute("height", frame.height);
    const lines = [];
    for (const [name, { needs }] of Object.entries(this.data.graph)) {
      for (const from of needs) {
        const [a, b] = [from, name].map((end) => this.boxes.get(end).element.getBoundingClientRect());
        const [x1, y1] = [a.right - frame.left, a.top + a.height / 2 - frame.top];
        const [x2, y2] = [b.left - frame.left, b.top + b.height / 2 - frame.top];
        const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
        const bend = Math.max(12, (x2 - x1) / 2);
        line.setAttribute("d", `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`);
        lines.push(line);
      }
    }
    this.edges.replaceChildren(...lines);
  }

  _previews() {
    for (const preview of this.model.previews.slice(this.shown.childElementCount)) {
      const source = fileOf(preview.artifact);
      const view =
        preview.kind === "audio"
          ? h("audio", { src: source, controls: true, preload: "none" })
          : h("img", { src: source, alt: preview.caption, loading: "lazy" });
      this.shown.append(h("figure", {}, view, h("figcaption.muted", {}, preview.caption)));
    }
  }

  _curves() {
    const { words } = this.data;
    const drawn = [];
    for (const steps of this.model.figures.values()) {
      const named = new Map();
      for (const [step, figures] of [...steps].sort((a, b) => a[0] - b[0]))
        for (const [name, value] of Object.entries(figures)) {
          if (!named.has(name)) named.set(name, []);
          named.get(name).push([step, value]);
        }
      named.forEach((points, name) => drawn.push(curve(words[`figure_${name}`] ?? name, points)));
    }
    this.curves.replaceChildren(...drawn);
  }

  _lines() {
    const known = this.log.childElementCount;
    for (const line of this.model.lines.slice(known)) {
      const time = new Date(line.time * 1000).toLocaleTimeString();
      this.log.append(h("li", {}, h("time.muted", {}, time), h("b", {}, line.node ?? ""), h("span", {}, line.text)));
    }
    this.logbox.hidden = !this.model.lines.length;
  }

  /** The page around this part has results, causes, what can be done and how long it takes: they change with these. */
  _tell() {
    const { model } = this;
    const done = [...model.nodes.values()].filter((node) => NODE_DONE.has(node.state)).length;
    const facts = model.over ? model.state : `${model.state} ${done}`;
    if (facts === this.told || !model.seq) return;
    const first = this.told === null; // the past, of which the page knows unless the job has just changed
    this.told = facts;
    if (first && model.state === this.data.state) return;
    this.timer ??= setTimeout(() => {
      this.giveUp = whenAtRest(() => {
        this.timer = null;
        if (!model.over || model.state !== this.data.state) this.component.setTriggerValue("news", facts);
      });
    }, REFRESH_MS);
  }
}

/** Names by layers: each behind all that it needs. */
function layers(graph) {
  const depth = {};
  const of = (name) => (depth[name] ??= graph[name].needs.length ? 1 + Math.max(...graph[name].needs.map(of)) : 0);
  const found = [];
  for (const name of Object.keys(graph)) (found[of(name)] ??= []).push(name);
  return found;
}

/** A line chart of [step, value] with its newest value. */
function curve(label, points) {
  const { width, height, left, bottom, top, right } = CURVE;
  const values = points.map((point) => point[1]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = points.at(-1);
  const x = (step) => left + ((width - left - right) * step) / Math.max(1, last[0]);
  const y = (value) => top + (height - top - bottom) * (1 - (high > low ? (value - low) / (high - low) : 0.5));
  const short = (value) => Number(value.toPrecision(3)).toString();
  const path = points.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)},${y(value).toFixed(1)}`).join("");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${label}: ${short(last[1])}`);
  const add = (tag, attributes, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.textContent = text;
    svg.append(element);
  };
  add("path", { d: `M${left},${top}V${height - bottom}H${width - right}`, class: "axis" });
  add("text", { x: left - 6, y: top + 10, class: "end" }, short(high));
  add("text", { x: left - 6, y: height - bottom, class: "end" }, short(low));
  add("text", { x: width - right, y: height - 5, class: "end" }, String(last[0]));
  if (points.length > 1) add("path", { d: path, class: "line" });
  add("circle", { cx: x(last[0]), cy: y(last[1]), r: 3.5, class: "tip" });
  return h("figure", {}, h("figcaption", {}, `${label} `, h("b", {}, short(last[1]))), svg);
}

export default (component) => mounted(component, JobView);
