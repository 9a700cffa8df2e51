import { WEAKNESS_CLASSES, type WeaknessClass } from "../../ssh/weakness/classes.ts";
import type { Finding } from "./finding.ts";

/** The gravest first, otherwise in their order. Where only some are shown, it is these. */
export function gravestFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => rank(a) - rank(b));
}

function rank({ code }: Finding): number {
  const index = GRAVE.indexOf(code);
  return index === -1 ? GRAVE.length : index;
}

/** What lets somebody in who should not be, before what keeps somebody out. */
const GRAVE: readonly string[] = [
  "PrivateKey",
  ...Object.entries<WeaknessClass>(WEAKNESS_CLASSES).flatMap(([code, { state }]) =>
    state === "Compromised" ? [code] : [],
  ),
  "RevokedFingerprint",
  "Unreadable",
  "InvalidYAML",
];
