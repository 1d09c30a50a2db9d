// The key goes to the studio's server, which keeps it in a cookie that no script reads; then the page begins anew.

class SignIn {
  constructor(root) {
    this.root = h("form.sign_in");
    root.append(this.root);
  }

  update({ words }) {
    this.key = h("input", { type: "password", autocomplete: "current-password", required: true, "aria-label": words.key, placeholder: "sb_…" });
    this.says = h("p.failed", { role: "alert" });
    this.root.replaceChildren(h("label", {}, h("span", {}, words.key), this.key), h("button", { type: "submit" }, words.enter), this.says);
    this.root.onsubmit = (event) => {
      event.preventDefault();
      this._send(words);
    };
  }

  async _send(words) {
    this.says.textContent = "";
    try {
      const answer = await fetch("/studio/session", { method: "POST", body: this.key.value });
      if (answer.ok) return location.reload();
      const { message, hint } = await answer.json();
      this.says.textContent = [message, hint].filter(Boolean).join(". ");
    } catch (error) {
      this.says.textContent = `${words.broken} (${error.message})`;
    }
    this.key.focus();
  }
}

export default (component) => mounted(component, SignIn);
