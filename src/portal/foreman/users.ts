import { validateUser } from "../../api/rules.ts";
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

  /** `4`, `4-anything`, or a login; undefined where it names nobody. */
  find(id: string, { user, namespace }: Person): NumberedUser | undefined {
    const own = { id: userNumber(namespace, user), login: user };
    if (id === user) return own;
    const digits = digitsOf(id);
    if (digits !== undefined) {
      const number = Number(digits);
      if (number === own.id) return own;
      const [login, another] = this.#store.usersWithNumber(namespace, number);
      if (login !== undefined && another === undefined) return { id: number, login };
    }
    return this.#store.hasUser(namespace, id) ? { id: userNumber(namespace, id), login: id } : undefined;
  }

  /** A login that nobody has a key with yet, as far as it can be one: numbers are looked up, and never made users. */
  unknown(id: string, { namespace }: Person): NumberedUser | undefined {
    if (digitsOf(id) !== undefined || validateUser(id) !== undefined) return undefined;
    return { id: userNumber(namespace, id), login: id };
  }

  /** Those who have keys, by their number. */
  all(namespace: string): readonly NumberedUser[] {
    return [...this.#store.users(namespace)]
      .map((login) => ({ id: userNumber(namespace, login), login }))
      .sort((a, b) => a.id - b.id);
  }
}

function digitsOf(id: string): string | undefined {
  return /^([0-9]+)(?:-.*)?$/s.exec(id)?.[1];
}
