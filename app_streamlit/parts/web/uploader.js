// Files by drag and drop or from a dialog, sent at once; what was sent is shown with what the service says of it.

const AT_ONCE = 2;
const REPORT_MS = 1500;

class Uploader {
  constructor(root) {
    this.root = h("div.uploader");
    root.append(this.root);
    this.waiting = [];
    this.sending = new Map();
    this.failed = [];
    this.added = [];
  }

  update(data) {
    this.data = data;
    this._draw();
  }

  close() {
    this.waiting = [];
    this.sending.forEach((line) => line.abort());
    this.giveUp?.();
  }

  _take(files) {
    this.failed = [];
    this.waiting.push(...(this.data.multiple ? files : [...files].slice(0, 1)));
    this._next();
  }

  _next() {
    while (this.waiting.length && this.sending.size < AT_ONCE) this._send(this.waiting.shift());
    this._draw();
    if (this.added.length && !this.telling) this._report(this.waiting.length || this.sending.size ? REPORT_MS : 0);
  }

  /** Tell of what was sent, also while more is sent: it then stands in the address, and a reload loses none of it. */
  _report(after) {
    this.telling = true;
    const later = setTimeout(() => {
      this.giveUp = whenAtRest(() => {
        this.telling = false;
        this.component.setTriggerValue("added", this.added);
        this.added = [];
      });
    }, after);
    this.giveUp = () => clearTimeout(later);
  }

  _send(file) {
    const request = new XMLHttpRequest(); // fetch tells nothing of how much was sent
    const line = { name: file.name, share: 0, abort: () => request.abort() };
    this.sending.set(file, line);
    request.open("POST", `/studio/uploads?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => {
      line.share = event.loaded / Math.max(1, event.total);
      this._draw();
    };
    request.onloadend = () => {
      this.sending.delete(file);
      if (request.status === 201) this.added.push(JSON.parse(request.responseText));
      else this.failed.push(refused(file, request, this.data.words));
      this._next();
    };
    request.send(file);
  }

  _draw() {
    const { data } = this;
    const { words } = data;
    const input = h("input", { type: "file", accept: data.accept, multiple: data.multiple, "aria-label": data.label, onchange: () => this._take(input.files) });
    const zone = h(
      "label.zone",
      {
        ondragover: (event) => {
          event.preventDefault();
          zone.classList.add("over");
        },
        ondragleave: () => zone.classList.remove("over"),
        ondrop: (event) => {
          event.preventDefault();
          this._take(event.dataTransfer.files);
        },
      },
      input,
      h("b", {}, data.label),
      h("span.muted", {}, data.hint),
    );
    const sending = [...this.sending.values()].map((line) => {
      const fill = h("i");
      fill.style.width = `${Math.round(line.share * 100)}%`;
      const bar = { role: "progressbar", "aria-valuenow": Math.round(line.share * 100), "aria-label": line.name };
      return h("div", {}, h("span.muted", {}, line.name), h("div.bar", bar, fill));
    });
    const failed = this.failed.map((text) => h("p.failed", { role: "alert" }, text));
    this.root.replaceChildren(zone, ...sending, ...failed, h("ul.items", {}, ...data.items.map((item) => this._item(item))));
  }

  _item(item) {
    const view =
      item.kind === "image"
        ? h("img", { src: fileOf(item.artifact), alt: item.name, loading: "lazy" })
        : h("audio", { src: fileOf(item.artifact), controls: true, preload: "metadata", "aria-label": item.name });
    const remove = {
      type: "button",
      "aria-label": `${this.data.words.remove}: ${item.name}`,
      onclick: () => this.component.setTriggerValue("removed", item.artifact),
    };
    const finding = item.finding ? h(`span.finding.${item.finding.level}`, {}, item.finding.text) : null;
    return h("li", {}, view, h("span.name", { title: item.name }, item.name), finding, h("button", remove, "×"));
  }
}

/** What is said of a file that was not taken. */
function refused(file, request, words) {
  if (!request.status) return `${file.name}: ${words.broken}`;
  try {
    const { message, hint } = JSON.parse(request.responseText);
    return [`${file.name}: ${message}`, hint].filter(Boolean).join(". ");
  } catch {
    return `${file.name}: ${request.status} ${request.statusText}`; // a proxy before the studio has refused it
  }
}

export default (component) => mounted(component, Uploader);
