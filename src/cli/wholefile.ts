import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file and renames it into place, so that nobody ever reads half of it. Until then its name begins with a dot, so
 * that a folder of blocklists passes over it. Rejects with the error of the system.
 */
export async function writeWholeFile(file: string, content: string | Buffer): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
