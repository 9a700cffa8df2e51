/**
 * Collects garbage once when the process has come to rest, after its start and after work: a quarter of the memory is
 * room that only the work needed, and V8 keeps it. (Its memory reducer, made for this, never acted in Node 24: it takes
 * the process for busy, however long it rests; see --trace-memory-reducer.) Does nothing without Node's --expose-gc.
 * Returns a function that ends it.
 */
export function collectAtRest(collect = globalThis.gc, cpuMs = processCPU): () => void {
  // A start is worth one, however short.
  let worked = WORTH_MS;
  let last = cpuMs();
  const timer = setInterval(() => {
    const used = cpuMs() - last;
    last += used;
    if (used > AT_REST_MS) worked += used;
    else if (worked >= WORTH_MS) {
      // Of the kinds of collection the one that also makes the space for young objects small again.
      collect?.({ type: "major", flavor: "last-resort" });
      last = cpuMs();
      worked = 0;
    }
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** How often it is looked whether the process is at rest, in ms. */
const EVERY_MS = 2000;
/** Who uses no more CPU time meanwhile is at rest, in ms. */
const AT_REST_MS = 20;
/** So much CPU time of work is worth a collection, in ms: one takes about 2 ms for each 1,000 keys. */
const WORTH_MS = 1000;

/** CPU time of all threads so far, in ms. */
function processCPU(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
