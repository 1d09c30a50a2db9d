// A job as its events tell it: which nodes there are, how far each is, what it said. Mirrors the service's progress.

const JOB_ENDED = new Set(["succeeded", "failed", "cancelled"]);
const NODE_DONE = new Set(["succeeded", "cached"]);
const MOST_LINES = 500;

class JobModel {
  constructor() {
    this.seq = 0;
    this.state = "queued";
    this.error = null;
    this.nodes = new Map();
    this.top = [];
    this.lines = [];
    this.previews = [];
    this.figures = new Map();
    this.started = null;
    this.ended = null;
  }

  get over() {
    return JOB_ENDED.has(this.state);
  }

  /** Take the next event; false for one that is known already. */
  take(event) {
    if (event.seq <= this.seq) return false;
    this.seq = event.seq;
    const dot = event.kind.indexOf(".");
    const [of, what] = dot < 0 ? [event.kind, ""] : [event.kind.slice(0, dot), event.kind.slice(dot + 1)];
    if (of === "job") this._job(what, event);
    else if (of === "node") this._node(what, event, this._named(event.node));
    else if (of === "log") this._line(event, event.data.message);
    else if (of === "model") this._model(what, event);
    return true;
  }

  /** 0 to 1. */
  get fraction() {
    return this.state === "succeeded" ? 1 : this._mean(this.top);
  }

  /** The nodes that took the place of this one. */
  inner(name) {
    return this.nodes.get(name)?.inner ?? [];
  }

  done(name) {
    const node = this.nodes.get(name);
    if (!node) return 0;
    if (NODE_DONE.has(node.state)) return 1;
    return node.inner.length ? this._mean(node.inner) : node.fraction;
  }

  _mean(names) {
    return names.length ? names.reduce((sum, name) => sum + this.done(name), 0) / names.length : 0;
  }

  _named(name) {
    if (!this.nodes.has(name))
      this.nodes.set(name, { name, type: "", state: "pending", fraction: 0, message: "", eta: null, inner: [], began: null, ended: null });
    return this.nodes.get(name);
  }

  _job(what, event) {
    this.state = what;
    if (what === "queued" && event.data.nodes) this.top = event.data.nodes;
    if (what === "running") this.started ??= event.time;
    if (what === "running") this.ended = null;
    if (JOB_ENDED.has(what)) this.ended = event.time;
    this.error = event.data.error ?? (what === "failed" ? event.data : null);
    this.top.forEach((name) => this._named(name));
  }

  _node(what, event, node) {
    const { data } = event;
    if (what === "progress") {
      node.fraction = data.fraction;
      node.message = data.message ?? "";
      node.eta = data.eta_s == null ? null : event.time + data.eta_s;
    } else if (what === "expanded") {
      node.state = what;
      node.inner = data.nodes;
      data.nodes.forEach((name) => this._named(name));
    } else if (what === "preview") {
      this.previews.push({ node: node.name, ...data });
    } else if (what === "figures") {
      if (!this.figures.has(node.name)) this.figures.set(node.name, new Map());
      this.figures.get(node.name).set(data.step, data.figures);
    } else if (what !== "saved" && what !== "partial") {
      node.state = what;
      node.error = data.error ?? null;
      if (data.type) node.type = data.type;
      if (what === "running") [node.began, node.fraction, node.message, node.eta] = [event.time, 0, "", null];
      else node.ended = event.time;
    }
  }

  _model(what, event) {
    const { slot, engine, message, fraction } = event.data;
    const node = event.node && this.nodes.get(event.node);
    if (node) node.message = what === "loading" ? (message ?? "") : "";
    if (what !== "loading" || !fraction) this._line(event, [`${slot}/${engine}`, message ?? what].join(": "));
  }

  _line(event, text) {
    if (!text) return;
    this.lines.push({ time: event.time, node: event.node, text });
    if (this.lines.length > MOST_LINES) this.lines.shift();
  }
}
