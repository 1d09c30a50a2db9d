// What the doctor found, file by file: the picture, what is wrong with it, and what to do about it.

class Findings {
  constructor(root) {
    this.root = h("ul.findings");
    root.append(this.root);
  }

  update(data) {
    this.root.replaceChildren(...data.files.map((file) => this._file(file)));
  }

  _file({ name, artifact, found }) {
    const picture = artifact ? h("img", { src: fileOf(artifact), alt: name, loading: "lazy" }) : null;
    return h("li", {}, picture, h("div", {}, name ? h("b", {}, name) : null, ...found.map((one) => this._finding(one))));
  }

  _finding({ level, shown, place, message, remedy }) {
    return h(
      "p",
      {},
      h(`span.badge.${level}`, {}, shown),
      h("span", {}, [place, message].filter(Boolean).join(": ")),
      remedy ? h("span.remedy", {}, `→ ${remedy}`) : null,
    );
  }
}

export default (component) => mounted(component, Findings);
