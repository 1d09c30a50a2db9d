// Two videos side by side, played, stopped and sought together.

class Compare {
  constructor(root) {
    this.root = h("div.compare");
    root.append(this.root);
  }

  update(data) {
    if (JSON.stringify(data) === this.drawn) return;
    this.drawn = JSON.stringify(data);
    const { words } = data;
    this.videos = data.sides.map((side) =>
      h("video", { src: fileOf(side.video), poster: side.poster && fileOf(side.poster), preload: "metadata", playsinline: true, "aria-label": side.title }),
    );
    this.videos.slice(1).forEach((video) => (video.muted = true));
    const [first] = this.videos;
    this.play = h("button", { type: "button", onclick: () => this._toggle() }, words.play);
    this.place = h("input", { type: "range", min: 0, max: 1, step: "any", value: 0, "aria-label": words.place, oninput: () => this._seek() });
    const sound = h("button", { type: "button", onclick: () => this._swap() }, words.other_sound);
    first.ontimeupdate = () => first.duration && (this.place.value = first.currentTime / first.duration);
    first.onended = () => this._stop();
    const sides = this.videos.map((video, index) => h("figure", {}, video, h("figcaption", {}, data.sides[index].title)));
    this.root.replaceChildren(h("div.sides", {}, ...sides), h("div.controls", {}, this.play, this.place, sound));
  }

  close() {
    this.videos?.forEach((video) => video.pause());
  }

  _toggle() {
    if (!this.videos[0].paused) return this._stop();
    this.videos.forEach((video) => {
      video.currentTime = this.videos[0].currentTime;
      video.play();
    });
    this.play.textContent = this.component.data.words.pause;
  }

  _stop() {
    this.videos.forEach((video) => video.pause());
    this.play.textContent = this.component.data.words.play;
  }

  _seek() {
    this.videos.forEach((video) => (video.currentTime = this.place.value * (video.duration || 0)));
  }

  _swap() {
    this.videos.forEach((video) => (video.muted = !video.muted));
  }
}

export default (component) => mounted(component, Compare);
