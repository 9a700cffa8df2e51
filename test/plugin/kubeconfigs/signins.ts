import type { KubeconfigShape } from "./kubeconfigparts.ts";

/** What decides as whom, and in which namespace, a person comes out, and whether the API server is believed. */
export const SIGN_INS: readonly KubeconfigShape[] = [
  [
    "--token in place of the user's",
    (parts) => ({
      files: { c: parts.config("alice") },
      listed: ["c"],
      flags: ["--token", parts.tokens.bob],
    }),
  ],
  [
    "--token beside a token file",
    (parts) => ({
      files: {
        c: parts.config("alice", { users: [{ name: "alice", user: { tokenFile: "t" } }] }),
        t: parts.tokens.alice,
      },
      listed: ["c"],
      flags: ["--token", parts.tokens.bob],
    }),
  ],
  [
    "--token beside a password",
    (parts) => ({
      files: {
        c: parts.config("alice", { users: [{ name: "alice", user: { username: "a", password: "b" } }] }),
      },
      listed: ["c"],
      flags: ["--token", parts.tokens.bob],
    }),
  ],
  [
    "--token, --server and --certificate-authority without a file",
    (parts) => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      flags: ["-s", parts.server, "--token", parts.tokens.bob, "--certificate-authority", "DIR/ca.crt"],
    }),
  ],
  [
    "a relative --certificate-authority",
    (parts) => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      flags: ["-s", parts.server, "--token", parts.tokens.bob, "--certificate-authority", "ca.crt"],
    }),
  ],
  [
    "a token file that is relative to its kubeconfig",
    (parts) => ({
      files: {
        "d/c": parts.config("alice", { users: [{ name: "alice", user: { tokenFile: "./t" } }] }),
        "d/t": `${parts.tokens.bob}\n`,
      },
      listed: ["d/c"],
    }),
  ],
  [
    "a token file before the token beside it",
    (parts) => ({
      files: {
        c: parts.config("alice", { users: [parts.userPart("alice", { tokenFile: "t" })] }),
        t: parts.tokens.bob,
      },
      listed: ["c"],
    }),
  ],
  [
    "an authority that is relative to its kubeconfig",
    (parts) => ({
      files: {
        "d/c": parts.config("alice", {
          clusters: [
            parts.clusterPart("here", {
              "certificate-authority": "ca.crt",
              "certificate-authority-data": undefined,
            }),
          ],
        }),
        "d/ca.crt": Buffer.from(parts.ca, "base64").toString(),
      },
      listed: ["d/c"],
    }),
  ],
  [
    "an authority given twice",
    (parts) => ({
      files: {
        c: parts.config("alice", {
          clusters: [parts.clusterPart("here", { "certificate-authority": "ca.crt" })],
        }),
        "ca.crt": Buffer.from(parts.ca, "base64").toString(),
      },
      listed: ["c"],
    }),
  ],
  [
    "an authority beside a check that is skipped",
    (parts) => ({
      files: {
        c: parts.config("alice", {
          clusters: [parts.clusterPart("here", { "insecure-skip-tls-verify": true })],
        }),
      },
      listed: ["c"],
    }),
  ],
  [
    "--insecure-skip-tls-verify in place of the authority",
    (parts) => ({
      files: { c: parts.config("alice") },
      listed: ["c"],
      flags: ["--insecure-skip-tls-verify"],
    }),
  ],
  [
    "no authority",
    (parts) => ({
      files: {
        c: parts.config("alice", {
          clusters: [parts.clusterPart("here", { "certificate-authority-data": undefined })],
        }),
      },
      listed: ["c"],
    }),
  ],
  [
    "a wrong tls-server-name",
    (parts) => ({
      files: {
        c: parts.config("alice", { clusters: [parts.clusterPart("here", { "tls-server-name": "wrong" })] }),
      },
      listed: ["c"],
    }),
  ],
  [
    "a wrong tls-server-name beside --server",
    (parts) => ({
      files: {
        c: parts.config("alice", { clusters: [parts.clusterPart("here", { "tls-server-name": "wrong" })] }),
      },
      listed: ["c"],
      flags: ["--server", parts.server],
    }),
  ],
  [
    "--tls-server-name in place of a wrong one",
    (parts) => ({
      files: {
        c: parts.config("alice", { clusters: [parts.clusterPart("here", { "tls-server-name": "wrong" })] }),
      },
      listed: ["c"],
      flags: ["--tls-server-name", "localhost"],
    }),
  ],
  [
    "a user with two ways to sign in",
    (parts) => ({
      files: {
        c: parts.config("alice", { users: [parts.userPart("alice", { username: "a", password: "b" })] }),
      },
      listed: ["c"],
    }),
  ],
  [
    "a client certificate without its key",
    (parts) => ({
      files: {
        c: parts.config("alice", {
          users: [parts.userPart("alice", { "client-certificate-data": parts.ca })],
        }),
      },
      listed: ["c"],
    }),
  ],
  [
    "the namespace of the context",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "admin" }) },
      listed: ["c"],
    }),
  ],
  [
    "-n in place of the namespace of the context",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["-n", "elsewhere"],
    }),
  ],
  [
    "an empty -n",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["-n", ""],
    }),
  ],
  [
    "the namespace of the context, of another cluster",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "bob" }) },
      listed: ["c"],
      flags: ["--cluster", "here"],
    }),
  ],
  ["--as", (parts) => ({ files: { c: parts.config("admin") }, listed: ["c"], flags: ["--as", "mallory"] })],
  [
    "--as by one who may not",
    (parts) => ({ files: { c: parts.config("alice") }, listed: ["c"], flags: ["--as", "mallory"] }),
  ],
  [
    "--as and --as-group",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "admin" }) },
      listed: ["c"],
      flags: ["--as", "mallory", "--as-group", "dev", "--as-group", "system:masters"],
    }),
  ],
  [
    "--as-group alone",
    (parts) => ({ files: { c: parts.config("admin") }, listed: ["c"], flags: ["--as-group", "dev"] }),
  ],
  [
    "--as-uid alone",
    (parts) => ({ files: { c: parts.config("admin") }, listed: ["c"], flags: ["--as-uid", "1"] }),
  ],
  [
    "--as beside groups of the kubeconfig",
    (parts) => ({
      files: {
        c: parts.config("admin", {
          users: [parts.userPart("admin", { as: "x", "as-groups": ["system:masters"] })],
        }),
      },
      listed: ["c"],
      flags: ["--as", "mallory", "-n", parts.namespace],
    }),
  ],
  [
    "--as-group beside `as` of the kubeconfig",
    (parts) => ({
      files: {
        c: parts.config("admin", {
          users: [parts.userPart("admin", { as: "x", "as-groups": ["system:masters"] })],
        }),
      },
      listed: ["c"],
      flags: ["--as-group", "dev"],
    }),
  ],
  [
    "--as-user-extra by one who may not",
    (parts) => ({
      files: { c: parts.config("alice") },
      listed: ["c"],
      flags: ["--as", "mallory", "--as-user-extra", "scopes=a", "--as-user-extra", "scopes=b"],
    }),
  ],
  [
    "KUBERNETES_MASTER where nothing names a cluster",
    (parts) => ({
      files: { "ca.crt": Buffer.from(parts.ca, "base64").toString() },
      env: { KUBERNETES_MASTER: parts.server },
      flags: ["--token", parts.tokens.bob, "--certificate-authority", "ca.crt"],
    }),
  ],
];
