/** How much of a build is done before its end is foretold: the first packages are small. */
const LEAST_PART = 0.05;

/**
 * Says about how long a build of so many packages still takes when so many are compiled after so many ms: "about 4 min
 * left". They take about the same time each, in their thousands. Empty while that is a guess.
 */
export function timeLeft(elapsedMs: number, compiled: number, packages: number): string {
  if (packages === 0 || compiled / packages < LEAST_PART) return "";
  const seconds = (elapsedMs / 1000) * Math.max(0, packages / compiled - 1);
  return seconds < 45 ? "less than a minute left" : `about ${Math.round(seconds / 60)} min left`;
}
