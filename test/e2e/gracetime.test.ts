import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASTION, SSHDPod } from "./sshdpod.ts";

const GRACE_TIME_S = 2;

let pod: SSHDPod;

beforeAll(async () => {
  pod = await SSHDPod.start("e2e-grace-time", { ...BASTION, settings: `LoginGraceTime ${GRACE_TIME_S}` });
});

afterAll(() => pod.stop());

/** sshd ends the process of such a client by a signal, for which it needs the capability KILL. */
test("a client that does not log in is cut off when LoginGraceTime is over", async () => {
  const started = performance.now();
  const socket = connect(pod.port, "127.0.0.1");
  const closed = once(socket, "close");
  const [banner] = await once(socket, "data");
  expect(String(banner)).toMatch(/^SSH-2\.0-OpenSSH/);
  socket.resume().write("SSH-2.0-idle\r\n");
  await closed;
  expect(performance.now() - started).toBeGreaterThan(GRACE_TIME_S * 1000 - 500);
});
