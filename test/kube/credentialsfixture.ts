import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, onTestFinished } from "vitest";
import { Credentials, type CredentialsOptions } from "../../src/kube/credentials.ts";
import { Transport } from "../../src/kube/transport.ts";

/** A folder for kubeconfigs and what they name, and credentials made from them; new for each test of the file. */
export function credentialsFixture() {
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "kube-test-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));
  });

  /** Writes a file into the folder and gives its path. */
  const write = (name: string, content: string | Buffer) => {
    const file = join(dir, name);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
    return file;
  };

  const open = (options: CredentialsOptions) => {
    const credentials = new Credentials(options);
    const transport = new Transport({ credentials, userAgent: "test" });
    onTestFinished(() => credentials.close());
    return { credentials, transport };
  };

  return { dir: () => dir, write, open };
}
