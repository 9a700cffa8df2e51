import type { Person } from "../people/person.ts";
import type { KeyStore } from "../sshkeys/keystore.ts";
import { userNumber } from "../sshkeys/numbers.ts";

/** A user of a namespace as Foreman numbers it. */
export interface NumberedUser {
  readonly id: number;
  readonly login: string;
}

/**
 * The users whom programs can know: the person who asks, and those who have keys in the person's namespace. Numbers are 48
 * bits of a hash of what people may choose, so a number that two users have names neither of them; but one's own names
 * oneself.
 */
export class Users {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** `4`, `4-anything`, or a login; undefined where it names nobody. A login is a user with or without keys. */
  find(id: string, { user, namespace }: Person): NumberedUser | undefined {
    const own = { id: userNumber(namespace, user), login: user };
    const [, digits] = /^([0-9]+)(?:-.*)?$/s.exec(id) ?? [];
    if (id === user) return own;
    if (digits !== undefined) {
      const number = Number(digits);
      if (number === own.id) return own;
      const found = this.all(namespace).filter((each) => each.id === number);
      if (found.length === 1) return found[0];
    }
    return this.all(namespace).find(({ login }) => login === id);
  }

  /** Those who have keys, by their number. */
  all(namespace: string): readonly NumberedUser[] {
    return [...this.#store.users(namespace)]
      .map((login) => ({ id: userNumber(namespace, login), login }))
      .sort((a, b) => a.id - b.id);
  }
}
