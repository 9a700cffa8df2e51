import { cp, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { type Finished, run } from "../cluster/run.ts";

interface Instruction {
  readonly name: string;
  readonly value: string;
}

let dockerfile: Instruction[];
let scratch: string;

beforeAll(async () => {
  dockerfile = parseDockerfile(await readFile("Dockerfile", "utf8"));
  scratch = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe("the build stage", () => {
  test("copies all that building the bundle takes", async () => {
    const folder = join(scratch, "build");
    for (const source of buildSources()) await cp(source, join(folder, source), { recursive: true });
    await symlink(resolve("node_modules"), join(folder, "node_modules"));
    expect(await run(process.execPath, ["tools/build.ts"], { cwd: folder })).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await runBundle(join(folder, "dist", "main.cjs"), ["--version"])).stdout).toBe(
      `${manifest.version}\n`,
    );
    expect((await runBundle(join(folder, "dist", "main.cjs"), ["blocklist", "show"])).stdout).toContain(
      "300,000  ECDSA private keys 1 to 100,000",
    );
  });

  test("makes the list of known keys once, and again where it is damaged", async () => {
    const folder = join(scratch, "build");
    const list = join(folder, "dist", "known-keys.blocklist");
    const build = async () => {
      expect(await run(process.execPath, ["tools/build.ts"], { cwd: folder })).toMatchObject({ code: 0 });
      return { content: await readFile(list), time: (await stat(list)).mtimeMs };
    };
    const made = { content: await readFile(list), time: (await stat(list)).mtimeMs };
    const again = await build();
    expect([again.time, again.content.equals(made.content)]).toEqual([made.time, true]);
    await writeFile(list, made.content.subarray(0, -1));
    expect((await build()).content.equals(made.content)).toBe(true);
  });

  test("finds in its context what it copies, and nothing else", async () => {
    const lines = (await readFile(".dockerignore", "utf8")).split("\n").filter((line) => /^[^#]/.test(line));
    expect(lines.sort()).toEqual(["*", ...buildSources().map((source) => `!${source}`)].sort());
  });

  test("has the version of Node that the project is pinned to", () => {
    expect(defaultOf("BUILD_IMAGE")).toMatch(new RegExp(`^node:${manifest.devDependencies.node}-`));
  });
});

describe("the image", () => {
  test("holds the bundles, their list of known keys and their bill of materials alone, on a base without a shell", () => {
    expect(defaultOf("RUNTIME_IMAGE")).toMatch(/^gcr\.io\/distroless\/nodejs24-debian\d+:nonroot$/);
    const added = finalStage().filter(({ name }) => ["COPY", "ADD", "RUN"].includes(name));
    expect(added).toEqual([
      {
        name: "COPY",
        value:
          "--from=build /build/dist/main.cjs /build/dist/kubectl-sshkey.cjs /build/dist/known-keys.blocklist /build/dist/sbom.spdx.json /sshkey-operator/",
      },
    ]);
  });

  test("starts the bundle without a shell", () => {
    const [node, ...args] = JSON.parse(argumentOf("ENTRYPOINT"));
    expect([node, args.at(-1)]).toEqual(["/nodejs/bin/node", "/sshkey-operator/main.cjs"]);
  });

  test("gives Node options that this Node knows", async () => {
    const options = JSON.parse(argumentOf("ENTRYPOINT")).slice(1, -1);
    expect(await run(process.execPath, [...options, "--eval", "0"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("runs as a user that is not root by its number", () => {
    expect(argumentOf("USER")).toBe("65532:65532");
  });

  test("says which version it is", () => {
    expect(defaultOf("VERSION")).toBe(manifest.version);
  });
});

describe("the bill of materials", () => {
  let packages: readonly { readonly name: string; readonly versionInfo: string }[];
  let written: string;

  beforeAll(async () => {
    const folder = join(scratch, "sbom");
    for (const file of ["package.json", "package-lock.json", ".npmrc", "tools/sbom.ts", "dist"]) {
      await cp(file, join(folder, file), { recursive: true });
    }
    const write = async () => {
      expect(await run(process.execPath, ["tools/sbom.ts"], { cwd: folder })).toMatchObject({ code: 0 });
      return readFile(join(folder, "dist", "sbom.spdx.json"), "utf8");
    };
    written = await write();
    expect(await write()).toBe(written);
    ({ packages } = JSON.parse(written));
  });

  test("is an SPDX document", () => {
    expect(JSON.parse(written)).toMatchObject({ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT" });
  });

  test.each(Object.entries(manifest.dependencies))(
    "has the runtime dependency %s %s",
    (name, versionInfo) => {
      expect(packages).toContainEqual(expect.objectContaining({ name, versionInfo }));
    },
  );

  test.each(Object.keys(manifest.devDependencies))(
    "does not have %s, of which nothing is in the bundle",
    (name) => {
      expect(packages.map((each) => each.name)).not.toContain(name);
    },
  );
});

describe("the bundle alone, in an empty folder and an empty environment", () => {
  let alone: string;

  beforeAll(async () => {
    alone = join(scratch, "alone", "main.cjs");
    await cp("dist/main.cjs", alone);
    expect(await readdir(join(scratch, "alone"))).toEqual(["main.cjs"]);
  });

  test("prints its version", async () => {
    expect(await runBundle(alone, ["--version"])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: "",
    });
  });

  test("prints the help of run", async () => {
    const { code, stdout, stderr } = await runBundle(alone, ["run", "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("--kubeconfig <file>");
  });

  test("knows the commonest of the keys that stand in the file beside it", async () => {
    const { code, stdout } = await runBundle(alone, ["blocklist", "show"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("10,000  ECDSA private keys 1 to 10,000")]);
  });

  test("says what is missing when there is no cluster to reach", async () => {
    const { code, stderr } = await runBundle(alone, ["run"]);
    expect([code, stderr]).toEqual([3, expect.stringContaining("no kubeconfig found")]);
  });
});

/** Comments left out, continued lines joined. */
function parseDockerfile(text: string): Instruction[] {
  return text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({ name: line.split(" ", 1)[0] ?? "", value: line.slice(line.indexOf(" ") + 1) }));
}

function finalStage(): Instruction[] {
  return dockerfile.slice(dockerfile.findLastIndex(({ name }) => name === "FROM"));
}

function argumentOf(instruction: string): string {
  return finalStage().find(({ name }) => name === instruction)?.value ?? "";
}

function defaultOf(argument: string): string | undefined {
  const prefix = `${argument}=`;
  const found = dockerfile.find(({ name, value }) => name === "ARG" && value.startsWith(prefix));
  return found?.value.slice(prefix.length);
}

/** What the build stage copies from the context. */
function buildSources(): string[] {
  return dockerfile
    .filter(({ name, value }) => name === "COPY" && !value.startsWith("--from="))
    .flatMap(({ value }) => value.split(" ").slice(0, -1));
}

function runBundle(file: string, args: readonly string[]): Promise<Finished> {
  return run(process.execPath, [file, ...args], { cwd: join(file, ".."), env: { HOME: "/nonexistent" } });
}
