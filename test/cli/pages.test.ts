import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { AUTHORIZED_KEYS_LIMITS } from "../../src/api/logins.ts";
import { AUTHORIZED_KEYS_KIND, GROUP, KIND, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { AUTHORIZED_KEYS_STATES, OMISSIONS } from "../../src/api/omissions.ts";
import { CONDITION_TYPES, STATES } from "../../src/api/states.ts";
import { LIMITS } from "../../src/authorizedkeys/files.ts";
import { MAXIMUM_PATTERN_CHARACTERS } from "../../src/authorizedkeys/record.ts";
import { MAXIMUM_SEQUENCES } from "../../src/authorizedkeys/targetoptions.ts";
import { REASONS } from "../../src/blocklist/blocklist.ts";
import { COMMON_WORDS } from "../../src/blocklist/commonwords.ts";
import { EXIT } from "../../src/cli/exitcodes.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { MAXIMUM_TARGETS } from "../../src/projection/authorizedkeysobjects.ts";
import { secretName } from "../../src/projection/usertarget.ts";
import { OPTION_LIMITS } from "../../src/ssh/options.ts";
import { ADVICE_CLASSES } from "../../src/ssh/weakness/advice.ts";
import { WEAKNESS_CLASSES } from "../../src/ssh/weakness/classes.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PAGES = [
  ...readdirSync(ROOT).filter(isPage),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter(isPage)
    .map((name) => join("docs", name)),
  "examples/gitops/README.md",
  "examples/quickstart/README.md",
];
const README = read("README.md");
const OPERATIONS = read("docs/operations.md");
const AUTHORIZED_KEYS = read("docs/authorizedkeys.md");
const { namePrefix, installation } = DEFAULT_SETTINGS.secrets;

describe("README.md", () => {
  it("has the table of STATEs as the operator has it", () => {
    expect(tableAfter(README, "## What each STATE means")).toEqual(meanings(STATES));
  });

  it("says which STATEs leave Ready True", () => {
    const [line = ""] = /^- `Ready` is .*$/m.exec(README) ?? [];
    const out = Object.entries(STATES).filter(
      ([state, { ready }]) => ready === "True" && state !== "Projected",
    );
    const words = [...line.matchAll(/`([A-Z][a-z]+)`/g)].map(([, word = ""]) => word);
    expect(words.filter((word) => word in STATES).sort()).toEqual(out.map(([state]) => state).sort());
  });

  it("has every exit code", () => {
    const codes = tableAfter(README, "| exit code |").map((row) => Number(row.split("|")[1]));
    expect(codes).toEqual(Object.values(EXIT));
  });

  it("has every runtime dependency, and no other", () => {
    const rows = tableAfter(README, "| package |").flatMap(
      (row) => row.split("|")[1]?.match(/[^`, ]+/g) ?? [],
    );
    expect(rows.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  });

  it("names the folders of src, and no other", () => {
    const folders = readdirSync(join(ROOT, "src"), { withFileTypes: true }).filter((each) =>
      each.isDirectory(),
    );
    const named = tableAfter(README, "| folder |").flatMap((row) => /`src\/([a-z]+)\/`/.exec(row)?.[1] ?? []);
    expect(named.sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it("shows both forms of a Secret's name", () => {
    const examples = [...README.matchAll(/`([^`]+)`: `(sshkeys-[^`]+)` \|/g)];
    expect(examples.length).toBe(2);
    for (const [, user = "", name] of examples) expect(secretName(namePrefix, user)).toBe(name);
  });
});

describe("docs/operations.md", () => {
  it("has every STATE with the type of its Event", () => {
    const rows = tableAfter(OPERATIONS, "| Event reason, STATE |").map((row) => row.split(" | ").slice(0, 2));
    const expected = Object.entries(STATES).map(([state, { eventType }]) => [`| \`${state}\``, eventType]);
    expect(rows).toEqual(expected);
  });
});

describe("docs/authorizedkeys.md", () => {
  it("has the table of reasons why something is left out as the operator has it", () => {
    expect(tableAfter(AUTHORIZED_KEYS, "## What is left out")).toEqual(meanings(OMISSIONS));
  });

  it("has the table of STATEs as the operator has it", () => {
    expect(tableAfter(AUTHORIZED_KEYS, "## STATE")).toEqual(meanings(AUTHORIZED_KEYS_STATES));
  });

  it("has the limits as the operator has them", () => {
    const { from, users, map } = AUTHORIZED_KEYS_LIMITS;
    const numbers = tableAfter(AUTHORIZED_KEYS, "## How much fits").map((row) =>
      row.match(/\d+(?:,\d{3})*/g),
    );
    expect(numbers).toEqual([
      [LIMITS.bytes.toLocaleString("en-US")],
      [`${MAXIMUM_TARGETS}`],
      [from, users, map, OPTION_LIMITS.options].map(String),
      [`${MAXIMUM_PATTERN_CHARACTERS}`],
      [`${LIMITS.emptyFiles}`],
    ]);
    expect(AUTHORIZED_KEYS).toContain(`At most ${MAXIMUM_SEQUENCES} in all options together.`);
  });
});

describe("docs/key-checks.md", () => {
  const page = read("docs/key-checks.md");

  it("has the table of classes as the checks have them, each with a cost", () => {
    const rows = tableAfter(page, "## Classes").map((row) => row.split(" | "));
    const expected = Object.entries(WEAKNESS_CLASSES).map(([code, { meaning, source, falsePositives }]) => [
      `| \`${code}\``,
      meaning,
      source,
      falsePositives,
    ]);
    expect(rows.map((row) => row.slice(0, 4))).toEqual(expected);
    expect(rows.filter((row) => row.length !== 5)).toEqual([]);
  });

  it("has the table of advice as the operator gives it", () => {
    const expected = Object.entries(ADVICE_CLASSES).map(
      ([code, { meaning, whatToDo, source, falsePositives }]) =>
        `| \`${code}\` | ${meaning} | ${whatToDo} | ${source} | ${falsePositives} |`,
    );
    expect(tableAfter(page, "## Advice")).toEqual(expected);
  });

  it("has every reason for which a list can have a key", () => {
    const [named = ""] = /is a reason: (?:`\w+`(?:, )?)+/.exec(page) ?? [];
    expect(named.match(/(?<=`)\w+(?=`)/g)).toEqual([...REASONS]);
  });

  it("says how many words are tried", () => {
    expect(page).toContain(`SHA-256 of ${COMMON_WORDS.length.toLocaleString("en-US")} common English words`);
  });
});

describe("examples/gitops/argocd/health.yaml", () => {
  const { data } = parse(read("examples/gitops/argocd/health.yaml"));

  it("is for both kinds", () => {
    const kinds = [KIND, AUTHORIZED_KEYS_KIND];
    expect(Object.keys(data)).toEqual(kinds.map((kind) => `resource.customizations.health.${GROUP}_${kind}`));
  });

  it("reads conditions that there are", () => {
    const [script = ""] = Object.values<string>(data);
    const read = [...new Set(script.match(/(?<=found\.)[A-Z][a-z]+/g))];
    expect(read).toEqual(["Ready", "Stalled"]);
    expect(read.filter((type) => !(CONDITION_TYPES as readonly string[]).includes(type))).toEqual([]);
  });
});

describe.each(PAGES)("%s", (page) => {
  const text = read(page);

  it("names Secrets as the operator does", () => {
    const names = text.match(/\bsshkeys-[a-z0-9.-]*[a-z0-9](?=[`\s"',;:)/]|$)/gm) ?? [];
    expect(names.filter((name) => name.length > 51 || name.includes("."))).toEqual([]);
    const digests = names.filter((name) => /-[0-9a-f]{20}$/.test(name));
    const known = ["alice@example.com"].map((user) => secretName(namePrefix, user));
    expect(digests.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("selects Secrets by the operator's own label", () => {
    const selectors = text.match(/\bsshkey-operator\.dev\/managed(?:=[a-z]+)?/g) ?? [];
    expect(
      selectors.filter((each) => ![MANAGED_LABEL, `${MANAGED_LABEL}=${installation}`].includes(each)),
    ).toEqual([]);
    expect(text).not.toMatch(/app\.kubernetes\.io\/managed-by=/);
    const annotations = text.match(/\bsshkey-operator\.dev\/secret\w*/g) ?? [];
    expect(annotations.filter((each) => each !== SECRET_ANNOTATION)).toEqual([]);
  });

  it("names files and folders that there are", () => {
    const named =
      text.match(/(?<=`)(?:src|test|docs|tools|crds|deploy|examples|bench|controlplane)\/[\w./-]*(?=`)/g) ??
      [];
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("leads to files and headings that there are", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(
      ([, target = ""]) => !/^https?:/.test(target),
    );
    const dead = links.filter(([, target = "", heading]) => {
      const file = target === "" ? page : normalize(join(dirname(page), target));
      if (!existsSync(join(ROOT, file))) return true;
      return heading !== undefined && !headings(read(file)).includes(heading);
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });
});

function isPage(file: string): boolean {
  return file.endsWith(".md");
}

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** The rows of a table of words and what they say to people. */
function meanings(words: Readonly<Record<string, { readonly meaning: string; readonly whatToDo: string }>>) {
  return Object.entries(words).map(
    ([word, { meaning, whatToDo }]) => `| \`${word}\` | ${meaning} | ${whatToDo} |`,
  );
}

/** The rows of the first table from `start` on, without its head. */
function tableAfter(text: string, start: string): string[] {
  const lines = text.slice(text.indexOf(start)).split("\n");
  const rule = lines.findIndex((line) => /^\|( ---+ \|)+$/.test(line));
  const end = lines.findIndex((line, i) => i > rule && !line.startsWith("|"));
  return lines.slice(rule + 1, end);
}

/** As GitHub names the anchors of headings. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, "")
      .replaceAll(" ", "-"),
  );
}
