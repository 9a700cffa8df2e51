/** One line of the table in docs/performance.md: measured again in each run. */
export interface Bench {
  readonly name: string;
  /** How many SSHKeys it needs, whatever is asked for. */
  readonly fixedKeys?: number;
  /** How many it needs for `--quick`; default 500. */
  readonly quickKeys?: number;
  /** One run; the same figures each time. */
  run(round: Round): Promise<readonly Sample[]>;
}

/** What one run is given. */
export interface Round {
  /** The built bundle. */
  readonly bundle: string;
  /** How many SSHKeys. */
  readonly keys: number;
  /** Small numbers, for the regression guard. */
  readonly quick: boolean;
  /** The ceiling, measured once a round for all benches that compare with it. */
  floor(): Promise<Floor>;
}

/** How fast the API server takes what has to be sent, with nothing else running; in ms. */
export interface Floor {
  /** Creating the SSHKeys. */
  readonly loader: number;
  /** One Secret a user and one status a key. */
  readonly writes: number;
}

/** What is measured. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly target?: Bound;
  /** What fails `--quick`: only where a busy machine cannot break it. */
  readonly guard?: Bound;
}

export type Bound = { readonly most: number } | { readonly least: number };

export interface Sample {
  readonly figure: Figure;
  readonly value: number;
}

export function keeps(bound: Bound, value: number): boolean {
  return "most" in bound ? value <= bound.most : value >= bound.least;
}

/** The value below which the given share (0–1) of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
