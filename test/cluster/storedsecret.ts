import { EMPTY_SINCE_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import type { Stored } from "./history.ts";
import { idOf } from "./reigns.ts";

/** How long an empty Secret is kept by default, in ms. */
export const RETENTION_MS = 24 * 3600 * 1000;

/** One line of an authorized_keys file that the operator wrote. */
export interface Line {
  readonly text: string;
  readonly base64: string;
  /** NAMESPACE/NAME of the SSHKey. */
  readonly source: string;
}

/** What label and annotations say of a Secret. */
export interface Marks {
  /** Has it the label, and the annotation with its own name? */
  readonly isManaged: boolean;
  /** ms since the epoch; NaN without the annotation. */
  readonly emptySince: number;
}

/** `value`: of a data key, in base64. */
export function linesOf(value = ""): readonly Line[] {
  const lines = Buffer.from(value, "base64").toString("utf8").split("\n");
  return lines
    .filter((line) => line !== "")
    .map((text) => {
      const [base64 = "", source = ""] = text.split(" ").slice(-2);
      return { text, base64, source };
    });
}

export function marksOf(object: Stored): Marks {
  const { labels, annotations } = object.metadata;
  return {
    isManaged: labels?.[MANAGED_LABEL] === "default" && annotations?.[SECRET_ANNOTATION] === idOf(object),
    emptySince: Date.parse(annotations?.[EMPTY_SINCE_ANNOTATION] ?? ""),
  };
}
