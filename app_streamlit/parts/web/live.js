// Events, pushed by the studio's server: one socket of the page for all jobs, and one for each job that is looked at.

const LONGEST_WAIT_MS = 8000;
const NORMAL_END = 1000;

/** Follow `query()`; `hear` gets each message, and {type: "lost"} whenever the socket broke. Answers how to stop. */
function channel(query, hear) {
  let socket;
  let timer;
  let wait = 250;
  let stopped = false;
  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/studio/live?${query()}`);
    socket.onmessage = ({ data }) => {
      wait = 250;
      hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (stopped || code === NORMAL_END) return;
      hear({ type: "lost" });
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket.close();
  };
}

/** Follow all jobs: every part of the page shares one socket, which goes when the last one leaves. */
function followAll(hear) {
  const all = (globalThis.spinbotAll ??= { ears: new Set(), stop: null });
  all.ears.add(hear);
  if (all.stop) hear({ type: "doubt" }); // the others heard theirs when the socket opened
  else all.stop = channel(() => "", (message) => all.ears.forEach((ear) => ear(message)));
  return () => {
    all.ears.delete(hear);
    if (!all.ears.size) {
      all.stop();
      all.stop = null;
    }
  };
}
