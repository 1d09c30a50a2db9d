// A video with captions, and its sentences beside it: the one that is spoken is marked, and each leads to its place.

class Player {
  constructor(root) {
    this.root = h("div.player");
    root.append(this.root);
  }

  update(data) {
    const same = JSON.stringify(data) === this.drawn; // a video that plays is not begun anew
    if (same) return;
    this.drawn = JSON.stringify(data);
    const track = data.captions
      ? h("track", { kind: "captions", src: fileOf(data.captions), srclang: data.language, label: data.words.captions, default: data.show_captions })
      : null;
    this.video = h("video", { controls: true, playsinline: true, preload: "metadata", poster: data.poster && fileOf(data.poster), "aria-label": data.title }, h("source", { src: fileOf(data.video), type: "video/mp4" }), track);
    const [width, height] = data.shape; // known before the file is: nothing jumps
    this.video.style.aspectRatio = `${width} / ${height}`;
    this.video.style.setProperty("--ratio", width / height);
    this.lines = data.sentences.map((sentence) =>
      h("li", {}, h("button", { type: "button", onclick: () => this._seek(sentence.start) }, h("time.muted", {}, clock(sentence.start)), h("span", {}, sentence.text))),
    );
    this.video.ontimeupdate = () => this._mark(data.sentences);
    this.root.replaceChildren(this.video, this.lines.length ? h("ol", {}, ...this.lines) : "");
  }

  _seek(time) {
    this.video.currentTime = time;
    this.video.play();
  }

  _mark(sentences) {
    const now = this.video.currentTime;
    sentences.forEach(({ start, end }, index) => this.lines[index].classList.toggle("now", start <= now && now < end));
  }
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

export default (component) => mounted(component, Player);
