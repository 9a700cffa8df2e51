import { close, constants, createReadStream, fstat, open, statSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

/**
 * What is in a file or a named pipe, without waiting in open() for whoever writes to the pipe: nobody could stop that.
 * Rejects with the error of the system, EISDIR for a folder.
 */
export async function fileStream(file: string): Promise<Readable> {
  // By number: a FileHandle that nobody keeps is closed when garbage is collected, under whoever reads from it.
  const fd = await promisify(open)(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await promisify(fstat)(fd);
  if (stat.isDirectory()) {
    await promisify(close)(fd);
    throw Object.assign(new Error(`${file} is a folder`), { code: "EISDIR" });
  }
  if (stat.isFIFO()) return new Socket({ fd, readable: true, writable: false });
  return createReadStream(file, { fd });
}

/** Is it a named pipe, or a link to one? */
export function isPipe(file: string): boolean {
  try {
    return statSync(file).isFIFO();
  } catch {
    return false;
  }
}
