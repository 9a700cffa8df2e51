import { describe, expect, test } from "vitest";
import { IMPORT_FORMATS, type ImportFormat } from "../../../../src/plugin/import/formats.ts";
import { ImportedKeys } from "../../../../src/plugin/import/importedkeys.ts";
import { freshKey } from "../../../operator/publickeys.ts";

const A = freshKey();
const B = freshKey();

interface Options {
  readonly user?: string;
  readonly namespace?: string;
}

/** What becomes of a text: the specs of the SSHKeys, and what is told with a mark for what is lost. */
function imported(format: ImportFormat, text: string | object, o: Options = {}) {
  const keys = new ImportedKeys(o);
  const found = [
    ...IMPORT_FORMATS[format]("FILE", typeof text === "string" ? text : JSON.stringify(text)),
  ].flatMap((source) => [...keys.read(source)]);
  return {
    specs: found.flatMap((each) => ("made" in each ? [each.made.spec] : [])),
    namespaces: found.flatMap((each) => ("made" in each ? [each.namespace] : [])),
    told: found.flatMap((each) =>
      "made" in each ? [] : [`${each.lost ? "lost" : "told"} ${each.place}: ${each.text}`],
    ),
  };
}

describe("an authorized_keys file", () => {
  test("becomes SSHKeys of the user, with title, options and limit", () => {
    const text = `restrict,expiry-time="20270131Z" ${A} al@laptop\n${B}\n`;
    expect(imported("authorized_keys", text, { user: "alice" })).toMatchObject({
      specs: [
        {
          user: "alice",
          key: `${A} al@laptop`,
          title: "al@laptop",
          options: ["restrict"],
          expiresAt: "2027-01-31T00:00:00Z",
        },
        { user: "alice", key: B },
      ],
      told: [],
    });
  });

  test("needs a user", () => {
    expect(imported("authorized_keys", A)).toMatchObject({
      specs: [],
      told: ["lost FILE:1: it does not say whose key this is: give --user"],
    });
  });

  test("has a repeated key once, and says whether something is lost by it", () => {
    const text = `restrict ${A} one\nrestrict ${A} two\nno-pty ${A} three\n`;
    const { specs, told } = imported("authorized_keys", text, { user: "alice" });
    expect(specs).toHaveLength(1);
    expect(told).toEqual([
      expect.stringMatching(/^told FILE:2: SHA256:\S+ is the same key as at FILE:1$/),
      expect.stringMatching(/^lost FILE:3: SHA256:\S+ is the same key as at FILE:1 with other options/),
    ]);
  });

  test("counts the keys that are switched off", () => {
    const { told } = imported("authorized_keys", `# ${A} old\n#${B}\n`, { user: "alice" });
    expect(told).toEqual(["told FILE: 2 keys behind a # are not imported: lines 1, 2"]);
  });

  test("that holds a private key is read no further, and it is not repeated", () => {
    const secret = `-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----`;
    const { specs, told } = imported("authorized_keys", `${A}\n${secret}\n`, { user: "alice" });
    expect([specs, told]).toEqual([[], [expect.stringContaining("ssh-keygen -y -f FILE")]]);
    expect(told.join()).not.toContain("b3Blb");
  });

  test("leaves out what the API server would refuse", () => {
    expect(imported("authorized_keys", A, { user: "alice\u200b" }).told).toEqual([
      "lost FILE:1: spec.user: the user contains U+200B, which cannot be seen: remove it",
    ]);
  });
});

describe("a manifest that was mounted", () => {
  const configMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "keys", namespace: "bastion" },
    data: { alice: `${A} laptop\n`, "bob@example.com": `no-pty ${B}\n` },
  };

  test("has a user for each data key", () => {
    const { specs, namespaces } = imported("configmap", configMap);
    expect(specs).toMatchObject([
      { user: "alice", key: `${A} laptop` },
      { user: "bob@example.com", key: B, options: ["no-pty"] },
    ]);
    expect(namespaces).toEqual(["bastion", "bastion"]);
  });

  test("goes to the namespace that is asked for", () => {
    expect(imported("configmap", configMap, { namespace: "people" }).namespaces).toEqual([
      "people",
      "people",
    ]);
  });

  test("is also a Secret, in base64 or as it is, which counts more", () => {
    const secret = {
      kind: "Secret",
      metadata: { name: "keys" },
      data: {
        alice: Buffer.from(A).toString("base64"),
        bob: Buffer.from(A).toString("base64"),
      },
      stringData: { bob: B },
    };
    expect(imported("secret", secret).specs).toMatchObject([
      { user: "alice", key: A },
      { user: "bob", key: B },
    ]);
  });

  test("may be one of many, in YAML with comments and anchors", () => {
    const text = `# keys\nkind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: a}\n  data:\n    alice: &key |\n      ${A}\n    bob: *key\n---\nkind: ConfigMap\nmetadata: {name: b}\ndata: {carol: ${B}}\n`;
    const { specs, told } = imported("configmap", text);
    expect(specs.map(({ user }) => user)).toEqual(["alice", "bob", "carol"]);
    expect(told).toEqual([expect.stringContaining("this is also a key of alice")]);
  });

  test("has one file for nobody in particular", () => {
    const data = { authorized_keys: A };
    expect(imported("configmap", { ...configMap, data }, { user: "alice" }).specs).toMatchObject([
      { user: "alice" },
    ]);
    expect(imported("configmap", { ...configMap, data }).told).toEqual([
      expect.stringContaining("give --user"),
    ]);
  });

  test.each([
    [{ ssh_host_rsa_key: "x" }, "this is a file of a host"],
    [{ known_hosts: `host ${A}` }, "this is a file of a host"],
    [{ "start.sh": "#!/bin/sh\nexec sshd\n" }, "no line of it is a key; of line 2: "],
    [{ alice: 5 }, "its content is no text"],
    [{ __proto__key: "exec" }, "no line of it is a key"],
  ])("says of %j that it is no user's", (data, text) => {
    expect(imported("configmap", { ...configMap, data })).toMatchObject({
      specs: [],
      told: [expect.stringContaining(text)],
    });
  });

  test("of another kind is left out", () => {
    expect(imported("secret", configMap).told).toEqual([
      "lost FILE: ConfigMap keys: this is no Secret: nothing in it is imported",
    ]);
  });

  test.each([
    ["a: [", "is neither YAML nor JSON"],
    ["data:\n  alice: x\n  bob: y\n  alice: z\n", "has alice twice"],
    [
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `${"bcdefghijklm"[i]}: &${"bcdefghijklm"[i]} [${Array.from({ length: 9 }, () => `*${"abcdefghijkl"[i]}`)}]`).join("\n")}`,
      "too many aliases",
    ],
  ])("that cannot be read is an error", (text, message) => {
    expect(() => imported("configmap", text)).toThrow(message);
  });
});

describe("Foreman's", () => {
  const row = { id: 1, name: "Alice's laptop", key: `${A} al@laptop`, length: 256, fingerprint: "x" };

  test.each([
    ["list", { total: 1, results: [row] }],
    ["one key", row],
  ])("%s is of the user who is named", (_, document) => {
    expect(imported("foreman", document, { user: "alice" }).specs).toMatchObject([
      { user: "alice", title: "Alice's laptop", key: `${A} al@laptop` },
    ]);
  });

  test("user says whose keys they are", () => {
    expect(
      imported("foreman", { id: 4, login: "bob", ssh_keys: [row] }, { user: "alice" }).specs,
    ).toMatchObject([{ user: "bob" }]);
  });

  test.each([
    ["JSON", (parameters: object) => JSON.stringify({ data: { parameters } })],
    [
      "YAML",
      () =>
        `---\nclasses: {}\nparameters:\n  ssh_authorized_keys:\n  - ${A} alice@foreman.example.com\n  - ${B} bob@example.com@foreman.example.com - 1\n  foreman_users:\n    alice:\n      mail: a@b\n      ssh_authorized_keys:\n      - {type: ${A.split(" ")[0]}, key: ${A.split(" ")[1]}, comment: alice@foreman.example.com}\n`,
    ],
  ])("parameters of a host name the users, as %s", (_, write) => {
    const [type, key] = A.split(" ");
    const text = write({
      ssh_authorized_keys: [`${A} alice@foreman.example.com`, `${B} bob@example.com@foreman.example.com - 1`],
      foreman_users: {
        alice: { ssh_authorized_keys: [{ type, key, comment: "alice@foreman.example.com" }] },
      },
    });
    const { specs, told } = imported("foreman", text);
    expect(specs.map(({ user }) => user)).toEqual(["alice", "bob@example.com"]);
    expect(told).toEqual([]);
  });

  test("empty list is empty, and another program's text is an error", () => {
    expect(imported("foreman", { total: 0, results: [] })).toMatchObject({ specs: [], told: [] });
    expect(() => imported("foreman", { error: { message: "x" } })).toThrow("no keys in a form of Foreman");
  });
});

describe("GitLab's", () => {
  const row = {
    id: 1,
    title: "Laptop",
    key: `${A} Alice (gitlab.example.com)`,
    created_at: "2026-01-01T00:00:00.000Z",
    expires_at: "2027-01-31T00:00:00.000Z",
    usage_type: "auth_and_signing",
  };

  test("keys of a user become those of the user who is named, with title and limit", () => {
    expect(imported("gitlab", [row], { user: "alice" }).specs).toEqual([
      {
        user: "alice",
        title: "Laptop",
        key: `${A} Alice (gitlab.example.com)`,
        expiresAt: "2027-01-31T00:00:00.000Z",
      },
    ]);
  });

  test("key with its user says whose it is", () => {
    const document = { ...row, expires_at: null, user: { username: "bob", state: "active" } };
    expect(imported("gitlab", document).specs).toMatchObject([{ user: "bob" }]);
  });

  test.each([
    [{ ...row, usage_type: "signing" }, "for signing commits"],
    [{ ...row, user: { username: "bob", state: "blocked" } }, "not active in GitLab"],
    [{ ...row, expires_at: "tomorrow" }, "no time of RFC 3339"],
    [{ ...row, key: `${A} x\n${B}` }, "a second key"],
    [{}, "it has no key"],
  ])("%j is told", (document, text) => {
    expect(imported("gitlab", [document], { user: "alice" }).told).toEqual([expect.stringContaining(text)]);
  });

  test("error is an error", () => {
    expect(() => imported("gitlab", { message: "401 Unauthorized" })).toThrow("no answer of GitLab");
  });
});
