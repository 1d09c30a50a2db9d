// A sound with its waveform, which the browser draws from the file itself.

const PEAKS = 240;

class Waveform {
  constructor(root) {
    this.root = h("div.waveform");
    root.append(this.root);
  }

  update(data) {
    if (data.artifact === this.artifact) return;
    this.artifact = data.artifact;
    const source = fileOf(data.artifact);
    const bars = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    bars.setAttribute("viewBox", `0 0 ${PEAKS} 40`);
    bars.setAttribute("preserveAspectRatio", "none");
    bars.setAttribute("role", "img");
    bars.setAttribute("aria-label", data.label);
    const audio = h("audio", { src: source, controls: true, preload: "none", "aria-label": data.label });
    this.root.replaceChildren(h("span", {}, data.label), bars, audio);
    this._draw(source, bars);
  }

  async _draw(source, bars) {
    const context = new OfflineAudioContext(1, 1, 16000);
    try {
      const answer = await fetch(source);
      const { length, ...sound } = await decoded(context, await answer.arrayBuffer());
      const step = Math.max(1, Math.floor(length / PEAKS));
      const path = [];
      for (let peak = 0; peak < PEAKS; peak++) {
        let most = 0.01;
        for (let at = peak * step; at < Math.min(length, (peak + 1) * step); at += 8) most = Math.max(most, Math.abs(sound.samples[at]));
        path.push(`M${peak + 0.5},${20 - most * 19}V${20 + most * 19}`);
      }
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("d", path.join(""));
      bars.replaceChildren(line);
    } catch (error) {
      bars.replaceWith(h("span.muted", {}, String(error.message ?? error))); // such as a video whose sound it cannot read
    }
  }
}

async function decoded(context, data) {
  const sound = await context.decodeAudioData(data);
  return { length: sound.length, samples: sound.getChannelData(0) };
}

export default (component) => mounted(component, Waveform);
