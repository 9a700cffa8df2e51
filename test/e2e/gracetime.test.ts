import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASTION, SSHDPod } from "./sshdpod.ts";

let pod: SSHDPod;

beforeAll(async () => {
  pod = await SSHDPod.start("e2e-grace-time", { ...BASTION, settings: "LoginGraceTime 2" });
});

afterAll(() => pod.stop());

/** sshd ends the process of such a client by a signal, for which it needs the capability KILL. */
test("a client that does not log in is cut off when LoginGraceTime is over", async () => {
  const socket = connect(pod.port, "127.0.0.1");
  const closed = once(socket, "close");
  const [banner] = await once(socket, "data");
  expect(String(banner)).toMatch(/^SSH-2\.0-OpenSSH/);
  socket.resume().write("SSH-2.0-idle\r\n");
  await closed;
});
