import { chmod, mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder laid out as kubelet lays out a Secret volume. */
export interface SecretVolume {
  /** The mount path. */
  readonly path: string;
  /** Replaces all files at one stroke. */
  update(files: Readonly<Record<string, string>>): Promise<void>;
}

export interface SecretVolumeOptions {
  /** The volume's defaultMode; 0444 if not given. */
  readonly fileMode?: number;
}

/**
 * A volume of mode 1777 as kubelet's AtomicWriter writes it (pkg/volume/util/atomic_writer.go): files in a folder of
 * their own that `..data` points to, a link for each file, and updates by a rename of `..data`.
 */
export async function secretVolume(path: string, o: SecretVolumeOptions = {}): Promise<SecretVolume> {
  await mkdir(path);
  await chmod(path, 0o1777);
  let updates = 0;
  const data = join(path, "..data");
  let linked: string[] = [];
  return {
    path,
    async update(files) {
      const folder = `..2026_01_02_03_04_05.${++updates}`;
      const old = updates > 1 ? await readlink(data) : undefined;
      await mkdir(join(path, folder));
      await chmod(join(path, folder), 0o755);
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(path, folder, name), content);
        await chmod(join(path, folder, name), o.fileMode ?? 0o444);
      }
      await symlink(folder, join(path, "..data_tmp"));
      await rename(join(path, "..data_tmp"), data);
      const names = Object.keys(files);
      for (const name of names.filter((each) => !linked.includes(each))) {
        await symlink(join("..data", name), join(path, name));
      }
      for (const name of linked.filter((each) => !names.includes(each))) await rm(join(path, name));
      linked = names;
      if (old !== undefined) await rm(join(path, old), { recursive: true });
    },
  };
}

/** A new temporary folder that every user may enter, as sshd's user has to. */
export async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sshkey-operator-sshd-"));
  await chmod(folder, 0o755);
  return folder;
}
