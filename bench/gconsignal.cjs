// Preloaded into the operator (node --expose-gc --require): on SIGUSR2 collects garbage and writes the memory usage
// to the file that BENCH_MEMORY_FILE names. The product itself knows nothing of it.
const { renameSync, writeFileSync } = require("node:fs");

const file = process.env.BENCH_MEMORY_FILE;

process.on("SIGUSR2", async () => {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc();
    // Buffers are freed, and pages given back, behind the collection.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
  renameSync(`${file}.new`, file);
});
