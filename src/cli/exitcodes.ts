/** Why the process ended; documented in the README and in `--help`. */
export const EXIT = {
  /** Stopped by SIGTERM or SIGINT, or help or version were printed. */
  ok: 0,
  /** An unexpected error (a bug): please report it. */
  unexpected: 1,
  /** Invalid command line. */
  usage: 2,
  /** The configuration file, the kubeconfig, a list of keys or an address to listen on cannot be used. */
  configuration: 3,
  /** `audit` was stopped by SIGTERM or SIGINT before it was done, so a Job does not count it as done. */
  stopped: 4,
} as const;

/** An error that ends the process with a code and one line that says what to do. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
