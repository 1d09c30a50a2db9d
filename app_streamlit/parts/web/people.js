// Profiles as cards: a face, the name, whether there is consent, and what there is of the person.

class People {
  constructor(root) {
    this.root = h("ul.people");
    root.append(this.root);
  }

  update(data) {
    this.root.replaceChildren(...data.items.map((item) => this._card(item)));
  }

  _card({ name, href, face, agreed, shown, note }) {
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.component.setTriggerValue("open", name);
    };
    const picture = face ? h("img", { src: fileOf(face), alt: "", loading: "lazy" }) : h("span.blank", { "aria-hidden": "true" }, name[0]);
    const badge = h(`span.badge.${agreed ? "approved" : "rejected"}`, {}, shown);
    return h("li", {}, h("a", { href, onclick: open }, picture, h("span.what", {}, h("b", {}, name), badge, h("span.muted", {}, note))));
  }
}

export default (component) => mounted(component, People);
