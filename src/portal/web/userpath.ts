/**
 * The name of a user as one segment of a path: `~` and two hex digits stand for a byte, as `%` does elsewhere, so that no
 * browser takes `..` for the folder above, and no proxy undoes or refuses a slash.
 */
export function userSegment(user: string): string {
  const segment = encodeURIComponent(user.toWellFormed())
    .replaceAll("~", "%7E")
    .replaceAll("%40", "@")
    .replaceAll("%", "~");
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll(".", "~2E") : segment;
}

/** The user whom a segment of a path names, as the router has decoded it; undefined where it names none. */
export function userIn(segment: string): string | undefined {
  try {
    return decodeURIComponent(encodeURIComponent(segment).replaceAll("~", "%"));
  } catch {
    return undefined;
  }
}
