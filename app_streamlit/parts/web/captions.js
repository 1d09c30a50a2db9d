// What is shown in each picture, or said in each recording: a field beside the file it is about.

class Captions {
  constructor(root) {
    this.root = h("ul.captions");
    root.append(this.root);
    this.texts = {};
  }

  update(data) {
    this.data = data;
    const files = data.items.map((item) => item.artifact).join();
    if (files === this.drawn) return; // somebody may be writing
    this.drawn = files;
    this.root.replaceChildren(...data.items.map((item) => this._item(item)));
  }

  _item({ artifact, name, kind, text }) {
    const source = fileOf(artifact);
    const view =
      kind === "image"
        ? h("img", { src: source, alt: "", loading: "lazy" })
        : h("audio", { src: source, controls: true, preload: "none", "aria-label": name });
    const field = h("textarea", { rows: 2, maxlength: this.data.longest, placeholder: this.data.placeholder, onchange: () => this._tell(artifact, field.value) });
    field.value = this.texts[artifact] ?? text;
    return h("li", {}, view, h("label", {}, h("span", {}, name), field));
  }

  /** All that were written go along each time: none is lost when two follow each other quickly. */
  _tell(artifact, text) {
    this.texts = { ...this.texts, [artifact]: text };
    this.component.setStateValue("texts", this.texts);
  }
}

export default (component) => mounted(component, Captions);
