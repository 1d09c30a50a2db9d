// Progress from the very click: the page that it leads to takes a moment, and longer while models compute on all cores.

class Begun {
  constructor(root) {
    this.root = h("div.begun", { hidden: true });
    root.append(this.root);
    this.hear = ({ target }) => target.closest(`.st-key-${this.data.button} button`) && this._show();
    document.addEventListener("click", this.hear, true);
  }

  update(data) {
    this.data = data;
    this.root.replaceChildren(
      h("div.bar", { role: "progressbar", "aria-label": data.label }, h("i")),
      h("span.muted", { "aria-live": "polite" }, data.label),
    );
  }

  close() {
    document.removeEventListener("click", this.hear, true);
    this.giveUp?.();
  }

  /** Until the other page is there, or this one again: then it says why. */
  _show() {
    this.root.hidden = false;
    this.giveUp?.();
    const later = setTimeout(() => (this.giveUp = whenAtRest(() => (this.root.hidden = true))), REST_MS);
    this.giveUp = () => clearTimeout(later);
  }
}

export default (component) => mounted(component, Begun);
