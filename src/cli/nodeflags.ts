/**
 * Node's options for an operator or a portal that runs, whoever starts it; only the start of a process can set them. One
 * thread for V8 and not four: what each of them once needed is kept for it, 4 MB. --expose-gc is for collectAtRest.
 */
const OPTIONS = ["--v8-pool-size=1", "--expose-gc"];

/** Of each command, the size of the young generation first, and what else its heap is held to. */
const HEAP: Readonly<Record<string, readonly string[]>> = {
  // Node's own is 16 MiB: with 10,000 keys the resident set is 120 MB and not 165 MB.
  run: ["--max-semi-space-size=8"],
  // What requests leave behind is collected when it is a quarter of what is alive, and V8 prefers less memory to speed: after
  // full load 120 MB and not 148 MB with 10,000 keys, for a quarter more CPU time a request and 50 ms more to be ready.
  portal: [
    "--optimize-for-size",
    "--max-semi-space-size=4",
    "--initial-old-space-size=32",
    "--heap-growing-percent=25",
  ],
};

/**
 * For glibc (mallopt(3)). Threads that share an arena have less that is free and kept: 3 MB with 10,000 keys. Buffers of a
 * page of what is read are mapped each by itself and given back when they are freed; glibc's own threshold grows with what
 * was freed, up to 32 MiB: 35 MB after twenty Secrets of 670 kB.
 */
const ENVIRONMENT = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "16384",
  MALLOC_TRIM_THRESHOLD_: "65536",
};

const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");

const heap = HEAP[process.argv[2] ?? ""];

// The process becomes another one with the same ID. Imported before anything else, so it costs 30 ms.
if (heap !== undefined && !given.includes("--max-semi-space-size") && process.execve !== undefined) {
  const args = [...heap, ...OPTIONS, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], { ...ENVIRONMENT, ...process.env });
}
