import fc from "fast-check";
import type { AuthorizedKeysSpec } from "../../src/api/authorizedkeys.generated.ts";
import { NO_OPTION } from "./authorizedkeystruth.ts";
import { NAMESPACES } from "./installation.ts";
import { named, nth, type Step, weighted, which } from "./steps.ts";
import type { World } from "./world.ts";

const namespace = fc.constantFrom(...NAMESPACES);

const users = fc.constantFrom(
  undefined,
  ["*"],
  ["alice"],
  ["bob", "alice"],
  ["b*"],
  ["carol@example.com"],
  ["*@example.com", "alice"],
);

const entry = fc.oneof(
  { weight: 5, arbitrary: fc.record({ namespace: fc.option(namespace, { nil: undefined }), users }) },
  {
    weight: 1,
    arbitrary: fc.record({ namespaceSelector: fc.constant({ matchLabels: { team: "a" } }), users }),
  },
);

const mapped = fc.record({
  namespace,
  user: fc.constantFrom("alice", "bob", "carol@example.com", "alice@example.com"),
  login: fc.constantFrom("root", "robert", "alice", "carol"),
});

const spec: fc.Arbitrary<AuthorizedKeysSpec> = fc
  .record({
    secretName: fc.constantFrom(undefined, undefined, "keys", "keys", "sshkeys-alice"),
    from: fc.option(fc.array(entry, { minLength: 1, maxLength: 3 }), { nil: undefined, freq: 5 }),
    identity: fc.constantFrom("ByNamespace" as const, "ByName" as const),
    layout: fc.constantFrom("FilePerLogin" as const, "FilePerLogin" as const, "SingleFile" as const),
    logins: fc.record({
      rule: fc.constantFrom("User" as const, "LocalPart" as const),
      map: fc.uniqueArray(mapped, { maxLength: 2, selector: ({ login }) => login }),
    }),
    options: fc.constantFrom([], [], [], ["restrict", "pty"], ['command="serve %u"'], [NO_OPTION]),
  })
  // What the CRD refuses is another story.
  .map((made) => (made.from?.some(isSelector) ? { ...made, identity: "ByName" as const } : made))
  .map((made) => JSON.parse(JSON.stringify(made)) as AuthorizedKeysSpec);

function isSelector(each: object): boolean {
  return "namespaceSelector" in each;
}

const place = fc.record({
  namespace: fc.constantFrom("bastion", "bastion", "team-a"),
  name: fc.constantFrom("hop", "hop", "sftp"),
});

/** Its secretName never changes: another one makes it a new object. */
function apply(world: World, at: { namespace: string; name: string }, wanted: AuthorizedKeysSpec): void {
  const id = `${at.namespace}/${at.name}`;
  if (world.authorizedKeys.get(id)?.spec?.secretName !== wanted.secretName) world.authorizedKeys.delete(id);
  world.authorizedKeys.apply(at.namespace, at.name, wanted);
}

function onObject(text: string, act: (world: World, id: string) => void): fc.Arbitrary<Step> {
  return which.map((at) =>
    named(`${text} ${at}`, (world) => {
      const id = nth(world.authorizedKeys.ids, at);
      if (id !== undefined) act(world, id);
    }),
  );
}

function edit(text: string, change: fc.Arbitrary<Partial<AuthorizedKeysSpec>>): fc.Arbitrary<Step> {
  return change.chain((changed) =>
    onObject(`${text} ${JSON.stringify(changed)}`, (world, id) => {
      const object = world.authorizedKeys.get(id);
      const [of = "", name = ""] = id.split("/");
      if (object !== undefined) world.authorizedKeys.apply(of, name, { ...object.spec, ...changed });
    }),
  );
}

const shares = fc.constantFrom("*", "*", "bastion, team-*", "bastion", "bas, team", "");
const labels = fc.constantFrom<Record<string, string>>({ team: "a" }, {});

/** What people do with AuthorizedKeys and with the consent of Namespaces. */
export const sharing: fc.Arbitrary<Step> = weighted(
  [
    6,
    fc
      .tuple(place, spec)
      .map(([at, made]) =>
        named(`share ${at.namespace}/${at.name} ${JSON.stringify(made)}`, (world) => apply(world, at, made)),
      ),
  ],
  [1, onObject("delete AuthorizedKeys", (world, id) => world.authorizedKeys.delete(id))],
  [1, onObject("terminate AuthorizedKeys", (world, id) => world.authorizedKeys.terminate(id))],
  [1, onObject("restore AuthorizedKeys", (world, id) => world.authorizedKeys.restore(id))],
  [
    1,
    edit("lay out", fc.record({ layout: fc.constantFrom("FilePerLogin" as const, "SingleFile" as const) })),
  ],
  [1, edit("options", fc.record({ options: fc.constantFrom([], ["restrict", "pty"], [NO_OPTION]) }))],
  [
    6,
    fc
      .tuple(namespace, shares, labels)
      .map(([name, consent, all]) =>
        named(`consent ${name} "${consent}" ${JSON.stringify(all)}`, (world) =>
          world.nameNamespace(name, consent, all),
        ),
      ),
  ],
  [1, namespace.map((name) => named(`delete Namespace ${name}`, (world) => world.namespaces.delete(name)))],
);

/** What the operator may not read for a while. */
export const doubts: fc.Arbitrary<Step> = weighted(
  [2, fc.constant(named("forbid Namespaces", (world) => world.access.forbidNamespaces()))],
  [1, fc.constant(named("allow Namespaces", (world) => world.access.allowNamespaces()))],
  [2, namespace.map((name) => named(`ask for ${name}`, (world) => world.access.askForNamespace(name)))],
  [
    1,
    namespace.map((name) => named(`forbid SSHKeys of ${name}`, (world) => world.access.forbidSSHKeys(name))),
  ],
  [1, namespace.map((name) => named(`allow SSHKeys of ${name}`, (world) => world.access.allowSSHKeys(name)))],
  [1, which.map((at) => named(`restart in doubt ${at}`, (world) => world.restart((count) => at % count)))],
);
