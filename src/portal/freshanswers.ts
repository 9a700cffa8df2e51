export interface FreshAnswersOptions {
  /** How long an answer counts, in ms. */
  readonly lifetimeMs: number;
  /** How many are kept; of more, the oldest goes. */
  readonly most: number;
  /** Monotonic ms. */
  readonly now?: (() => number) | undefined;
}

/** Answers of the API server that count for a while, and are shared by all who ask meanwhile. */
export class FreshAnswers<T> {
  readonly #o: FreshAnswersOptions;
  readonly #now: () => number;
  readonly #answers = new Map<string, { readonly at: number; readonly answer: Promise<T> }>();

  constructor(options: FreshAnswersOptions) {
    this.#o = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The answer, if it was asked for lately. */
  get(question: string): Promise<T> | undefined {
    const known = this.#answers.get(question);
    return known !== undefined && this.#now() - known.at < this.#o.lifetimeMs ? known.answer : undefined;
  }

  /** Keeps it from now on, whatever it will be: who takes an error for no answer forgets it. */
  set(question: string, answer: Promise<T>): void {
    this.#answers.delete(question);
    this.#answers.set(question, { at: this.#now(), answer });
    const [oldest = ""] = this.#answers.keys();
    if (this.#answers.size > this.#o.most) this.#answers.delete(oldest);
  }

  forget(question: string): void {
    this.#answers.delete(question);
  }
}
