// Preloaded: at its end the process says what CPU time its main thread has used, in ms, and the most memory that it had
// resident, in kB.
const { writeFileSync } = require("node:fs");

process.once("exit", () => {
  const { user, system } = process.threadCpuUsage();
  const usage = { cpuMs: (user + system) / 1000, peak: process.resourceUsage().maxRSS };
  writeFileSync(process.env.BENCH_USAGE_FILE, JSON.stringify(usage));
});
