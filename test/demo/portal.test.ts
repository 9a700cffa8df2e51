import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { signInAt } from "../portal/issuer.ts";
import { type Page, Visitor } from "../portal/visitor.ts";
import { openTheatre, type Theatre } from "./theatre.ts";

/** How long it may take to be open on a busy machine, in ms. */
const OPEN_MS = 300_000;

let theatre: Theatre;

beforeEach(async () => {
  theatre = await openTheatre();
});

afterEach(async () => {
  await theatre.close();
});

describe("the try of the portal", () => {
  test("is open to those whom it names, each with what is theirs, until it is interrupted, and leaves nothing behind", async () => {
    const showing = theatre.start("demo/portal/main.ts");
    const url = await eventually(
      "the portal is open",
      () => /^The portal is open: (\S+)$/m.exec(showing.seen())?.[1],
      OPEN_MS,
    );
    const alice = await signIn(url, "alice");
    const admin = await signIn(url, "admin");
    showing.interrupt();
    expect(alice.text).toMatch(/Signed in as alice[\s\S]*Alice&#39;s laptop/);
    expect([alice, admin].map(({ text }) => text.includes('href="/people"'))).toEqual([false, true]);
    expect(await showing.ended).toEqual({ code: 0, signal: null });
    await theatre.isEmpty();
  });

  test("answers programs by the commands that it names", async () => {
    const showing = theatre.start("demo/portal/main.ts");
    const commands = await eventually(
      "the commands are there",
      () => /^ {2}export KUBECONFIG=[\s\S]*(?=^Ctrl-C stops)/m.exec(showing.seen())?.[0],
      OPEN_MS,
    );
    const typed = commands.split("\n").filter((line) => /^ {2}(?:export|TOKEN|curl)/.test(line));
    const { code, stdout } = await run("sh", ["-c", typed.join("\n")]);
    showing.interrupt();
    await showing.ended;
    expect([code, JSON.parse(stdout).results.length]).toEqual([0, 2]);
  });

  test("leaves nothing behind when it is interrupted before it is open", async () => {
    const showing = theatre.start("demo/portal/main.ts");
    await eventually("keys are applied", () => showing.seen().includes("alice-laptop created"), OPEN_MS);
    showing.interrupt();
    expect(await showing.ended).toEqual({ code: 130, signal: null });
    await theatre.isEmpty();
  });
});

async function signIn(url: string, name: string): Promise<Page> {
  const visitor = new Visitor(url);
  const begun = await visitor.send("/sign-in?to=/keys");
  const back = await signInAt(new URL(begun.headers.get("location") ?? ""), name);
  return await visitor.open(back.pathname + back.search);
}
