// Preloaded: at its end the process says the most memory that it had resident, in kB.
const { writeFileSync } = require("node:fs");

process.once("exit", () =>
  writeFileSync(process.env.BENCH_PEAK_FILE, String(process.resourceUsage().maxRSS)),
);
