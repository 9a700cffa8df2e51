import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY } from "../../../../src/claims/policy.ts";
import { emptyState } from "../../../../src/portal/web/keylist.ts";

describe("who has no key yet", () => {
  const commands = (text: string) => [...text.matchAll(/<code>(.*?)<\/code>/g)].map(([, command]) => command);

  test("is told how to make one of a type that is accepted", () => {
    const policy = { ...DEFAULT_POLICY, allowedTypes: ["ecdsa-sha2-nistp384"] } as const;
    expect(commands(String(emptyState(policy)))).toEqual([
      "ssh-keygen -t ecdsa -b 384 &amp;&amp; cat ~/.ssh/id_ecdsa.pub",
      "ssh-keygen -t ecdsa -b 384; Get-Content $HOME\\.ssh\\id_ecdsa.pub",
    ]);
  });
});
