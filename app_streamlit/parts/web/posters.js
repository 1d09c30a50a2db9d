// Videos as a grid of posters; each opens its review.

class Posters {
  constructor(root) {
    this.root = h("ul.posters");
    root.append(this.root);
  }

  update(data) {
    this.root.replaceChildren(...data.items.map((item) => this._item(item)));
  }

  _item(item) {
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.component.setTriggerValue("open", item.id);
    };
    const picture = item.poster ? h("img", { src: fileOf(item.poster), alt: "", loading: "lazy" }) : h("span.blank");
    return h(
      "li",
      {},
      h("a", { href: item.href, onclick: open }, picture, h("span.title", {}, item.title)),
      h("div.foot", {}, h(`span.badge.${item.look}`, {}, item.shown), h("span.muted", {}, item.note)),
    );
  }
}

export default (component) => mounted(component, Posters);
