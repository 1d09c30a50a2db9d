// Pictures with what they show, in a row; each opens in its full size.

class Figures {
  constructor(root) {
    this.root = h("div.figures");
    root.append(this.root);
  }

  update(data) {
    this.root.classList.toggle("wide", data.wide);
    this.root.replaceChildren(...data.items.map((item) => this._figure(item)));
  }

  _figure({ artifact, caption }) {
    const source = fileOf(artifact);
    const picture = h("img", { src: source, alt: caption, loading: "lazy" });
    return h("figure", {}, h("a", { href: source, target: "_blank", rel: "noopener" }, picture), h("figcaption.muted", {}, caption));
  }
}

export default (component) => mounted(component, Figures);
