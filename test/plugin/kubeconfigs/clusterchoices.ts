import type { KubeconfigShape } from "./kubeconfigparts.ts";

/** What decides on which API server, and in which context of which file, a person comes out. */
export const CLUSTER_CHOICES: readonly KubeconfigShape[] = [
  ["one file", (parts) => ({ files: { c: parts.config("alice") }, listed: ["c"] })],
  ["the home folder", (parts) => ({ files: { ".kube/config": parts.config("alice") } })],
  [
    "the home folder, whatever else is there, when KUBECONFIG is not set",
    (parts) => ({
      files: { ".kube/config": parts.config("alice"), c: parts.config("bob") },
    }),
  ],
  [
    "KUBECONFIG before the home folder",
    (parts) => ({
      files: { ".kube/config": parts.config("alice"), c: parts.config("bob") },
      listed: ["c"],
    }),
  ],
  [
    "--kubeconfig before KUBECONFIG",
    (parts) => ({
      files: { c: parts.config("alice"), d: parts.config("bob") },
      listed: ["c"],
      flags: ["--kubeconfig", "DIR/d"],
    }),
  ],
  [
    "an empty --kubeconfig",
    (parts) => ({ files: { c: parts.config("alice") }, listed: ["c"], flags: ["--kubeconfig", ""] }),
  ],
  [
    "--kubeconfig of a file that is not there",
    (parts) => ({
      files: { c: parts.config("alice") },
      listed: ["c"],
      flags: ["--kubeconfig", "DIR/d"],
    }),
  ],
  [
    "missing and empty names in KUBECONFIG",
    (parts) => ({
      files: { c: parts.config("alice") },
      listed: ["missing", "", "c", "missing"],
    }),
  ],
  [
    "KUBECONFIG that names nothing that is there, beside a home folder",
    (parts) => ({
      files: { ".kube/config": parts.config("alice") },
      listed: ["missing"],
    }),
  ],
  [
    "KUBECONFIG of a colon, beside a home folder",
    (parts) => ({
      files: { ".kube/config": parts.config("alice") },
      listed: ["", ""],
    }),
  ],
  [
    "an empty file before a whole one",
    (parts) => ({ files: { e: "", c: parts.config("alice") }, listed: ["e", "c"] }),
  ],
  [
    "a broken file behind a whole one",
    (parts) => ({ files: { c: parts.config("alice"), b: "a: [" }, listed: ["c", "b"] }),
  ],
  [
    "a folder among the files",
    (parts) => ({ files: { c: parts.config("alice"), "d/x": "" }, listed: ["c", "d"] }),
  ],
  [
    "the same user in two files: the first counts, whole",
    (parts) => ({
      files: {
        a: { users: [parts.userPart("bob")] },
        b: parts.config("bob", { users: [{ name: "bob", user: { as: "x", token: parts.tokens.admin } }] }),
      },
      listed: ["a", "b"],
    }),
  ],
  [
    "the current context of the first file that has one",
    (parts) => ({
      files: {
        a: { "current-context": "" },
        b: { "current-context": "bob" },
        c: parts.everybody({ "current-context": "alice" }),
      },
      listed: ["a", "b", "c"],
    }),
  ],
  [
    "parts spread over files",
    (parts) => ({
      files: {
        a: { contexts: [parts.contextPart("mine", "bob")] },
        b: { users: [parts.userPart("bob")], "current-context": "mine" },
        c: { clusters: [parts.clusterPart()] },
      },
      listed: ["a", "b", "c"],
    }),
  ],
  ["no current context", (parts) => ({ files: { c: parts.everybody() }, listed: ["c"] })],
  [
    "a current context that is not there",
    (parts) => ({ files: { c: parts.everybody({ "current-context": "x" }) }, listed: ["c"] }),
  ],
  [
    "a current context that is not there, and --server",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "x" }) },
      listed: ["c"],
      flags: ["--server", parts.server, "--token", parts.tokens.alice],
    }),
  ],
  [
    "--context",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "bob"],
    }),
  ],
  [
    "an empty --context",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", ""],
    }),
  ],
  [
    "--context that is not there",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "x"],
    }),
  ],
  [
    "--context of a cluster that is gone",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--context", "gone"],
    }),
  ],
  [
    "--cluster in place of that of the context",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "gone" }) },
      listed: ["c"],
      flags: ["--cluster", "here"],
    }),
  ],
  [
    "--cluster that is not there",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--cluster", "x"],
    }),
  ],
  [
    "--server in place of that of the cluster",
    (parts) => ({
      files: { c: parts.everybody({ "current-context": "alice" }) },
      listed: ["c"],
      flags: ["--server", "https://127.0.0.1:1"],
    }),
  ],
  [
    "an address without a scheme",
    (parts) => ({
      files: {
        c: parts.config("alice", {
          clusters: [parts.clusterPart("here", { server: parts.server.slice("https://".length) })],
        }),
      },
      listed: ["c"],
    }),
  ],
];
