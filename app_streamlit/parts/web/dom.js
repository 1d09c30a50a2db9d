// Making elements, and what people read of numbers. Text is always set as text: nothing of a job is read as HTML.

/** An element: h("a.badge", {href: "/jobs"}, "text", child). */
function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element[key] = value;
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** The one object that draws a part: made when it is mounted, told of every new data, closed when it goes. */
function mounted(component, Part) {
  const { parentElement: root, data } = component;
  const part = (root.spinbotPart ??= new Part(root, component));
  part.component = component;
  part.update(data);
  return () => {
    part.close?.();
    delete root.spinbotPart;
    part.root.remove();
  };
}

const REST_MS = 300;
const LOOK_MS = 100;

globalThis.spinbotTouched ??= (() => {
  const touched = { at: 0 };
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (touched.at = Date.now()), true);
  return touched;
})();

/**
 * Ask for a run of the page's script once nothing else runs and nobody has just clicked; answers how to give it up.
 * A run that is asked for while another leads to a new page finds its fragment gone, and Streamlit shows nothing then.
 */
function whenAtRest(ask) {
  let timer;
  const look = () => {
    const app = document.querySelector("[data-testid=stApp]");
    const rests = app?.dataset.testScriptState === "notRunning" && Date.now() - globalThis.spinbotTouched.at > REST_MS;
    if (rests) ask();
    else timer = setTimeout(look, LOOK_MS);
  };
  look();
  return () => clearTimeout(timer);
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Seconds as people say them; `words` has the texts under `time.`. */
function duration(seconds, words) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return filled(words.seconds, { s: whole });
  if (whole < 3600) return filled(words.minutes, { m: Math.floor(whole / 60), s: whole % 60 });
  return filled(words.hours, { h: Math.floor(whole / 3600), m: Math.floor((whole % 3600) / 60) });
}

const fileOf = (artifact, name) =>
  `/studio/files/${artifact}` + (name ? `?name=${encodeURIComponent(name)}` : "");
