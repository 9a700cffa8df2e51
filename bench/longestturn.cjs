// Preloaded into the operator: on SIGWINCH writes to the file that BENCH_TURN_FILE names for how long the event loop was
// held up in one turn since it was last asked, in ms of CPU time of the main thread, so that other processes do not count.
const { renameSync, writeFileSync } = require("node:fs");

const file = process.env.BENCH_TURN_FILE;

const spent = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

let last = spent();
let longest = 0;

// Fires once a turn at most: with what the turn before has taken.
setInterval(() => {
  const now = spent();
  longest = Math.max(longest, now - last);
  last = now;
}, 2).unref();

process.on("SIGWINCH", () => {
  writeFileSync(`${file}.new`, JSON.stringify(longest));
  renameSync(`${file}.new`, file);
  longest = 0;
});
