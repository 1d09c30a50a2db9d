// Lets the studio's server forget the key.

class SignOut {
  constructor(root) {
    this.root = h("div");
    root.append(this.root);
  }

  update({ label, name }) {
    const leave = async () => {
      await fetch("/studio/session", { method: "DELETE" });
      location.reload();
    };
    this.root.replaceChildren(h("span.muted", {}, name), " ", h("button", { type: "button", onclick: leave }, label));
  }
}

export default (component) => mounted(component, SignOut);
