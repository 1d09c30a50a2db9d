// Jobs as rows: what each is, how far, what to do with it. Those that run are followed one by one.

const MOST_FOLLOWED = 10;

class JobRows {
  constructor(root) {
    this.root = h("ul.rows");
    root.append(this.root);
    this.followed = new Map();
  }

  update(data) {
    this.data = data;
    const running = data.rows.filter((row) => row.state === "running").slice(0, MOST_FOLLOWED);
    const wanted = new Set(running.map((row) => row.id));
    for (const [job, { stop }] of this.followed)
      if (!wanted.has(job)) {
        stop();
        this.followed.delete(job);
      }
    this.bars = new Map();
    this.root.replaceChildren(...data.rows.map((row) => this._row(row)));
    for (const row of running) if (!this.followed.has(row.id)) this._follow(row.id);
    for (const [job, { model }] of this.followed) this._show(job, model);
  }

  close() {
    this.followed.forEach(({ stop }) => stop());
    this.followed.clear();
  }

  _follow(job) {
    const model = new JobModel();
    const stop = channel(
      () => `job=${encodeURIComponent(job)}&after=${model.seq}`,
      (message) => {
        if (message.kind) model.take(message);
        this.frame ??= requestAnimationFrame(() => {
          this.frame = null;
          this.followed.forEach((one, name) => this._show(name, one.model));
        });
      },
    );
    this.followed.set(job, { model, stop });
  }

  _show(job, model) {
    const bar = this.bars.get(job);
    if (!bar || !model.seq) return;
    const percent = Math.round(model.fraction * 100);
    bar.fill.style.width = `${percent}%`;
    bar.bar.setAttribute("aria-valuenow", percent);
    const busy = [...model.nodes.values()].find((node) => node.state === "running" && !node.inner.length);
    bar.note.textContent = [`${percent} %`, busy && (this.data.labels[busy.type] ?? busy.name), busy?.message].filter(Boolean).join(" · ");
  }

  _row(row) {
    const { words } = this.data;
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.component.setTriggerValue("open", row.id);
    };
    const actions = row.actions.map((what) =>
      h(
        "button",
        { type: "button", "aria-label": `${words[what]}: ${row.title}`, onclick: () => this.component.setTriggerValue("act", { job: row.id, what }) },
        words[what],
      ),
    );
    const live = row.state === "running";
    const fill = h("i");
    const note = h("div.muted", {}, row.note);
    const bar = live ? h("div.bar", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": row.title }, fill) : null;
    if (live) this.bars.set(row.id, { bar, fill, note });
    return h(
      "li",
      {},
      row.poster ? h("img", { src: fileOf(row.poster), alt: "", loading: "lazy" }) : h("span.blank", { "aria-hidden": "true" }),
      h(
        "div.what",
        {},
        h("div", {}, h("a", { href: row.href, onclick: open }, row.title), row.kind === row.title ? null : h("span.muted", {}, ` ${row.kind}`)),
        bar,
        note,
      ),
      h(`span.badge.${row.state}`, {}, row.shown),
      h("div.actions", {}, ...actions),
    );
  }
}

export default (component) => mounted(component, JobRows);
