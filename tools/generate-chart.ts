import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isMap, type Node, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";

/**
 * Writes those parts of the chart that have their source elsewhere: the CRDs (crds/), the admission policies
 * (deploy/policies/) and the README's table of values (values.yaml). With --check only compares.
 */
const ROOT = resolve(import.meta.dirname, "..");
const CHART = join("charts", "sshkey-operator");
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });

const LABELS = '{{- include "sshkey-operator.labels" . | nindent 4 }}';

/** What deploy/policies holds as a constant, and what stands for it in the chart. */
const POLICY_VALUES: readonly (readonly [from: string, to: string])[] = [
  ["name: sshkey-operator-", 'name: {{ include "sshkey-operator.clusterName" . }}-'],
  ["policyName: sshkey-operator-", 'policyName: {{ include "sshkey-operator.clusterName" . }}-'],
  ["system:serviceaccount:sshkey-operator:sshkey-operator", '{{ include "sshkey-operator.username" . }}'],
  [`'"default"'`, `'"{{ .Values.config.installation }}"'`],
  ['== "default")', '== "{{ .Values.config.installation }}")'],
  ["managed=default", "managed={{ .Values.config.installation }}"],
  ['"sshkeys-"', '"{{ .Values.config.secrets.namePrefix }}"'],
  ["begins with sshkeys-", "begins with {{ .Values.config.secrets.namePrefix }}"],
  ['["system:masters"]', "{{ toJson .Values.policies.breakGlassGroups }}"],
  // A CEL string within a YAML string.
  [`'""'`, "{{ .Values.policies.usernamePrefix | toJson | toJson }}"],
];

/** Where only some namespaces are served, only their Secrets are protected, as in deploy/namespaced. */
const ONLY_SERVED_NAMESPACES = `  {{- with .Values.namespaces }}
  matchResources:
    matchPolicy: Equivalent
    objectSelector: {}
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values: {{ toJson . }}
  {{- end }}
`;

const unused = new Set(POLICY_VALUES.map(([from]) => from));
const outdated = new Set<string>();
for (const name of manifestsIn("crds")) write(join("templates", "crds", name), crdTemplate(name));
for (const name of manifestsIn("deploy/policies"))
  write(join("templates", "policies", name), policyTemplate(name));
if (unused.size > 0) throw new Error(`no policy has ${[...unused].join(", ")}: correct POLICY_VALUES`);
write("README.md", withTable(read(join(CHART, "README.md"))));
if (outdated.size > 0) {
  console.error(
    `${[...outdated].join(", ")}: not what the sources say. Run \`make generate\` and commit it.`,
  );
  process.exitCode = 1;
}

function crdTemplate(name: string): string {
  const source = join("crds", name);
  const text = replaceOnce(
    withoutBraces(read(source)),
    "  labels:\n    app.kubernetes.io/name: sshkey-operator\n",
    `  labels: ${LABELS}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`,
  );
  return template(source, ".Values.crds.enabled", text);
}

function policyTemplate(name: string): string {
  const source = join("deploy", "policies", name);
  let text = withoutBraces(read(source));
  for (const [from, to] of POLICY_VALUES) {
    if (text.includes(from)) unused.delete(from);
    text = text.replaceAll(from, () => to);
  }
  text = text.replaceAll(/^metadata:\n {2}name: .*\n/gm, (head) => `${head}  labels: ${LABELS}\n`);
  if (name === "protected-secrets.yaml") text += ONLY_SERVED_NAMESPACES;
  return template(source, ".Values.policies.enabled", text);
}

/** The values as rows of a table, in place of what stands between the README's two marks. */
function withTable(page: string): string {
  const document = parseDocument(read(join(CHART, "values.yaml")));
  const rows = isMap(document.contents) ? rowsOf(document.contents, "") : [];
  const table = ["| value | default | |", "| --- | --- | --- |", ...rows].join("\n");
  return page.replace(/(<!-- values -->\n)[\s\S]*(?=<!-- \/values -->)/, (_, mark) => `${mark}${table}\n`);
}

/** A map whose fields have comments is described by those; everything else is one row, and has a comment. */
function rowsOf(map: YAMLMap, prefix: string): string[] {
  return map.items.flatMap((pair) => {
    const { key, value } = pair as Pair<Scalar<string>, Node>;
    const path = `${prefix}${key.value}`;
    if (isMap(value) && value.items.some((field) => commentOf(value, field) !== ""))
      return rowsOf(value, `${path}.`);
    const comment = commentOf(map, pair);
    if (comment === "") throw new Error(`values.yaml does not say what ${path} is`);
    return [`| \`${path}\` | \`${JSON.stringify(value)}\` | ${comment} |`];
  });
}

/** The paragraph right before a field; before the first field it belongs to the map. */
function commentOf(map: YAMLMap, pair: Pair): string {
  const own = (pair.key as Scalar).commentBefore;
  const text = own ?? (pair === map.items[0] ? map.commentBefore : undefined) ?? "";
  return (text.split("\n\n").at(-1) ?? "").replaceAll(/\s*\n\s*/g, " ").trim();
}

function template(source: string, condition: string, text: string): string {
  return `{{- /* Generated from ${source} by \`make generate\`. Do not edit. */ -}}
{{- if ${condition} }}
${text.trimEnd()}
{{- end }}
`;
}

function withoutBraces(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`not exactly once in the file: ${from}`);
  return text.replace(from, () => to);
}

function manifestsIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml")
    .sort();
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

function write(name: string, text: string): void {
  const file = join(CHART, name);
  if (!values.check) writeFileSync(join(ROOT, file), text);
  else if (text !== read(file)) outdated.add(file);
}
