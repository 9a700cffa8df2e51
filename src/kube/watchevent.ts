import { isKubeObject, isResourceVersion, type KubeObject } from "../api/object.ts";
import { statusError, undecodable } from "./apierror.ts";

/** One event of a watch. A bookmark says only how far the stream has come. */
export type WatchEvent =
  | {
      readonly type: "ADDED" | "MODIFIED" | "DELETED";
      readonly object: KubeObject;
      readonly resourceVersion: string;
    }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/**
 * Decodes one line of a watch on `path`. Throws an ApiError: the server's own for an ERROR event, `Undecodable` for
 * anything that is no valid watch event.
 */
export function parseWatchEvent(line: string, path: string): WatchEvent {
  const { type, object } = parseLine(line, path);
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      if (isKubeObject(object)) {
        return { type, object, resourceVersion: object.metadata.resourceVersion };
      }
      throw undecodable(`WATCH ${path}`, "an event's object has no name, uid or resourceVersion");
    case "BOOKMARK":
      return { type, resourceVersion: bookmarkVersion(object, path) };
    case "ERROR":
      throw statusError(`WATCH ${path}`, object);
    default:
      throw undecodable(`WATCH ${path}`, "an event of unknown type");
  }
}

function parseLine(line: string, path: string): { type?: unknown; object?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) {
      return value;
    }
  } catch {
    // The parser's message quotes the line.
  }
  throw undecodable(`WATCH ${path}`, "a line is not a JSON object");
}

function bookmarkVersion(object: unknown, path: string): string {
  const { metadata } = (object ?? {}) as { metadata?: unknown };
  const { resourceVersion } = (metadata ?? {}) as { resourceVersion?: unknown };
  if (!isResourceVersion(resourceVersion)) {
    throw undecodable(`WATCH ${path}`, "a bookmark has no resourceVersion");
  }
  return resourceVersion;
}
