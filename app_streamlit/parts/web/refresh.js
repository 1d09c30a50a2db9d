// Unseen: asks for a fresh drawing of what it stands in whenever something of the visitor's jobs has changed.

const THROTTLE_MS = 500;

class Refresh {
  constructor() {
    this.root = h("span", { hidden: true });
    this.stop = followAll((message) => this._hear(message));
  }

  update(data) {
    this.data = data;
  }

  close() {
    this.stop();
    clearTimeout(this.timer);
    this.giveUp?.();
  }

  _hear(message) {
    const { kinds, job } = this.data ?? { kinds: [] };
    if (message.type === "lost") return;
    if (message.kind && job && message.job !== job) return;
    if (message.kind && !kinds.some((kind) => message.kind.startsWith(kind))) return;
    this.timer ??= setTimeout(() => {
      this.giveUp = whenAtRest(() => {
        this.timer = null;
        this.component.setTriggerValue("news", Date.now());
      });
    }, THROTTLE_MS);
  }
}

export default (component) => mounted(component, Refresh);
