// Unseen: with it the browser has what parts are drawn with before the first one that people wait for.

export default () => {};
