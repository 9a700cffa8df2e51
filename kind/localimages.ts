import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { BINARIES, findBinaries, kubernetesVersion, NODE_BINARIES } from "../controlplane/binaries.ts";
import { onPath } from "../controlplane/executable.ts";
import type { Buildah } from "./buildah.ts";

/** Where the Containerfiles are. */
const SOURCES = join(import.meta.dirname, "images");
const DEBIAN = "docker.io/library/debian:12-slim";
const REGISTRY = "registry.k8s.io";
const ETCD = "3.6.8-0";

export const NODE_IMAGE = "localhost/kindest/node:local";

export interface LocalImagesOptions {
  readonly buildah: Buildah;
  /** Kept between runs. */
  readonly folder: string;
  readonly repository: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
}

/**
 * Makes what would be pulled elsewhere, once: the image of the node, the base images that the Dockerfile names, and
 * debian:12-slim. They are made again when anything changes that they are made of, but for Debian's packages.
 */
export async function makeLocalImages(o: LocalImagesOptions): Promise<void> {
  const marker = join(o.folder, "made-of");
  const names = [...BINARIES, ...NODE_BINARIES];
  const binaries = await findBinaries({ names, env: withoutAssets(o.env), progress: o.progress });
  const bases = baseImages(o.repository);
  const key = digest([kubernetesVersion(), kindModule(), JSON.stringify(bases), ...sources()]);
  if (existsSync(marker) && readFileSync(marker, "utf8") === key) return;
  rmSync(marker, { force: true });
  await o.buildah.removeAllImages();
  o.progress("making a node's image and the base images from Debian's packages and Go modules");
  o.progress("this takes about three minutes on two cores; it is done once");
  await makeDebian(o, "bookworm", DEBIAN);
  await makeDebian(o, "trixie", "localhost/debian:trixie");
  await makeBaseImages(o, bases);
  await makeNodeImage(o, binaries);
  writeFileSync(marker, key);
}

async function makeDebian(
  { buildah, folder }: LocalImagesOptions,
  release: string,
  name: string,
): Promise<void> {
  const context = join(folder, release);
  mkdirSync(context, { recursive: true });
  const leftOut = ["doc", "man", "locale"].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`);
  const options = ["--quiet", "--variant=minbase", "--skip=cleanup/apt/lists", ...leftOut];
  const rootfs = join(context, "rootfs.tar");
  await buildah.run(`installing Debian ${release}`, ["mmdebstrap", ...options, release, rootfs, mirror()]);
  await buildah.build({ name, dockerfile: join(SOURCES, "debian.Containerfile"), context });
  rmSync(context, { recursive: true });
}

interface BaseImages {
  readonly build: string;
  readonly runtime: string;
}

async function makeBaseImages({ buildah, repository }: LocalImagesOptions, bases: BaseImages): Promise<void> {
  const program = join(repository, "node_modules", "node", "bin");
  const contexts = { program, npm: npmFolder() };
  const dockerfile = (name: string) => join(SOURCES, `${name}.Containerfile`);
  await buildah.build({ name: bases.build, dockerfile: dockerfile("node24"), context: SOURCES, contexts });
  await buildah.build({
    name: bases.runtime,
    dockerfile: dockerfile("distroless"),
    context: SOURCES,
    contexts,
  });
}

async function makeNodeImage(o: LocalImagesOptions, binaries: string): Promise<void> {
  const { buildah } = o;
  const version = kubernetesVersion();
  const images = join(o.folder, "images");
  rmSync(images, { recursive: true, force: true });
  mkdirSync(images);
  const make = async (program: string, containerfile: string, name: string) => {
    const dockerfile = join(SOURCES, `${containerfile}.Containerfile`);
    const args = { PROGRAM: program };
    await buildah.build({ name, dockerfile, context: SOURCES, contexts: { binaries }, args });
    await buildah.save(name, join(images, `${program}.tar`));
    await buildah.removeImage(name);
  };
  for (const program of ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]) {
    await make(program, "kubernetes", `${REGISTRY}/${program}:${version}`);
  }
  await make("etcd", "kubernetes", `${REGISTRY}/etcd:${ETCD}`);
  await make("kube-proxy", "kube-proxy", `${REGISTRY}/kube-proxy:${version}`);
  await make("pause", "pause", `${REGISTRY}/pause:3.10`);
  await buildah.build({
    name: NODE_IMAGE,
    dockerfile: join(SOURCES, "kindest-node.Containerfile"),
    context: SOURCES,
    contexts: { kind: kindModule(), binaries },
    args: { KUBERNETES_VERSION: version },
    volumes: [`${images}:/images:ro`],
  });
  rmSync(images, { recursive: true });
}

/** The names of the images that the Dockerfile starts from. */
function baseImages(repository: string): BaseImages {
  const dockerfile = readFileSync(join(repository, "Dockerfile"), "utf8");
  const argument = (name: string) => {
    const value = new RegExp(`^ARG ${name}=(\\S+)$`, "m").exec(dockerfile)?.[1];
    if (value === undefined) throw new Error(`the Dockerfile has no ARG ${name} with a default`);
    return value;
  };
  return { build: fullName(argument("BUILD_IMAGE")), runtime: argument("RUNTIME_IMAGE") };
}

/** What a name without a registry stands for. */
function fullName(name: string): string {
  return name.includes("/") ? name : `docker.io/library/${name}`;
}

/** The mirror of Debian that this machine uses. */
function mirror(): string {
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...readdirSync(folder).map((name) => join(folder, name))];
  const texts = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8"));
  const uri = /^(?:URIs:|deb(?: \[[^\]]*\])?) *(https?:\S*\/debian\/?)(?:\s|$)/m.exec(texts.join("\n"))?.[1];
  return uri ?? "http://deb.debian.org/debian";
}

/** npm is one folder beside the Node that this machine came with. */
function npmFolder(): string {
  const npm = onPath("npm", process.env);
  if (npm === undefined) throw new Error("there is no npm on the PATH: install Node.js with npm");
  return dirname(dirname(realpathSync(npm)));
}

/** The folder of kind's sources, at the version that is pinned: they come with the files that its nodes have. */
function kindModule(): string {
  const cwd = join(import.meta.dirname, "..", "controlplane", "gotools", "kind");
  const env = { ...process.env, GOWORK: "off" };
  return JSON.parse(
    execFileSync("go", ["mod", "download", "-json", "sigs.k8s.io/kind"], { cwd, encoding: "utf8", env }),
  ).Dir;
}

/** The binaries of the pinned version, whatever the tests run against. */
function withoutAssets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { KUBEBUILDER_ASSETS: _, USE_EXISTING_CLUSTER: __, ...rest } = env;
  return rest;
}

function sources(): string[] {
  const files = [import.meta.filename, ...readdirSync(SOURCES).map((name) => join(SOURCES, name))];
  return files.map((file) => readFileSync(file, "utf8"));
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
