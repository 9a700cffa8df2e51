import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { podsPath } from "../../../src/api/paths.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { Bastion } from "./bastion.ts";

interface ProjectedVolume {
  readonly name: string;
  readonly projected: {
    readonly sources: readonly { readonly secret: { readonly name: string; readonly optional?: boolean } }[];
  };
}

const page = readFileSync("docs/authorizedkeys.md", "utf8");
const [, section = ""] = page.split("**Beyond that, two objects in one projected volume.**");
const [, manifest = ""] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
const volumes: readonly ProjectedVolume[] = parse(manifest).volumes;
const sources = volumes.flatMap(({ projected }) => projected.sources.map(({ secret }) => secret));

/** Of each letter one user. */
const USERS = Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => `${letter}-user`);
const HALVES = [USERS.slice(0, 13), USERS.slice(13)];
const keys = USERS.map(() => freshKey());

let stage: Stage;
let tenant: Tenant;

/** The users are divided between two AuthorizedKeys by their first letter, as the page says. */
beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  tenant = await stage.tenant();
  await inTurns(USERS.length, 8, (i) =>
    tenant.create(`key-${i}`, { user: USERS[i] ?? "", key: keys[i] ?? "" }),
  );
  for (const [i, { name }] of sources.entries()) {
    const users = HALVES[i]?.map(([letter]) => `${letter}*`) ?? [];
    await new Bastion(tenant).create(name, { from: [{ users }] });
  }
});

afterAll(() => stage.close());

test("the API server takes a pod with the volume of the page", async () => {
  const spec = { containers: [{ name: "sshd", image: "sshd" }], volumes };
  const path = `${podsPath(tenant.namespace)}?dryRun=All`;
  const { status, body } = await tenant.cluster.request("POST", path, {
    metadata: { name: "bastion" },
    spec,
  });
  expect([status, body]).toEqual([201, expect.anything()]);
});

test("each source of it may be missing without holding up the other", () => {
  expect(sources.map(({ optional }) => optional)).toEqual([true, true]);
});

test("the two Secrets together have the file of each user once, with that user's key in it", async () => {
  for (const [i, { name }] of sources.entries())
    await new Bastion(tenant).untilFiles(
      name,
      Object.fromEntries((HALVES[i] ?? []).map((user) => [user, [lineOf(user)]])),
    );
  const dataKeys = [];
  for (const { name } of sources) dataKeys.push(...Object.keys((await tenant.secret(name))?.data ?? {}));
  expect(dataKeys.sort()).toEqual(USERS);
});

function lineOf(user: string): string {
  const i = USERS.indexOf(user);
  return tenant.line(`key-${i}`, keys[i] ?? "");
}
