/** What builds images and runs the node of a cluster. */
export interface Engine {
  /** As kind calls it. */
  readonly provider: "docker" | "podman";
  /** The image of the node; without one, kind takes the published one that it names by its digest. */
  readonly nodeImage?: string;
  /** What kind and the provider need to know. */
  readonly env: NodeJS.ProcessEnv;
  /** The command line that runs a command where the cluster's addresses are reachable. */
  within(command: readonly string[]): string[];
  /** Builds an image, and writes it to a file that `kind load image-archive` takes. */
  buildImage(image: ImageSource): Promise<void>;
}

export interface ImageSource {
  readonly name: string;
  readonly dockerfile: string;
  readonly context: string;
  readonly archive: string;
}

/** A cluster cannot be made on this machine; the message says what to install. */
export class EngineError extends Error {
  readonly code = "NO_CONTAINER_ENGINE";

  constructor(message: string) {
    super(message);
    this.name = "EngineError";
  }
}
