import { AUTHORIZED_KEYS_PLURAL, GROUP, PLURAL } from "../../api/names.ts";
import type { PortalSettings } from "../../config/portalsettings.ts";
import type { Requests } from "../../kube/transport.ts";
import { FreshAnswers } from "../freshanswers.ts";
import type { Person } from "./person.ts";

/** What one may do with the SSHKeys of everybody in a namespace: look at them, or add, change and delete them. */
export type Verb = "list" | "assign";

export interface AccessOptions {
  readonly requests: Requests;
  readonly settings: PortalSettings;
  /** Monotonic ms. */
  readonly now?: () => number;
}

interface Right {
  readonly resource: string;
  readonly verb: Verb;
  readonly namespace: string;
}

/** A right that was withdrawn ends within 5 s: the answer may be this old, and the API server's own caches add to it. */
const ANSWER_MS = 3000;
/** How many answers are kept. */
const MOST_ANSWERS = 10_000;

/** Who may do what with whose keys. One's own are one's own; for others the API server is asked, as for kubectl. */
export class Access {
  readonly #o: AccessOptions;
  readonly #answers: FreshAnswers<boolean>;

  constructor(options: AccessOptions) {
    this.#o = options;
    this.#answers = new FreshAnswers({ lifetimeMs: ANSWER_MS, most: MOST_ANSWERS, now: options.now });
  }

  /** May this person have keys here? */
  mayHaveKeys({ groups, signedInBy }: Person): boolean {
    const { groups: allowed } = this.#o.settings;
    return (
      signedInBy.startsWith("insecure") ||
      allowed === undefined ||
      allowed.some((name) => groups.includes(name))
    );
  }

  /** Has the person this right in the namespace? Rejects with an ApiError when the API server cannot say. */
  async may(person: Person, verb: Verb, namespace = person.namespace): Promise<boolean> {
    return await this.#asked(person, { resource: PLURAL, verb, namespace });
  }

  /** May this person list the AuthorizedKeys of the namespace? Rejects as `may` does. */
  async mayListTargets(person: Person, namespace: string): Promise<boolean> {
    return await this.#asked(person, { resource: AUTHORIZED_KEYS_PLURAL, verb: "list", namespace });
  }

  async #asked(person: Person, right: Right): Promise<boolean> {
    if (person.signedInBy === "insecure-admin") return true;
    if (person.signedInBy === "insecure") return false;
    const question = JSON.stringify([person.user, person.groups, right]);
    const known = this.#answers.get(question);
    if (known !== undefined) return await known;
    const isAllowed = this.#review(person, right);
    this.#answers.set(question, isAllowed);
    // An error is no answer.
    isAllowed.catch(() => this.#answers.forget(question));
    return await isAllowed;
  }

  async #review({ user, groups }: Person, right: Right): Promise<boolean> {
    const { usernamePrefix, groupsPrefix } = this.#o.settings;
    const { status } = await this.#o.requests.request<{ readonly status?: { readonly allowed?: boolean } }>({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: usernamePrefix + user,
          groups: [...groups.map((name) => groupsPrefix + name), "system:authenticated"],
          resourceAttributes: { group: GROUP, ...right },
        },
      },
      deadlineMs: 5000,
    });
    return status?.allowed === true;
  }
}
