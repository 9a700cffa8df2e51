import { constants, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import type { Readable } from "node:stream";

/**
 * What is in a file or a named pipe, without waiting in open() for whoever writes to the pipe: nobody could stop that.
 * Rejects with the error of the system, EISDIR for a folder.
 */
export async function fileStream(file: string): Promise<Readable> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await handle.stat();
  if (stat.isDirectory()) {
    await handle.close();
    throw Object.assign(new Error(`${file} is a folder`), { code: "EISDIR" });
  }
  if (stat.isFIFO()) return new Socket({ fd: handle.fd, readable: true, writable: false });
  return handle.createReadStream();
}

/** Is it a named pipe, or a link to one? */
export function isPipe(file: string): boolean {
  try {
    return statSync(file).isFIFO();
  } catch {
    return false;
  }
}
