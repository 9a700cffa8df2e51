import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take half a minute and more, the longest first. */
const LONGEST = [
  "faults/answers",
  "faults/watches",
  "operator/trustboundary/fairness",
  "demo/demo",
  "faults/outages",
  "faults/random",
  "deploy/release",
  "faults/crashes",
  "plugin/admission/admission",
  "deploy/permissions",
  "demo/portal",
  "operator/trustboundary/ownership",
  "operator/admission",
  "deploy/authorizedkeyspolicies",
  "faults/restore",
];

/** Starts them first, whatever a run before has left behind, so that none is still running when all else is done. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.indexOf(relative(import.meta.dirname, moduleId).replace(/\.test\.ts$/, ""));
      return place === -1 ? LONGEST.length : place;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
