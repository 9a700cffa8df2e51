import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isExecutable } from "../../controlplane/executable.ts";

/** What tests need of a folder into which packages were unpacked; the system's own tree is `/`. */
export interface UnpackedTree {
  readonly sshd: string | undefined;
  /** Path of libnss_wrapper.so. */
  readonly nssWrapper: string | undefined;
  /** The programs that sshd starts, where there are some, and the sshd_config keyword that takes their path. */
  readonly parts: readonly { readonly keyword: string; readonly program: string }[];
  /** Every folder that holds shared libraries. */
  readonly libraries: readonly string[];
}

export function unpackedTree(root: string): UnpackedTree {
  const libraries = libraryFolders(root);
  return {
    sshd: ["usr/sbin", "usr/local/sbin"].map((folder) => join(root, folder, "sshd")).find(isExecutable),
    nssWrapper: libraries.map((folder) => join(folder, "libnss_wrapper.so")).find((file) => existsSync(file)),
    parts: [
      { keyword: "SshdSessionPath", program: join(root, "usr/lib/openssh/sshd-session") },
      { keyword: "SshdAuthPath", program: join(root, "usr/lib/openssh/sshd-auth") },
    ].filter(({ program }) => isExecutable(program)),
    libraries,
  };
}

function libraryFolders(root: string): string[] {
  return ["usr/lib", "lib", "usr/lib64", "lib64", "usr/local/lib"]
    .map((folder) => join(root, folder))
    .flatMap((folder) => [
      folder,
      ...names(folder)
        .filter(isMultiarch)
        .map((name) => join(folder, name)),
    ])
    .filter((folder) => names(folder).some((name) => /\.so(\.|$)/.test(name)));
}

function isMultiarch(name: string): boolean {
  return /-linux-gnu\w*$/.test(name);
}

function names(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
