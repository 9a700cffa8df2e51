import { expect, it } from "vitest";
import { namedLogins } from "../../src/authorizedkeys/logins.ts";
import { authorizedKeysRecord } from "./scene.ts";

it.each<[string, object, readonly string[]]>([
  ["users by their name", { from: [{ users: ["alice", "bob", "team-*"] }] }, ["alice", "bob"]],
  [
    "users by their local part",
    { from: [{ users: ["alice@example.com"] }], logins: { rule: "LocalPart" } },
    ["alice"],
  ],
  [
    "users by their login in map, which names users itself",
    {
      from: [{ users: ["bob@example.com"] }],
      logins: {
        map: [
          { namespace: "bastion", user: "bob@example.com", login: "robert" },
          { namespace: "bastion", user: "admin", login: "root" },
        ],
      },
    },
    ["root", "robert"],
  ],
  ["nobody by a pattern", { from: [{ users: ["*"] }] }, []],
])("the logins that stay are those of %s", (_, spec, logins) => {
  expect([...namedLogins(authorizedKeysRecord(spec))].sort()).toEqual([...logins].sort());
});
